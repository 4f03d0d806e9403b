// blocks.js: how 200,000 lines stay light. The window holds blocks of 256 lines, under a heading a step. A block near
// the viewport is *warm*: an element per line, with gutter and colours. Any other one is *cold*: one <pre> with one
// text node, so that the browser's own find and copy still see every line at a hundredth of the elements. Of a long push
// that has ended a cold block is but a height: its lines come from the server when it gets warm (lines.js).
//
// While the reader follows, the *end* is a warm block of what is on screen, and no more: of lines that pass by faster than
// they can be seen none ever becomes an element.
import { button, el, say } from '../page/dom.js';
import { lower } from './list.js';
import { makeRow, rowHeight } from './rows.js';
import { plain } from './sgr.js';

/**
 * @typedef {{el: HTMLElement, idx: number[], drawn: number, warm: boolean, close: boolean, section: Section, tall?: number}} Block
 *   `idx` are places in the list of lines
 * @typedef {{step: number, el: HTMLElement, button: HTMLElement, note: HTMLElement, body: HTMLElement, blocks: Block[]}} Section
 *
 * @typedef {object} Window what the blocks ask of the window that they are in
 * @property {import('./list.js').LineList} list
 * @property {import('./rows.js').Gutter} gutter
 * @property {(step: number) => string} stepTitle
 * @property {(step: number) => string} stepNote
 * @property {(n: number) => boolean} isMarked
 * @property {() => boolean} selecting whether the reader selects text
 * @property {() => boolean} keepsPlace whether the reader's place must be kept where heights change
 * @property {(by: number) => void} moveBy
 * @property {() => void} draw
 * @property {() => void} settle
 */

const BLOCK = 256;

export class Blocks {
  /**
   * @param {HTMLElement} scroller
   * @param {Window} around
   */
  constructor(scroller, around) {
    this.scroller = scroller;
    this.around = around;
    this.list = around.list;
    this.rowHeight = rowHeight(scroller);
    /** Steps that the reader folded. @type {Set<number>} */
    this.folded = new Set();
    /** @type {WeakMap<Element, Block>} */
    this.of = new WeakMap();
    /** @type {Section[]} */
    this.sections = [];
    /** @type {Block[]} */
    this.all = [];
    /** Blocks whose nearness changed. @type {Set<Block>} */
    this.turned = new Set();
    /** @type {Set<Block>} */
    this.warm = new Set();
    /** Blocks that the browser shows although they are far: it searches there; looked at again at the next input. @type {Set<Block>} */
    this.aside = new Set();
    /** The block that a following reader looks at. @type {Block|undefined} */
    this.end = undefined;
    /** @type {IntersectionObserver|undefined} */
    this.near = undefined;
    scroller.replaceChildren(); // what the server drew is for who has no scripts
    this.watchNear();
  }

  clear() {
    this.near?.disconnect();
    this.list.far?.forget();
    this.sections = [];
    this.all = [];
    for (const set of [this.turned, this.warm, this.aside]) set.clear();
    this.end = undefined;
    this.scroller.replaceChildren();
  }

  /** content-visibility already works out which blocks are near the viewport, and says so. */
  watchNear() {
    const turn = (/** @type {Element} */ element, /** @type {boolean} */ close) => {
      const block = this.of.get(element);
      if (!block) return;
      block.close = close;
      if (close === block.warm) return;
      this.turned.add(block);
      this.around.draw();
    };
    if ('oncontentvisibilityautostatechange' in HTMLElement.prototype) {
      this.scroller.addEventListener(
        'contentvisibilityautostatechange',
        (e) => {
          if (e instanceof ContentVisibilityAutoStateChangeEvent && e.target instanceof Element) turn(e.target, !e.skipped);
        },
        true,
      );
      return;
    }
    const options = { root: this.scroller, rootMargin: '120% 0px' };
    this.near = new IntersectionObserver((es) => es.forEach((e) => turn(e.target, e.isIntersecting)), options);
  }

  /** Puts the line at a place of the list into a block. @param {number} i @param {boolean} seen whether a following reader will see it @returns {Block} */
  place(i, seen) {
    const step = this.list.lines[i]?.step ?? 0;
    let section = this.sections[this.sections.length - 1];
    if (!section || section.step !== step) section = this.addSection(step);
    let block = section.blocks[section.blocks.length - 1];
    const shown = seen && !this.folded.has(step);
    if (!shown && block && block === this.end) block = this.pass(block);
    if (!block || block.idx.length >= BLOCK || (shown && !block.warm)) {
      block = this.addBlock(section, []);
      if (shown) this.endWith(block);
    }
    block.idx.push(i);
    return block;
  }

  /** It is on screen at once: laid out in the same pass, not in a second one after the browser has found that out. @param {Block} block */
  endWith(block) {
    this.release();
    this.end = block;
    block.warm = block.close = true;
    this.warm.add(block);
    block.el.style.contentVisibility = 'visible';
  }

  /** The end is a block as any other: the reader stays here, or another one is the end. */
  release() {
    if (this.end) this.end.el.style.contentVisibility = '';
    this.end = undefined;
  }

  /** What was the end goes out of sight with the lines that come; few blocks full of lines are lighter than many.
   *  @param {Block} block @returns {Block} the last one now */
  pass(block) {
    const busy = this.around.selecting(); // asked before anything is written: the answer needs a layout
    this.release();
    if (busy) return block;
    this.warm.delete(block);
    block.warm = false;
    this.empty(block);
    const before = block.section.blocks.at(-2);
    if (!before || before.warm) return block;
    before.idx.push(...block.idx.splice(0, BLOCK - before.idx.length));
    this.refresh(before);
    if (block.idx.length) return block;
    this.remove(block);
    this.all.pop();
    return before;
  }

  /** @param {Section} section @param {number[]} idx @returns {Block} */
  addBlock(section, idx) {
    const block = { el: el('div', 'lc'), idx, drawn: 0, warm: false, close: false, section };
    this.of.set(block.el, block);
    section.blocks.push(block);
    this.all.push(block);
    section.body.append(block.el);
    this.near?.observe(block.el);
    return block;
  }

  /** Makes all blocks at once, of lines that lie on the server. @param {import('./lines.js').FarLines} far */
  layOut(far) {
    const { shown } = this.list;
    for (let k = 0; k < shown.length; ) {
      const stop = Math.min(k + BLOCK, lower(shown, far.behind(shown[k])));
      const step = far.step(shown[k]);
      let section = this.sections[this.sections.length - 1];
      if (!section || section.step !== step) section = this.addSection(step);
      this.refresh(this.addBlock(section, shown.slice(k, stop)));
      k = stop;
    }
  }

  /** A block without its lines, as high as they will be. @param {Block} block */
  hollow(block) {
    block.el.style.minHeight = `${block.tall ?? block.idx.length * this.rowHeight}px`;
    if (block.warm) this.list.far?.need(block);
  }

  /** Draws the lines of a block that are not drawn yet. @param {Block} block */
  refresh(block) {
    block.el.style.containIntrinsicSize = `auto 1px auto ${block.idx.length * this.rowHeight}px`;
    const { far, lines } = this.list;
    const given = far?.linesOf(block);
    if (far) {
      if (!block.warm || !given) return this.hollow(block);
      block.el.style.minHeight = '';
    }
    if (block.warm) {
      const rows = document.createDocumentFragment();
      for (let k = block.drawn; k < block.idx.length; k++) {
        const line = given ? given[k] : lines[block.idx[k]];
        if (line) rows.append(this.row(line));
      }
      block.el.append(rows);
    } else {
      let text = '';
      for (let k = block.drawn; k < block.idx.length; k++) text += `${plain(lines[block.idx[k]]?.text ?? '')}\n`;
      const said = block.el.firstChild?.firstChild;
      if (said instanceof Text) said.appendData(text);
      else block.el.append(el('pre', '', text));
    }
    block.drawn = block.idx.length;
  }

  /** @param {import('./line.js').Line} line */
  row(line) {
    const row = makeRow(line, this.around.gutter);
    if (this.around.isMarked(line.n)) row.classList.add('is-on');
    return row;
  }

  /** @param {Block} block */
  empty(block) {
    block.drawn = 0;
    block.el.replaceChildren();
  }

  /** @param {Block} block */
  rebuild(block) {
    this.empty(block);
    this.refresh(block);
  }

  /** @param {Block} block */
  heat(block) {
    this.warm.add(block);
    if (block.warm) return;
    block.warm = true;
    this.rebuild(block);
  }

  /** @param {Block} block */
  cool(block) {
    if (!block.warm || this.around.selecting()) return; // never pull text from under a selection
    this.warm.delete(block);
    block.warm = false;
    const { far } = this.list;
    if (far) {
      if (block.drawn) block.tall = block.el.offsetHeight; // wrapped lines are higher than was thought
      far.rest(block);
    }
    this.rebuild(block);
  }

  /** Warms and cools blocks whose nearness changed: all reading first, then all writing. */
  turn() {
    const height = this.scroller.clientHeight;
    const selection = getSelection();
    const busy = (/** @type {Block} */ block) =>
      (this.around.selecting() && block.el.contains(selection?.anchorNode ?? null)) ||
      Math.abs(this.y(block.el)) > 4 * height + block.el.offsetHeight;
    const wanted = [...this.turned].filter((block) => block.close && !block.warm);
    const late = new Set(wanted.filter(busy));
    this.steadily(() => {
      for (const block of wanted) {
        if (late.has(block)) this.aside.add(block);
        else this.heat(block);
      }
      for (const block of [...this.warm]) if (!block.close) this.cool(block);
    });
    this.turned.clear();
  }

  /** Blocks that the browser's own find showed are looked at again; whether there were any. */
  comeBack() {
    const some = this.aside.size > 0;
    for (const block of this.aside) this.turned.add(block);
    this.aside.clear();
    return some;
  }

  /** The reader goes to a line: its block is warm, and its step open. @param {number} i @returns {Block|undefined} */
  open(i) {
    const block = this.blockOf(i);
    if (!block) return undefined;
    if (this.folded.has(block.section.step)) this.fold(block.section.step, false);
    this.heat(block);
    block.close = true;
    this.turned.add(block);
    return block;
  }

  /** Takes out what is no longer kept, without moving what the reader looks at. @param {boolean} following */
  drop(following) {
    const there = (/** @type {number} */ i) => this.list.has(i);
    const bottom = (/** @type {Block} */ block) => this.y(block.el) + block.el.offsetHeight;
    const anchor = following ? undefined : this.all.find((block) => bottom(block) > 0 && block.idx.some(there));
    const was = anchor ? bottom(anchor) : 0;
    for (const block of [...this.all]) {
      if (block.idx.every(there)) continue;
      block.idx = block.idx.filter(there);
      if (block.idx.length) this.rebuild(block);
      else this.remove(block);
    }
    this.all = this.all.filter((block) => block.idx.length);
    if (anchor) this.around.moveBy(bottom(anchor) - was);
  }

  /** Takes a block out of its step; whoever calls takes it out of the list of all. @param {Block} block */
  remove(block) {
    const { section } = block;
    for (const set of [this.warm, this.turned, this.aside]) set.delete(block);
    this.of.delete(block.el);
    block.el.remove();
    if (this.end === block) this.end = undefined;
    section.blocks = section.blocks.filter((other) => other !== block);
    if (section.blocks.length) return;
    section.el.remove();
    this.sections = this.sections.filter((other) => other !== section);
  }

  /** Keeps the reader's place while something is drawn: where lines wrap, a block above may change its height. @param {() => void} draw */
  steadily(draw) {
    const anchor = this.around.keepsPlace() ? this.all.find((block) => this.y(block.el) + block.el.offsetHeight > 0) : undefined;
    const was = anchor ? this.y(anchor.el) : 0;
    draw();
    if (anchor) this.around.moveBy(this.y(anchor.el) - was);
  }

  /** From the top of the window. @param {Element} element */
  y(element) {
    return element.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
  }

  /** The place of the first line on screen, or -1. */
  firstSeen() {
    const block = this.all.find((b) => this.y(b.el) + b.el.offsetHeight > 0);
    if (!block) return -1;
    const top = this.y(block.el);
    const rows = block.warm ? [...block.el.children] : []; // wrapped ones are higher than others
    const row = rows.length ? rows.findIndex((row) => this.y(row) + row.clientHeight > 0) : Math.floor(-top / this.rowHeight);
    return block.idx[Math.max(0, Math.min(block.idx.length - 1, row))];
  }

  /** The block that holds the line at a place. @param {number} i */
  blockOf(i) {
    return this.all.findLast((block) => block.idx[0] <= i);
  }

  /** The row of a warm line, if it is warm. @param {number} i @returns {HTMLElement|undefined} */
  rowOf(i) {
    const block = this.blockOf(i);
    const k = block ? lower(block.idx, i) : -1;
    return block?.warm && block.idx[k] === i ? /** @type {HTMLElement} */ (block.el.children[k]) : undefined;
  }

  /** All warm rows with the places of their lines. @returns {Generator<[HTMLElement, number]>} */
  *rows() {
    for (const block of this.warm) {
      for (let k = 0; k < block.drawn; k++) yield [/** @type {HTMLElement} */ (block.el.children[k]), block.idx[k]];
    }
  }

  /** @param {number} step */
  addSection(step) {
    const note = el('span', 'd');
    const title = step < 0 ? 'Several steps, side by side' : `${step + 1}. ${this.around.stepTitle(step)}`;
    const toggle = button('', el('span', 'trunc', title), note);
    const body = el('div');
    /** @type {Section} */
    const section = { step, el: el('section', 'log-step', el('h3', '', toggle), body), button: toggle, note, body, blocks: [] };
    this.scroller.append(section.el);
    toggle.addEventListener('click', () => this.fold(step, !this.folded.has(step)));
    body.addEventListener('beforematch', () => this.fold(step, false)); // the browser's find opens it
    this.sections.push(section);
    this.showFold(section);
    note.textContent = this.around.stepNote(step);
    return section;
  }

  /** Says how far a step is, beside its heading. @param {number} step */
  stepChanged(step) {
    for (const section of this.sections) if (section.step === step) say(section.note, this.around.stepNote(step));
  }

  /** @param {number} step @param {boolean} shut */
  fold(step, shut) {
    if (shut) this.folded.add(step);
    else this.folded.delete(step);
    for (const section of this.sections) if (section.step === step) this.showFold(section);
    this.around.settle();
  }

  /** @param {Section} section */
  showFold(section) {
    const shut = this.folded.has(section.step);
    section.button.setAttribute('aria-expanded', String(!shut));
    if (shut) section.body.setAttribute('hidden', 'until-found');
    else section.body.removeAttribute('hidden');
  }
}
