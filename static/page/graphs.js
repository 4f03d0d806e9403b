// graphs.js: the graphs beside a push, or of a stack, fetched as the server draws them, and again while someone looks. A graph that cannot be
// fetched stays as it was. It must never ask another server.
import { $, $$ } from './dom.js';

/** Graphs of what goes on are fetched as often, in milliseconds. */
const EVERY = 15000;
/** And when the push has measured something: not more often than this. */
const SOON = 1000;

/** @param {HTMLElement} place an element whose `data-graphs` is the address of the page that has them */
function fetchGraphs(place) {
  const request = new XMLHttpRequest();
  request.open('GET', place.dataset.graphs ?? '');
  request.responseType = 'document';
  request.timeout = EVERY;
  request.onloadend = () => {
    const fresh = request.status === 200 && request.responseXML && $('[data-graphs]', request.responseXML);
    if (!fresh || !fresh.childElementCount) return;
    const graphs = document.adoptNode(fresh);
    place.replaceChildren(...graphs.childNodes);
    place.hidden = false;
  };
  request.send();
}

let soon = 0;

/** There is something new to see. */
export function fetchSoon() {
  if (soon) return;
  soon = setTimeout(() => {
    soon = 0;
    for (const place of $$('[data-graphs]')) fetchGraphs(place);
  }, SOON);
}

for (const place of $$('[data-graphs]')) {
  if (place.dataset.graphs && !place.hidden) fetchGraphs(place);
}
setInterval(() => {
  if (document.hidden) return;
  for (const place of $$('[data-graphs][data-live]:not([hidden])')) fetchGraphs(place);
}, EVERY);
