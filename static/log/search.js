// search.js: finding text over all lines that pass the filters, in slices so that the page never stalls; matches are
// painted with highlights, without touching the elements. In lines that lie on the server, the server looks.
import { lower } from './list.js';
import { plain } from './sgr.js';

/**
 * @typedef {{query: string, count: number, at: number, busy: boolean}} State `at` from 0, -1 at none yet
 * @typedef {object} Window where it searches
 * @property {import('./list.js').LineList} list
 * @property {import('./marks.js').Marks} marks
 * @property {() => Iterable<[HTMLElement, number]>} rows those on screen, with their places
 * @property {() => number} firstSeen the place of the first line on screen
 * @property {(n: number) => void} goTo
 * @property {(state: State) => void} told
 * @property {() => void} done all is looked through
 */

export class Search {
  /** @param {Window} where */
  constructor(where) {
    this.where = where;
    this.query = '';
    /** Places of the lines that match. @type {number[]} */
    this.hits = [];
    /** Which of them is the current one. */
    this.at = -1;
    this.job = 0;
    this.painted = false;
  }

  /** @param {import('./line.js').Line|null} line */
  matches(line) {
    return !!line && (plain(line.text).toLowerCase().includes(this.query) || line.host === this.query);
  }

  /** Looks for a text. @param {string} text */
  find(text) {
    this.query = text.trim().toLowerCase();
    if (this.query) this.where.marks.forgetMatch(); // an empty field leaves the match where it is: its line can still be linked
    this.again();
  }

  /** The search is left: its line is the match, also when nobody went to it. */
  leave() {
    const { marks } = this.where;
    if (!marks.match && this.hits.length) marks.found(this.hits[this.first() % this.hits.length] + 1);
  }

  /** The match is left. */
  forget() {
    this.where.marks.forgetMatch();
    this.mark();
  }

  /** Which of the matches is the first from what is on screen. */
  first() {
    return lower(this.hits, Math.max(0, this.where.firstSeen()));
  }

  /** Looks again, over the lines that pass the filters now. */
  again() {
    this.hits = [];
    this.at = -1;
    const job = ++this.job;
    const { far } = this.where.list;
    if (far) return far.look(this.query, (places, busy) => this.take(job, places, busy));
    const { shown, lines } = this.where.list;
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
      const busy = !!this.query && k < end;
      this.take(job, found, busy);
      if (busy) setTimeout(slice);
    };
    slice();
  }

  /** @param {number} job @param {number[]} places where something was found @param {boolean} busy whether there is more to look through */
  take(job, places, busy) {
    if (job !== this.job) return;
    // lines that came meanwhile were put at the end: keep the order
    const from = places.length ? lower(this.hits, places[0]) : 0;
    if (places.length) this.hits = [...this.hits.slice(0, from), ...places, ...this.hits.slice(from)];
    this.tell(busy);
    if (busy && !this.where.list.far) return;
    this.mark();
    this.where.done();
  }

  /** New lines passed the filters. @param {number[]} places */
  look(places) {
    if (!this.query) return;
    for (const i of places) if (this.matches(this.where.list.lines[i])) this.hits.push(i);
  }

  /** Some lines are no longer kept. */
  drop() {
    const now = this.hits[this.at];
    this.hits = this.hits.filter((i) => this.where.list.has(i));
    this.at = this.hits.indexOf(now);
  }

  /** The next match, or the one before. @param {1|-1} by */
  next(by) {
    const { hits } = this;
    if (!hits.length) return;
    if (this.at < 0) {
      const k = this.first();
      this.at = (by > 0 ? k : k - 1 + hits.length) % hits.length;
    } else this.at = (this.at + by + hits.length) % hits.length;
    this.where.goTo(hits[this.at] + 1);
    this.where.marks.found(hits[this.at] + 1);
    this.mark();
    this.tell(false);
  }

  /** @param {boolean} busy */
  tell(busy) {
    this.where.told({ query: this.query, count: this.hits.length, at: this.at, busy });
  }

  /** Paints the matches in warm blocks. */
  mark() {
    const { match } = this.where.marks;
    if (!this.query && !match && !this.painted) return;
    this.painted = !!this.query || !!match;
    const ranges = /** @type {Range[]} */ ([]);
    const current = /** @type {Range[]} */ ([]);
    const here = this.at >= 0 ? this.hits[this.at] : -1;
    for (const [row, i] of this.where.rows()) {
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
