// search.js: finding text over all lines that pass the filters, in slices so that the page never stalls; matches are
// painted with highlights, without touching the elements. In lines that lie on the server, the server looks.
import { lower } from './blocks.js';
import { plain } from './sgr.js';

export class Search {
  /** @param {import('./log.js').LogView} view */
  constructor(view) {
    this.view = view;
    this.query = '';
    /** Places of the lines that match. @type {number[]} */
    this.hits = [];
    /** Which of them is the current one. */
    this.at = -1;
    this.job = 0;
    this.painted = false;
  }

  /** @param {import('../live/fold.js').Line} line */
  matches(line) {
    return plain(line.text).toLowerCase().includes(this.query) || line.host === this.query;
  }

  /** Looks for a text. @param {string} text */
  find(text) {
    this.query = text.trim().toLowerCase();
    if (this.query) this.view.match = 0; // an empty field leaves the match where it is: its line can still be linked
    this.again();
  }

  /** The search is left: its line is the match, also when nobody went to it. */
  leave() {
    if (!this.view.match && this.hits.length) this.view.match = this.hits[this.first() % this.hits.length] + 1;
  }

  /** The match is left. */
  forget() {
    this.view.match = 0;
    this.mark();
  }

  /** Which of the matches is the first from what is on screen. */
  first() {
    return lower(this.hits, Math.max(0, this.view.blocks.firstSeen()));
  }

  /** Looks again, over the lines that pass the filters now. */
  again() {
    this.hits = [];
    this.at = -1;
    const job = ++this.job;
    if (this.view.far) return this.view.far.look(this);
    const { shown, lines } = this.view;
    const end = shown.length; // later ones are looked at as they come
    let k = 0;
    const slice = () => {
      if (job !== this.job) return;
      const until = performance.now() + 8;
      /** @type {number[]} */
      const found = [];
      while (this.query && k < end && performance.now() < until) {
        for (const stop = Math.min(k + 500, end); k < stop; k++) if (this.matches(lines[shown[k]])) found.push(shown[k]);
      }
      // lines that came meanwhile were put at the end: keep the order
      if (found.length) this.hits.splice(lower(this.hits, found[0]), 0, ...found);
      const busy = !!this.query && k < end;
      this.tell(busy);
      if (busy) setTimeout(slice);
      else {
        this.mark();
        this.view.rail.draw();
      }
    };
    slice();
  }

  /** A new line passed the filters. @param {number} i */
  take(i) {
    if (this.query && this.matches(this.view.lines[i])) this.hits.push(i);
  }

  /** The next match, or the one before. @param {1|-1} by */
  next(by) {
    const { hits } = this;
    if (!hits.length) return;
    if (this.at < 0) {
      const k = this.first();
      this.at = (by > 0 ? k : k - 1 + hits.length) % hits.length;
    } else this.at = (this.at + by + hits.length) % hits.length;
    this.view.goTo(hits[this.at] + 1, { mark: false });
    this.view.match = hits[this.at] + 1;
    this.mark();
    this.tell(false);
  }

  /** @param {boolean} busy */
  tell(busy) {
    this.view.hooks.search?.({ query: this.query, count: this.hits.length, at: this.at, busy });
  }

  /** Paints the matches in warm blocks. */
  mark() {
    const { match } = this.view;
    if (!this.query && !match && !this.painted) return;
    this.painted = !!this.query || !!match;
    const ranges = /** @type {Range[]} */ ([]);
    const current = /** @type {Range[]} */ ([]);
    const here = this.at >= 0 ? this.hits[this.at] : -1;
    for (const [row, i] of this.view.blocks.rows()) {
      const text = /** @type {Element} */ (row.lastChild);
      const low = this.query ? (text.textContent ?? '').toLowerCase() : '';
      let at = this.query ? low.indexOf(this.query) : -1;
      const hit = at >= 0 || (!!this.query && /** @type {HTMLElement} */ (text.previousSibling).title === this.query);
      row.classList.toggle('is-hit', hit);
      row.classList.toggle('is-now', (hit && i === here) || i + 1 === match);
      for (; at >= 0; at = low.indexOf(this.query, at + this.query.length)) {
        (i === here ? current : ranges).push(rangeIn(text, at, at + this.query.length));
      }
    }
    if (!globalThis.Highlight) return; // the line's own mark has to do
    CSS.highlights.set('hit', new Highlight(...ranges));
    CSS.highlights.set('hit-now', new Highlight(...current));
  }
}

/** A range of characters over several text nodes. @param {Element} element @param {number} from @param {number} to */
function rangeIn(element, from, to) {
  const range = new Range();
  const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let at = 0;
  let open = false;
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const end = at + /** @type {Text} */ (node).length;
    if (!open && from < end) {
      range.setStart(node, from - at);
      open = true;
    }
    if (to <= end) {
      range.setEnd(node, to - at);
      break;
    }
    at = end;
  }
  return range;
}
