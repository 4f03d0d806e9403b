// fresh.js: keeps a page fresh: when the server says that something changed, the page is fetched again and the parts
// that differ are swapped. Focus, open menus and what was typed stay. A page that cannot be kept fresh says how old it is.
// It must never change what a person is about to press without closing the question first.
import { $, $$, button, el, say, the } from './dom.js';
import { onChange, retry } from './shared.js';
import { localize, soFar } from './times.js';

/** A page that was not known to be right for so long says so. */
const STALE = 30000;
/** A page whose clock stood still for so long was asleep, and asks at once. */
const ASLEEP = 15000;

/** As the server last drew each part, by its name. @type {Map<string, Element>} */
const drawn = new Map();

/**
 * A part without what differs on every drawing, and without the parts in it, which are swapped on their own: a question
 * stays open when only the words below its button change. The outermost is the page itself, for what is in no other part: a
 * stack, a stage or a table that comes or goes.
 * @param {Element} part
 */
function comparable(part) {
  const copy = /** @type {Element} */ (part.cloneNode(true));
  for (const inner of $$('[data-part]', copy)) inner.replaceChildren();
  for (const input of $$('input[name="nonce"]', copy)) input.removeAttribute('value');
  for (const time of $$('time', copy, HTMLTimeElement)) time.replaceWith(time.dateTime);
  for (const count of $$('[data-since], [data-percent], [data-left], [data-here]', copy)) {
    count.replaceChildren();
    count.removeAttribute('value');
  }
  return copy;
}

/** @param {HTMLElement} part */
const nameOf = (part) => part.dataset.part ?? '';

/** @param {HTMLElement} part a part as the server drew it, with the parts in it */
function remember(part) {
  for (const drawing of [part, ...$$('[data-part]', part)]) drawn.set(nameOf(drawing), comparable(drawing));
}

/** The page differs from what the server draws now, and is to be swapped when the person has closed what is open in it. */
let waits = false;

/** @param {Document} fresh */
function swapAll(fresh) {
  for (const part of $$('[data-part]')) {
    const next = $(`[data-part="${CSS.escape(nameOf(part))}"]`, fresh);
    const same = next && drawn.get(nameOf(part))?.isEqualNode(comparable(next));
    if (!next || same) continue;
    // What differs is outside of all other parts, so it is not what a question is about.
    if (part.localName === 'main' && $(':popover-open', part)) waits = true;
    else swap(part, next);
  }
}

/** What finds an element again in a part that was drawn anew. @param {HTMLElement} element */
function key(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  if (element.dataset.go) return `[data-go="${CSS.escape(element.dataset.go)}"]`;
  if (element.localName === 'summary' && element.parentElement?.id) return `#${CSS.escape(element.parentElement.id)} > summary`;
  const target = element.getAttribute('popovertarget');
  if (target) return `[popovertarget="${CSS.escape(target)}"]`;
  const href = element.getAttribute('href');
  return href ? `a[href="${CSS.escape(href)}"]` : '';
}

/** Lists that a person has opened, by name: one may be gone for a moment, while the server finds out what is in it. @type {Set<string>} */
const opened = new Set();
/** What finds the element that had the focus, and is gone for a moment. */
let gone = '';

/** What a person has opened and typed in a part stays in the one that takes its place. @param {Element} part @param {Element} next */
function keep(part, next) {
  for (const list of $$('details[id]', part)) opened[list.hasAttribute('open') ? 'add' : 'delete'](list.id);
  for (const id of opened) $(`#${CSS.escape(id)}`, next)?.setAttribute('open', '');
  for (const field of $$('input[id]', part, HTMLInputElement)) {
    const same = field.value !== field.defaultValue && $(`#${CSS.escape(field.id)}`, next, HTMLInputElement);
    if (same) same.value = field.value;
  }
  for (const list of $$('select[id]', part, HTMLSelectElement)) {
    const chosen = [...list.options].some((choice) => choice.selected !== choice.defaultSelected);
    const same = chosen && $(`#${CSS.escape(list.id)}`, next, HTMLSelectElement);
    if (same) same.value = list.value;
  }
}

/** @param {HTMLElement} part @param {HTMLElement} next */
function swap(part, next) {
  const focus = part.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
  const open = $(':popover-open', part) ?? (part.matches(':popover-open') ? part : null);
  remember(next);
  keep(part, next);
  if (part.matches('.brow')) next.hidden = part.hidden; // what a person looks for stays found
  const placed = document.adoptNode(next);
  if (part.matches('[popover]')) {
    part.replaceChildren(...placed.childNodes); // an open menu stays open, and keeps its place
  } else {
    part.replaceWith(placed);
    if (open) {
      // the question was about what has changed: it is put again only when asked again
      say($('#say'), 'This page has changed. Check it again.');
    }
  }
  const root = placed.isConnected ? placed : part;
  localize(root);
  // Rows that are new are looked through too.
  $('[data-find="stacks"]', root)?.dispatchEvent(new Event('input', { bubbles: true }));
  if (focus) gone = key(focus);
  else if (document.activeElement !== document.body) gone = '';
  const found = gone && $(gone, root);
  if (!found) return;
  found.focus({ preventScroll: true });
  gone = '';
}

let asking = false;
let again = false;
/** Whether the stream broke, so that changes may have been missed. */
let missed = false;
/** Fetches that failed, one after the other. */
let failed = 0;
/** The page was right at this time. */
let asOf = Date.now();

/** Looks once more at the whole page, for one that keeps itself fresh otherwise. */
export const freshen = () => ask();

/** Fetches the page as a document: nothing of it runs, nothing is parsed from text by us. */
function ask() {
  if (document.hidden || asking) {
    again = true;
    return;
  }
  asking = true;
  again = false;
  const asked = Date.now();
  const request = new XMLHttpRequest();
  request.open('GET', location.href);
  request.responseType = 'document';
  request.timeout = 15000;
  request.onloadend = () => {
    const page = request.responseXML;
    const right = request.status === 200 && page;
    failed = right ? 0 : failed + 1;
    if (right && new URL(request.responseURL).pathname === location.pathname) {
      swapAll(page);
      tellUpgrade(page);
      asOf = asked;
      tellAge();
    } else if (right || request.status === 401) location.reload(); // signed out: sent to sign in
    // At most once a second, however fast things change; a server that does not answer is asked less and less.
    setTimeout(
      () => {
        asking = false;
        if (again || failed) ask();
      },
      failed ? Math.min(15, 2 ** failed) * 1000 : 1000,
    );
  };
  request.send();
}

/** A tab that is older than the server's scripts and style says so. @param {Document} page as the server draws it now */
function tellUpgrade(page) {
  const { assets } = page.documentElement.dataset;
  if (!assets || assets === document.documentElement.dataset.assets || $('#upgraded')) return;
  const reload = button('btn btn--sm', 'Reload');
  reload.addEventListener('click', () => location.reload());
  const words = 'Pushbutton was upgraded since this page was opened.';
  const note = el('div', 'note note--warn', el('div', 'grow', words), el('span', 'note-act', reload));
  note.id = 'upgraded';
  const head = $('.phead');
  if (head) head.append(note);
  else the('main').prepend(note);
  say($('#say'), words);
}

/** @type {HTMLElement|null} */
let note = null;

/** Says how old the page is, once it can no longer be known to be right. */
function tellAge() {
  const age = Date.now() - asOf;
  const stale = age > STALE;
  document.documentElement.classList.toggle('stale', stale);
  if (!stale) {
    if (note) say($('#say'), 'Connected again. This page is up to date.');
    note?.remove();
    note = null;
    return;
  }
  if (!note) {
    const again = button('btn btn--sm', 'Try now');
    again.addEventListener('click', () => {
      retry();
      ask();
    });
    note = el('div', 'note note--warn stale-note', el('div', 'grow'), el('span', 'note-act', again));
    the('main').prepend(note);
    say($('#say'), 'No connection. This page may be out of date.');
  }
  const at = new Date(asOf).toLocaleTimeString('en-GB');
  say(note.firstElementChild, `No connection to Pushbutton for ${soFar(age)}. This page shows the state of ${at}.`);
}

/** What was heard of the server: without news, the page is still right. */
function heard() {
  if (!asking && !again && !missed) asOf = Date.now();
}

/** Starts to keep the page fresh; a page that was hidden looks once when it is shown again. */
export function keepFresh() {
  for (const part of $$('[data-part]')) drawn.set(nameOf(part), comparable(part));
  onChange((name) => {
    if (name === 'broken' || name === 'refused') missed = true;
    else if (name === 'changed' || (name === 'open' && missed)) {
      missed = false; // what happened while nobody listened is in the answer
      ask();
    } else heard();
  });
  const closed = (/** @type {ToggleEvent} */ e) => {
    if (!waits || e.newState === 'open') return;
    waits = false;
    ask();
  };
  addEventListener('toggle', /** @type {EventListener} */ (closed), true);
  let ticked = Date.now();
  setInterval(() => {
    const slept = Date.now() - ticked > ASLEEP;
    ticked = Date.now();
    if (document.hidden) return;
    if (slept) {
      retry();
      ask();
    }
    tellAge();
  }, 1000);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && (again || missed || Date.now() - asOf > ASLEEP)) ask();
  });
  addEventListener('pageshow', (e) => e.persisted && ask());
}
