// log.js: the command window: takes lines in, draws them once a frame, filters, goes to a line. Taking lines in only
// pushes to arrays; all drawing takes at most 8 ms of a frame, the rest waits for the next one. The lines of a long push
// that has ended stay on the server (lines.js): `far` then stands for the array.
import { Blocks, lower } from './blocks.js';
import { $ } from '../page/dom.js';
import { listenToReader } from './follow.js';
import { Rail } from './rail.js';
import { Search } from './search.js';

/** @typedef {import('../live/fold.js').Line} Line
 *  @typedef {{steps: Set<number>|null, hosts: Set<string>|null, errors: boolean}} Wanted
 *  @typedef {{follow?: (on: boolean, unseen: number) => void, host?: (host: string) => void, link?: () => void, left?: (lines: number) => void,
 *    search?: (state: {query: string, count: number, at: number, busy: boolean}) => void,
 *    filter?: (state: Wanted & {shown: number, all: number}) => void}} Hooks */

/** Lines in one page (keep.js). */
export const limits = { lines: 300000 };

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
    this.stepTitle = stepTitle;
    this.stepNote = stepNote;
    this.hooks = hooks;
    this.scroller = /** @type {HTMLElement} */ ($('.log-scroll', root));
    this.gutter = { width: 8, times: false };
    /** A line that is no longer kept (keep.js) is null. @type {any[]} */
    this.lines = [];
    this.dropped = 0;
    /** @type {import('./lines.js').FarLines|null} */
    this.far = null;
    /** Where to go once its block has come. @type {{n: number, mark: boolean}|null} */
    this.aim = null;
    /** Filters that the server has yet to answer. @type {Wanted|null} */
    this.wish = null;
    /** Places of lines that are errors, sorted. @type {number[]} */
    this.errors = [];
    this.errorAt = -1;
    /** @type {Wanted} */
    this.want = { steps: null, hosts: null, errors: false };
    /** Places of the lines that pass the filters; `done` of them are in blocks. @type {number[]} */
    this.shown = [];
    this.done = 0;
    this.following = true;
    this.unseen = 0;
    /** The lines marked by a link. @type {[number, number]|null} */
    this.marked = null;
    /** The number of the line that a search led to last; 0 when a mark is newer, or the reader has left it. */
    this.match = 0;
    this.lastTop = this.ours = this.endWas = 0;
    this.held = this.found = false;
    this.fastUntil = this.inputAt = 0;
    this.rows = 80; // that fit into the window
    this.drawnAt = 0;
    this.frame = 0;
    this.blocks = new Blocks(this.scroller, this);
    this.search = new Search(this);
    this.rail = new Rail($('.log-rail', root), this);
    this.setGutter(4);
    listenToReader(this);
  }

  /** @param {number} width characters of the longest host name */
  setGutter(width) {
    this.gutter.width = Math.min(12, Math.max(4, width));
    this.root.style.setProperty('--hostw', `${this.gutter.width + 2}ch`);
  }

  /** @param {Line[]} lines */
  append(lines) {
    for (const line of lines) {
      const i = this.lines.push(line) - 1;
      if (!this.passes(line)) continue;
      this.shown.push(i);
      this.search.take(i);
    }
    if (!this.following) {
      this.unseen += lines.length;
      this.tellFollow();
    }
    this.draw();
  }

  /** Lines that turned out to be errors. @param {number[]} places */
  markErrors(places) {
    for (const i of places) {
      if (!this.lines[i]) continue;
      this.lines[i].kind = 'err';
      this.errors.splice(lower(this.errors, i), 0, i);
      const row = this.blocks.rowOf(i);
      if (row) row.dataset.k = 'err';
    }
    if (this.want.errors && places.length) this.filter({});
    else this.rail.draw();
  }

  /** Forgets all lines: the journal begins anew. */
  clear() {
    this.lines = [];
    this.dropped = 0;
    this.errors = [];
    this.errorAt = -1;
    this.match = 0;
    this.reset();
  }

  /** The lines stay on the server. @param {import('./lines.js').FarLines} far */
  setFar(far) {
    this.far = far;
    this.errors = far.errors;
    this.filter({});
  }

  /** A block's lines have come from the server. @param {import('./blocks.js').Block} block */
  arrived(block) {
    if (!block.warm) return;
    this.blocks.steadily(() => this.blocks.rebuild(block));
    if (this.aim && this.blocks.blockOf(this.aim.n - 1) === block) this.goTo(this.aim.n, this.aim);
    else if (this.following) this.toEnd();
    this.search.mark();
  }

  /** How many lines there are, here or on the server. */
  count() {
    return this.far ? this.far.count : this.lines.length;
  }

  /** The number of a step's first line, or 0. @param {number} step */
  firstOf(step) {
    return (this.far ? this.far.first(step) : this.lines.findIndex((line) => line?.step === step)) + 1;
  }

  /** @param {number} i a line's place */
  stepAt(i) {
    return this.far ? this.far.step(i) : (this.lines[i]?.step ?? 0);
  }

  /** @param {number} i a line's place */
  passesAt(i) {
    return this.far ? this.shown[lower(this.shown, i)] === i : this.passes(this.lines[i]);
  }

  /** @param {Line|null} line */
  passes(line) {
    if (!line) return false;
    const { steps, hosts, errors } = this.want;
    return (!steps || steps.has(line.step)) && (!hosts || hosts.has(line.host)) && (!errors || line.kind === 'err');
  }

  draw() {
    if (this.frame || document.hidden) return; // hidden: drawn when it is seen again
    const paint = () => {
      this.frame = 0;
      this.paint();
    };
    const wait = Math.min(this.drawnAt + PACE, this.fastUntil) - performance.now();
    this.frame = wait < 8 ? requestAnimationFrame(paint) : setTimeout(() => (this.frame = requestAnimationFrame(paint)), wait);
  }

  // All reading first, then all writing: the browser lays out once a frame, when the end is gone to.
  paint() {
    const tail = this.following && !this.held;
    if (!tail) this.blocks.release();
    if (!this.following) this.endWas = this.scroller.scrollHeight - this.scroller.clientHeight;
    const begun = (this.drawnAt = performance.now());
    const until = begun + BUDGET;
    const from = this.done;
    const seen = tail ? this.shown.length - this.rows : Infinity;
    if (tail && from < seen) this.fastUntil = begun + RUSH;
    const turned = this.turnBlocks();
    while (this.done < this.shown.length && (this.done === from || performance.now() < until)) {
      const dirty = new Set();
      const stop = Math.min(this.shown.length, this.done + SLICE);
      for (; this.done < stop; this.done++) dirty.add(this.blocks.place(this.shown[this.done], this.done >= seen));
      for (const block of dirty) this.blocks.refresh(block);
    }
    const fresh = this.done > from;
    if (tail && (fresh || turned)) this.toEnd();
    if ((this.search.query || this.match) && (fresh || turned)) this.search.mark();
    if (fresh) this.rail.draw();
    const colours = this.blocks.turned.size && !this.found && performance.now() >= this.fastUntil;
    if (this.done < this.shown.length || colours) this.draw();
  }

  turnBlocks() {
    if (!this.blocks.turned.size || this.shown.length - this.done > BEHIND || this.found) return false;
    if (performance.now() < this.fastUntil) {
      // the scrollbar is being dragged: plain text will do for now
      clearTimeout(this.later);
      this.later = setTimeout(() => this.draw(), 120);
      return false;
    }
    this.blocks.turn();
    return true;
  }

  /** Builds what is shown anew, after a change of filter. */
  reset() {
    this.blocks.clear();
    this.shown = [];
    this.done = 0;
    for (let i = 0; i < this.lines.length; i++) if (this.passes(this.lines[i])) this.shown.push(i);
    this.search.again();
  }

  /** @param {Partial<Wanted>} change */
  filter(change) {
    const { far } = this;
    const keep = this.blocks.firstSeen();
    if (!far) {
      Object.assign(this.want, change);
      this.reset();
      this.paint(); // the first screens now, the rest in the next frames
      return this.filtered(keep);
    }
    const wish = (this.wish = { ...(this.wish ?? this.want), ...change });
    far.passing(wish, (shown) => {
      this.want = wish;
      this.wish = null;
      this.blocks.clear();
      this.shown = /** @type {number[]} */ (shown);
      this.done = shown.length;
      this.blocks.layOut(far, shown);
      this.search.again();
      this.filtered(keep);
    });
  }

  /** @param {number} keep the place of the line that was first on screen */
  filtered(keep) {
    if (!this.following && keep >= 0 && this.shown.length) {
      const near = this.shown[Math.min(lower(this.shown, keep), this.shown.length - 1)];
      this.goTo(near + 1, { mark: false });
    }
    this.settle();
    this.hooks.filter?.({ ...this.want, shown: this.shown.length, all: this.count() });
  }

  // Following stops only when the READER moves up, selects text, searches or opens a link; never because output came
  // fast, a step was folded, a line was wide or the window changed its size. It starts again at the end of the log.
  /** @param {boolean} on */
  follow(on) {
    if (this.following === on) return;
    this.following = on;
    this.unseen = 0;
    if (on) this.toEnd();
    this.tellFollow();
  }
  tellFollow() {
    this.hooks.follow?.(this.following, this.unseen);
  }
  toEnd() {
    this.moveTo(this.scroller.scrollHeight);
  }
  /** @param {number} top */
  moveTo(top) {
    this.found = false;
    this.scroller.scrollTop = top;
    this.lastTop = this.ours = this.scroller.scrollTop;
  }
  settle() {
    this.rows = Math.ceil(this.scroller.clientHeight / this.blocks.rowHeight) + 1;
    if (this.following) this.toEnd();
    else this.lastTop = this.ours = this.scroller.scrollTop;
    this.rail.draw();
  }
  selecting() {
    const selection = getSelection();
    return !!selection && !selection.isCollapsed && this.scroller.contains(selection.anchorNode);
  }

  /** @param {boolean} on */
  showTimes(on) {
    this.gutter.times = on;
    this.root.classList.toggle('log--times', on);
    for (const block of this.blocks.warm) this.blocks.rebuild(block);
    this.settle();
    this.search.mark();
  }

  /** @param {number} n a line's number */
  isMarked(n) {
    return !!this.marked && n >= this.marked[0] && n <= this.marked[1];
  }

  /** Goes to the lines that the address names, `#L1330-1340`, if they are here. */
  openHash() {
    const found = /^#L(\d+)(?:-(\d+))?$/.exec(location.hash);
    if (!found) return false;
    const [from, to] = [Number(found[1]), Number(found[2] ?? found[1])].sort((a, b) => a - b);
    this.marked = [from, to];
    this.match = 0;
    this.scroller.scrollIntoView({ block: 'nearest' });
    this.hooks.link?.();
    return this.goTo(from);
  }

  /** Makes the address name a line, or from the marked one to it. @param {number} n @param {boolean} extend */
  link(n, extend) {
    const from = extend && this.marked ? this.marked[0] : n;
    this.marked = [Math.min(from, n), Math.max(from, n)];
    this.match = 0;
    const [first, last] = this.marked;
    history.replaceState(null, '', `#L${first}${last > first ? `-${last}` : ''}`);
    this.follow(false);
    this.remark();
  }

  /** @param {number} n a line's number @param {{mark?: boolean}} [how] @returns {boolean} whether it is here */
  goTo(n, { mark = true } = {}) {
    const i = n - 1;
    if (i < 0 || i >= this.count() || !(this.far || this.lines[i])) return false;
    this.aim = null;
    if (!this.passesAt(i)) this.filter({ steps: null, hosts: null, errors: false });
    while (this.done < this.shown.length && this.shown[this.done] <= i) this.paint();
    this.follow(false);
    const block = this.blocks.blockOf(i);
    if (!block) return false;
    if (this.blocks.folded.has(block.section.step)) this.blocks.fold(block.section.step, false);
    this.blocks.heat(block);
    block.close = true;
    this.blocks.turned.add(block);
    const k = lower(block.idx, i);
    const row = block.el.children[k];
    if (!row) this.aim = { n, mark }; // it is on its way
    const y = () => (row ? this.blocks.y(row) : this.blocks.y(block.el) + k * this.blocks.rowHeight);
    const third = () => this.moveTo(this.scroller.scrollTop + y() - this.scroller.clientHeight / 3);
    third();
    third(); // blocks above that had only an estimated height may have changed it
    if (mark) this.remark();
    return true;
  }

  remark() {
    for (const [row, i] of this.blocks.rows()) row.classList.toggle('is-on', this.isMarked(i + 1));
    this.search.mark();
    this.far?.copy.offer();
  }

  /** The next error, or the one before. @param {1|-1} by */
  error(by) {
    const list = this.errors.filter((i) => this.passesAt(i));
    if (!list.length) return;
    const at = this.errorAt < 0 ? (by > 0 ? -1 : list.length) : list.indexOf(this.errorAt);
    this.errorAt = list[(at + by + list.length) % list.length];
    this.marked = [this.errorAt + 1, this.errorAt + 1];
    this.match = 0;
    this.goTo(this.errorAt + 1);
  }
}
