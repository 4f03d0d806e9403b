// times.js: times in the reader's zone, ages that grow, durations and numbers in words. The server wrote all of them in UTC;
// without this file they stay as they are.
import { $, $$, say } from './dom.js';

/** Milliseconds that the server's clock is ahead of this one. */
const ahead = Number(document.documentElement.dataset.now || Date.now()) - Date.now();

/** Now, by the server's clock. */
export const now = () => Date.now() + ahead;

/** @param {number} n @returns {string} `2,841` */
export const count = (n) => n.toLocaleString('en');

/** @param {number} ms @returns {string} `0.4 s`, `38 s`, `1 m 32 s`, `2 h 05 m` */
export function duration(ms) {
  if (ms < 9950) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${String(s % 60).padStart(2, '0')} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, '0')} m`;
}

/** @param {number} ms @returns {string} whole seconds: what counts up must not twitch */
export const soFar = (ms) => duration(Math.max(0, Math.floor(ms / 1000) * 1000)).replace(/\.0 s$/, ' s');

/** @param {number} ms @returns {string} rounded, so that it does not twitch, and never a stuck 99 % */
export function left(ms) {
  if (ms < 0) return 'taking longer than usual';
  if (ms < 2000) return 'nearly done';
  if (ms < 20000) return 'a few seconds left';
  if (ms < 90000) return `about ${Math.round(ms / 5000) * 5} s left`;
  return `about ${Math.round(ms / 60000)} min left`;
}

/** @type {Record<string, (at: Date) => string>} */
const forms = {
  clock: (at) => at.toTimeString().slice(0, 8),
  minute: (at) => at.toTimeString().slice(0, 5),
  until: (at) => (forms.day(at) === forms.day(new Date(now())) ? '' : forms.day(at).slice(0, -4)) + forms.minute(at),
  day: (at) =>
    at.toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }).replace(',', ''),
  age: (at) => {
    const minutes = Math.floor((now() - at.getTime()) / 60000);
    if (minutes < 1) return 'just now';
    if (minutes < 60) return `${minutes} min`;
    return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} d`;
  },
  ago: (at) => forms.age(at).replace(/[nhd]$/, '$& ago'), // not "just now"
};

/** Turns the times of a part of the page into the reader's zone. @param {ParentNode} [root] */
export function localize(root = document) {
  groupDays(root);
  for (const choice of $$('[data-here]', root)) say(choice, choice.dataset.here ?? ''); // a form's times are the reader's
  for (const time of $$('time[data-as]', root, HTMLTimeElement)) {
    const at = new Date(time.dateTime);
    const form = forms[time.dataset.as ?? ''];
    if (!form || Number.isNaN(at.getTime())) continue;
    say(time, form(at));
    if (!time.dataset.utc) {
      time.dataset.utc = time.title;
      time.title = `${at.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'long' })} (${time.title})`;
    }
  }
}

/** Days begin where the reader is: puts the headings of a list of pushes where the days change. @param {ParentNode} root */
function groupDays(root) {
  for (const body of $$('tbody[data-days]', root)) {
    const headings = $$('tr.day', body);
    const pattern = headings[0];
    if (!pattern) continue;
    for (const heading of headings) heading.remove();
    let last = '';
    for (const row of $$('tr', body)) {
      const at = new Date(row.querySelector('time')?.dateTime ?? '');
      const day = forms.day(at);
      if (day === last || Number.isNaN(at.getTime())) continue;
      last = day;
      const heading = /** @type {HTMLElement} */ (pattern.cloneNode(true));
      const names = [forms.day(new Date(now())), forms.day(new Date(now() - 86400000))].indexOf(day);
      $$('th', heading)[0].replaceChildren(['', 'Today, ', 'Yesterday, '][names + 1] + day);
      row.before(heading);
    }
  }
}

/** What counts up: ages, running pushes on cards. @param {ParentNode} [root] */
export function tick(root = document) {
  for (const element of $$('[data-since]', root)) {
    const elapsed = now() - Date.parse(element.dataset.since ?? '');
    if (element.localName === 'span') say(element, soFar(elapsed));
    const typical = Number(element.dataset.usual);
    if (!(element instanceof HTMLProgressElement) || !typical) continue;
    element.value = Math.min(95, Math.floor((elapsed * 100) / typical));
    const card = element.closest('.nowcard, .bcell, .stage-run');
    if (!card) continue;
    for (const percent of $$('[data-percent]', card)) say(percent, `${Math.floor(element.value)} %`);
    for (const words of $$('[data-left]', card)) say(words, left(typical - elapsed));
  }
}

/** Starts the clocks of the page. */
export function startClocks() {
  localize();
  for (const zone of $$('[data-zone]')) {
    say(zone, `Times are in your time zone (${Intl.DateTimeFormat().resolvedOptions().timeZone || 'local'})`);
  }
  // On a stale page nobody knows how far it is.
  setInterval(() => document.hidden || $('.stale') || tick(), 1000);
  setInterval(() => document.hidden || localize(), 20000);
}
