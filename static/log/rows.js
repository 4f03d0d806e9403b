// rows.js: one line of output as one element: gutter (number, time, host) and text with its colours.
import { el } from '../page/dom.js';
import { runs } from './sgr.js';

/** @typedef {import('./line.js').Line} Line
 *  @typedef {{width: number, times: boolean}} Gutter characters of a host's name; whether times are shown */

/** @param {string[]} parts */
const template = (...parts) => el('div', 'ln', ...parts.map((part) => el('span', part)));
const timed = template('ln-n', 'ln-t', 'ln-h', 'ln-x');
const bare = template('ln-n', 'ln-h', 'ln-x'); // each element of a row is laid out thousands of times a second

/** @param {number} ms @returns {string} `1:02.5` since the push began */
const clock = (ms) => `${Math.floor(ms / 60000)}:${((ms / 1000) % 60).toFixed(1).padStart(4, '0')}`;

/**
 * Appends text with its colours, as text nodes and spans with fixed class names.
 * @param {Element} to
 * @param {string} text
 */
export function paint(to, text) {
  if (!text.includes('\x1b')) return to.append(text);
  for (const run of runs(text)) to.append(run.classes ? el('span', run.classes, run.text) : run.text);
}

/**
 * The gutter is padded text, not boxes: plain inline text is the cheapest thing to lay out.
 * @param {Line} line
 * @param {Gutter} gutter
 * @returns {HTMLElement}
 */
export function makeRow(line, gutter) {
  const row = /** @type {HTMLElement} */ ((gutter.times ? timed : bare).cloneNode(true));
  const number = /** @type {HTMLElement} */ (row.firstChild);
  const text = /** @type {HTMLElement} */ (row.lastChild);
  const host = /** @type {HTMLElement} */ (text.previousSibling);
  if (line.kind !== 'out') row.dataset.k = line.kind;
  number.textContent = `${String(line.n).padStart(6)} `;
  if (gutter.times) row.children[1].textContent = `${clock(line.t).padStart(8)} `;
  host.textContent = line.host.slice(0, gutter.width).padEnd(gutter.width + 2);
  host.title = line.host;
  paint(text, line.text);
  return row;
}

/** The height of a row that does not wrap. @param {Element} inside */
export function rowHeight(inside) {
  const probe = makeRow({ n: 1, t: 0, step: 0, host: '', kind: 'out', text: 'x' }, { width: 8, times: false });
  inside.append(probe);
  const height = probe.getBoundingClientRect().height || 18;
  probe.remove();
  return height;
}
