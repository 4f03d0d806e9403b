// log.js: the command window: takes lines in, draws them once a frame, filters, goes to a line. Taking lines in only
// pushes to arrays; all drawing takes at most 8 ms of a frame, the rest waits for the next one. It puts its parts together,
// each of which changes nothing but itself: the lines (list.js), where the reader is (reader.js), what a link marks (marks.js),
// the elements (blocks.js), the search and the rail.
import { the } from '../page/dom.js';
import { Blocks } from './blocks.js';
import { LineList, lower } from './list.js';
import { Marks } from './marks.js';
import { Rail } from './rail.js';
import { Reader } from './reader.js';
import { Search } from './search.js';

/** @typedef {import('./line.js').Line} Line
 *  @typedef {import('./list.js').Wanted} Wanted
 *  @typedef {{follow?: (on: boolean, unseen: number) => void, host?: (host: string) => void, link?: () => void, left?: (lines: number) => void,
 *    search?: (state: import('./search.js').State) => void,
 *    filter?: (state: Wanted & {shown: number, all: number}) => void}} Hooks */

const SLICE = 1024; // lines between two looks at the clock
const BUDGET = 8; // milliseconds of drawing a frame
const BEHIND = 4096; // with more than this still to draw, colours can wait
const RUSH = 150; // milliseconds without more lines at once than fit on the screen, and nothing rushes by any more
const PACE = 50; // milliseconds between two drawings while lines rush by: nobody could read what is between

export class LogView {
  /**
   * @param {HTMLElement} root the `.log`
   * @param {{stepTitle: (step: number) => string, stepNote: (step: number) => string, hooks: Hooks}} with_
   */
  constructor(root, { stepTitle, stepNote, hooks }) {
    this.root = root;
    this.hooks = hooks;
    this.scroller = the('.log-scroll', root);
    this.gutter = { width: 8, times: false };
    this.list = new LineList();
    this.marks = new Marks();
    /** How many of the lines that pass the filters are in blocks. */
    this.done = 0;
    /** Where to go once its block has come from the server. @type {{n: number, mark: boolean}|null} */
    this.target = null;
    /** Filters that the server has yet to answer. @type {Wanted|null} */
    this.pending = null;
    /** The place of the error that was gone to last. */
    this.errorAt = -1;
    this.fit = 80; // lines that fit into the window
    this.drawnAt = 0;
    this.frame = 0;
    this.later = 0;
    /** @type {() => void} */
    this.marked = () => {};
    /** @type {Blocks} */
    this.blocks = new Blocks(this.scroller, {
      list: this.list,
      gutter: this.gutter,
      stepTitle,
      stepNote,
      isMarked: (n) => this.marks.has(n),
      selecting: () => this.reader.selecting(),
      keepsPlace: () => root.classList.contains('log--wrap') && !this.reader.following,
      moveBy: (by) => this.reader.moveBy(by),
      draw: () => this.draw(),
      settle: () => this.settle(),
    });
    /** @type {Search} */
    this.search = new Search({
      list: this.list,
      marks: this.marks,
      rows: () => this.blocks.rows(),
      firstSeen: () => this.blocks.firstSeen(),
      goTo: (n) => this.goTo(n, { mark: false }),
      told: (state) => hooks.search?.(state),
      done: () => this.rail.draw(),
    });
    this.reader = this.listen();
    const canvas = the('.log-rail', root, HTMLCanvasElement);
    this.rail = new Rail(canvas, this.scroller, () => this.places(), (top) => this.leaveFor(top));
    this.setGutter(4);
  }

  /** What the reader does, and what happens then. @returns {Reader} */
  listen() {
    document.addEventListener('visibilitychange', () => this.draw());
    addEventListener('hashchange', () => this.openHash());
    return new Reader(this.scroller, this.blocks.rowHeight, {
      follow: (on, unseen) => this.hooks.follow?.(on, unseen),
      moved: () => (this.target = null),
      scrolled: () => this.rail.draw(),
      input: (found) => {
        if (this.blocks.comeBack() || found) this.draw();
      },
      finds: () => !this.list.far,
      link: (n, extend) => this.link(n, extend),
      host: (host) => this.hooks.host?.(host),
      resized: () => this.settle(),
    });
  }

  /** What the rail shows. @returns {import('./rail.js').Places} */
  places() {
    const { shown, errors } = this.list;
    const steps = this.blocks.sections.flatMap((section) => section.blocks[0]?.idx[0] ?? []);
    return { shown, errors, hits: this.search.hits, steps };
  }

  /** @param {number} width characters of the longest host name */
  setGutter(width) {
    this.gutter.width = Math.min(12, Math.max(4, width));
    this.root.style.setProperty('--hostw', `${this.gutter.width + 2}ch`);
  }

  /** @param {Line[]} lines */
  append(lines) {
    this.search.look(this.list.append(lines));
    this.reader.more(lines.length);
    this.draw();
  }

  /** Lines that turned out to be errors. @param {number[]} places */
  markErrors(places) {
    for (const i of this.list.markErrors(places)) {
      const row = this.blocks.rowOf(i);
      if (row) row.dataset.k = 'err';
    }
    if (this.list.want.errors && places.length) this.filter({});
    else this.rail.draw();
  }

  /** Keeps the page small: the oldest lines of steps that went well are left to the raw output. @param {(step: number) => boolean} good */
  trim(good) {
    if (!this.list.isFull()) return;
    const before = this.list.shown.slice(0, this.done);
    this.list.drop(good);
    this.done = before.filter((i) => this.list.has(i)).length;
    this.search.drop();
    this.blocks.drop(this.reader.following);
    this.hooks.left?.(this.list.dropped);
    this.rail.draw();
  }

  /** Forgets all lines: the journal begins anew. */
  clear() {
    this.list.clear();
    this.errorAt = -1;
    this.marks.forgetMatch();
    this.reset();
  }

  /** The lines stay on the server. @param {import('./lines.js').FarLines} far @param {() => void} marked called when other lines are marked */
  setFar(far, marked) {
    this.list.setFar(far);
    this.marked = marked;
    this.filter({});
  }

  /** A block's lines have come from the server. @param {import('./blocks.js').Block} block */
  arrived(block) {
    if (!block.warm) return;
    this.blocks.steadily(() => this.blocks.rebuild(block));
    if (this.target && this.blocks.blockOf(this.target.n - 1) === block) this.goTo(this.target.n, this.target);
    else if (this.reader.following) this.reader.toEnd();
    this.search.mark();
  }

  draw() {
    if (this.frame || document.hidden) return; // hidden: drawn when it is seen again
    const paint = () => {
      this.frame = 0;
      this.paint();
    };
    const wait = Math.min(this.drawnAt + PACE, this.reader.fastUntil) - performance.now();
    this.frame = wait < 8 ? requestAnimationFrame(paint) : setTimeout(() => (this.frame = requestAnimationFrame(paint)), wait);
  }

  // All reading first, then all writing: the browser lays out once a frame, when the end is gone to.
  paint() {
    const { list, reader, blocks } = this;
    const tail = reader.following && !reader.held;
    if (!tail) blocks.release();
    reader.look();
    const begun = (this.drawnAt = performance.now());
    const until = begun + BUDGET;
    const from = this.done;
    const seen = tail ? list.shown.length - this.fit : Infinity;
    if (tail && from < seen) reader.rush(begun + RUSH);
    const turned = this.turnBlocks();
    while (this.done < list.shown.length && (this.done === from || performance.now() < until)) {
      const dirty = new Set();
      const stop = Math.min(list.shown.length, this.done + SLICE);
      for (; this.done < stop; this.done++) dirty.add(blocks.place(list.shown[this.done], this.done >= seen));
      for (const block of dirty) blocks.refresh(block);
    }
    const fresh = this.done > from;
    if (tail && (fresh || turned)) reader.toEnd();
    if ((this.search.query || this.marks.match) && (fresh || turned)) this.search.mark();
    if (fresh) this.rail.draw();
    const colours = blocks.turned.size && !reader.found && !reader.isFast();
    if (this.done < list.shown.length || colours) this.draw();
  }

  turnBlocks() {
    if (!this.blocks.turned.size || this.list.shown.length - this.done > BEHIND || this.reader.found) return false;
    if (this.reader.isFast()) {
      // the scrollbar is being dragged: plain text will do for now
      clearTimeout(this.later);
      this.later = setTimeout(() => this.draw(), 120);
      return false;
    }
    this.blocks.turn();
    return true;
  }

  /** Draws what is shown to the end at once, for who wants to see that. */
  paintAll() {
    while (this.done < this.list.shown.length) this.paint();
  }

  /** Builds what is shown anew, after a change of filter. */
  reset() {
    this.blocks.clear();
    this.done = 0;
    this.list.again();
    this.search.again();
  }

  /** @param {Partial<Wanted>} change */
  filter(change) {
    const { far } = this.list;
    const keep = this.blocks.firstSeen();
    if (!far) {
      this.list.filter(change);
      this.reset();
      this.paint(); // the first screens now, the rest in the next frames
      return this.filtered(keep);
    }
    const pending = (this.pending = { ...(this.pending ?? this.list.want), ...change });
    far.passing(pending, (shown) => {
      this.pending = null;
      this.list.filter(pending, shown);
      this.blocks.clear();
      this.done = shown.length;
      this.blocks.layOut(far);
      this.search.again();
      this.filtered(keep);
    });
  }

  /** @param {number} keep the place of the line that was first on screen */
  filtered(keep) {
    const { shown, want } = this.list;
    if (!this.reader.following && keep >= 0 && shown.length) {
      const near = shown[Math.min(lower(shown, keep), shown.length - 1)];
      this.goTo(near + 1, { mark: false });
    }
    this.settle();
    this.hooks.filter?.({ ...want, shown: shown.length, all: this.list.count() });
  }

  /** @param {number} top where the reader wants to be */
  leaveFor(top) {
    this.reader.follow(false);
    this.reader.moveTo(top);
  }

  settle() {
    this.fit = Math.ceil(this.scroller.clientHeight / this.blocks.rowHeight) + 1;
    this.reader.settle();
    this.rail.draw();
  }

  /** @param {boolean} on */
  showTimes(on) {
    this.gutter.times = on;
    this.root.classList.toggle('log--times', on);
    for (const block of this.blocks.warm) this.blocks.rebuild(block);
    this.settle();
    this.search.mark();
  }

  /** Wraps long lines; the reader's place is kept. @param {boolean} on */
  wrap(on) {
    const row = this.blocks.rowOf(this.blocks.firstSeen());
    const was = row ? this.blocks.y(row) : 0;
    this.root.classList.toggle('log--wrap', on);
    if (row) this.reader.moveBy(this.blocks.y(row) - was);
    this.settle();
  }

  /** Goes to the lines that the address names, if they are here. */
  openHash() {
    const from = this.marks.takeAddress();
    if (!from) return false;
    this.scroller.scrollIntoView({ block: 'nearest' });
    this.hooks.link?.();
    return this.goTo(from);
  }

  /** Makes the address name a line, or from the marked one to it. @param {number} n @param {boolean} extend */
  link(n, extend) {
    this.marks.link(n, extend);
    this.reader.follow(false);
    this.remark();
  }

  /** @param {number} n a line's number @param {{mark?: boolean}} [how] @returns {boolean} whether it is here */
  goTo(n, { mark = true } = {}) {
    const { list, blocks, reader } = this;
    const i = n - 1;
    if (!list.has(i)) return false;
    this.target = null;
    if (!list.passesAt(i)) this.filter({ steps: null, hosts: null, errors: false });
    while (this.done < list.shown.length && list.shown[this.done] <= i) this.paint();
    reader.follow(false);
    const block = blocks.open(i);
    if (!block) return false;
    const k = lower(block.idx, i);
    const row = block.el.children[k];
    if (!row) this.target = { n, mark }; // it is on its way
    const y = () => (row ? blocks.y(row) : blocks.y(block.el) + k * blocks.rowHeight);
    const third = () => reader.moveBy(y() - this.scroller.clientHeight / 3);
    third();
    third(); // blocks above that had only an estimated height may have changed it
    if (mark) this.remark();
    return true;
  }

  remark() {
    for (const [row, i] of this.blocks.rows()) row.classList.toggle('is-on', this.marks.has(i + 1));
    this.search.mark();
    this.marked();
  }

  /** The next error, or the one before. @param {1|-1} by */
  error(by) {
    const list = this.list.errors.filter((i) => this.list.passesAt(i));
    if (!list.length) return;
    const at = this.errorAt < 0 ? (by > 0 ? -1 : list.length) : list.indexOf(this.errorAt);
    this.errorAt = list[(at + by + list.length) % list.length];
    this.marks.set(this.errorAt + 1, this.errorAt + 1);
    this.goTo(this.errorAt + 1);
  }

  /** The line to link to: the match or the marked line, whichever is newer, else the first on screen. @param {number} [seen] that one's number */
  toLink(seen = this.blocks.firstSeen() + 1) {
    const { match, lines } = this.marks;
    return match && this.list.passesAt(match - 1) ? match : (lines?.[0] ?? seen);
  }

  /** Whether a line is on screen. @param {number} n */
  sees(n) {
    const row = this.blocks.rowOf(n - 1);
    const y = row ? this.blocks.y(row) : -1;
    return y >= 0 && y <= this.scroller.clientHeight - this.blocks.rowHeight;
  }
}
