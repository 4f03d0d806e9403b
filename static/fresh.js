// fresh.js: keeps a page fresh: when the server says that something changed, the page is fetched again and the parts
// that differ are swapped. Focus, open menus and what was typed stay. It must never change what a person is about to
// press without closing the question first.
import { $, $$, say } from './dom.js';
import { onChange } from './shared.js';
import { localize } from './times.js';

/** As the server last drew each part, by its name. @type {Map<string, Element>} */
const drawn = new Map();

/**
 * A part without what differs on every drawing, and without the parts in it, which are swapped on their own: a question
 * stays open when only the words below its button change.
 * @param {Element} part
 */
function comparable(part) {
  const copy = /** @type {Element} */ (part.cloneNode(true));
  for (const inner of $$('[data-part]', copy)) inner.replaceChildren();
  for (const input of $$('input[name="nonce"]', copy)) input.removeAttribute('value');
  for (const time of $$('time', copy)) time.replaceWith(time.dateTime);
  for (const count of $$('[data-since], [data-percent], [data-left]', copy)) {
    count.replaceChildren();
    count.removeAttribute('value');
  }
  return copy;
}

/** @param {Element} part a part as the server drew it, with the parts in it */
function remember(part) {
  for (const drawing of [part, ...$$('[data-part]', part)]) drawn.set(drawing.dataset.part, comparable(drawing));
}

/** @param {Document} fresh */
function swapAll(fresh) {
  for (const part of $$('[data-part]')) {
    const next = $(`[data-part="${CSS.escape(part.dataset.part)}"]`, fresh);
    const same = next && drawn.get(part.dataset.part)?.isEqualNode(comparable(next));
    if (next && !same) swap(part, next);
  }
}

/** @param {HTMLElement} part @param {HTMLElement} next */
function swap(part, next) {
  const focus = part.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
  const open = $(':popover-open', part) ?? (part.matches(':popover-open') ? part : null);
  remember(next);
  const placed = document.adoptNode(next);
  if (part.matches('[popover]')) {
    part.replaceChildren(...placed.childNodes); // an open menu stays open, and keeps its place
  } else {
    part.replaceWith(placed);
    if (open) {
      // the question was about what has changed: it is put again only when asked again
      say($('#say'), 'Something changed. Look again.');
    }
  }
  const root = placed.isConnected ? placed : part;
  localize(root);
  const key = focus && (focus.id ? `#${CSS.escape(focus.id)}` : focus.dataset.go ? `[data-go="${focus.dataset.go}"]` : '');
  if (key) $(key, root)?.focus({ preventScroll: true });
}

let asking = false;
let again = false;

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
  const request = new XMLHttpRequest();
  request.open('GET', location.href);
  request.responseType = 'document';
  request.timeout = 15000;
  request.onloadend = () => {
    // at most once a second, however fast things change
    setTimeout(() => {
      asking = false;
      if (again) ask();
    }, 1000);
    const page = request.responseXML;
    if (request.status === 200 && page && new URL(request.responseURL).pathname === location.pathname) swapAll(page);
    else if (request.status === 401 || (request.status === 200 && page)) location.reload(); // signed out: sent to sign in
  };
  request.send();
}

/** Starts to keep the page fresh; a page that was hidden looks once when it is shown again. */
export function keepFresh() {
  for (const part of $$('[data-part]')) drawn.set(part.dataset.part, comparable(part));
  let missed = false;
  onChange((name) => {
    if (name === 'broken' || name === 'refused') missed = true;
    if (name === 'changed' || (name === 'open' && missed)) ask(); // what happened while nobody listened
    if (name === 'open') missed = false;
  });
  let hidden = 0;
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) hidden = Date.now();
    else if (again || Date.now() - hidden > 30000) ask();
  });
  addEventListener('pageshow', (e) => e.persisted && ask());
}
