// blocks.js: how 200,000 lines stay light. The window holds blocks of 256 lines, under a heading a step. A block near
// the viewport is *warm*: an element per line, with gutter and colours. Any other one is *cold*: one <pre> with one
// text node, so that the browser's own find and copy still see every line at a hundredth of the elements. Of a long push
// that has ended a cold block is but a height: its lines come from the server when it gets warm (lines.js).
//
// While the reader follows, the *end* is a warm block of what is on screen, and no more: of lines that pass by faster than
// they can be seen none ever becomes an element.
import { el, say } from '../page/dom.js';
import { makeRow, rowHeight } from './rows.js';
import { plain } from './sgr.js';

/** @typedef {{el: HTMLElement, idx: number[], drawn: number, warm: boolean, close: boolean, section: Section,
 *    tall?: number, lines?: import('../live/fold.js').Line[], coming?: AbortController}} Block
 *    `idx` are places in the list of lines
 *  @typedef {{step: number, el: HTMLElement, button: HTMLElement, note: HTMLElement, body: HTMLElement, blocks: Block[]}} Section */

const BLOCK = 256;

/** First place in a sorted list that is not below a value. @param {number[]} list @param {number} value */
export function lower(list, value) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @param {number[][]} ranges of line numbers @returns {number[]} the places of all their lines */
export function places(ranges) {
  const list = [];
  for (const [first, last] of ranges) for (let n = first; n <= last; n++) list.push(n - 1);
  return list;
}

export class Blocks {
  /**
   * @param {HTMLElement} scroller
   * @param {import('./log.js').LogView} view
   */
  constructor(scroller, view) {
    this.scroller = scroller;
    this.view = view;
    this.rowHeight = rowHeight(scroller);
    /** Steps that the reader folded. @type {Set<number>} */
    this.folded = new Set();
    /** @type {WeakMap<Element, Block>} */
    this.of = new WeakMap();
    this.clear();
    this.watchNear();
  }

  clear() {
    this.near?.disconnect();
    for (const block of this.warm ?? []) block.coming?.abort();
    /** @type {Section[]} */
    this.sections = [];
    /** @type {Block[]} */
    this.all = [];
    /** Blocks whose nearness changed. @type {Set<Block>} */
    this.turned = new Set();
    /** @type {Set<Block>} */
    this.warm = new Set();
    /** Blocks that the browser shows although they are far: it searches there; looked at again at the next input. */
    this.aside = new Set();
    /** The block that a following reader looks at. @type {Block|undefined} */
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
      this.view.draw();
    };
    if ('oncontentvisibilityautostatechange' in HTMLElement.prototype) {
      this.scroller.addEventListener(
        'contentvisibilityautostatechange',
        (e) => turn(/** @type {Element} */ (e.target), !(/** @type {any} */ (e).skipped)),
        true,
      );
      return;
    }
    const options = { root: this.scroller, rootMargin: '120% 0px' };
    this.near = new IntersectionObserver((es) => es.forEach((e) => turn(e.target, e.isIntersecting)), options);
  }

  /** Puts the line at a place of the list into a block. @param {number} i @param {boolean} seen whether a following reader will see it @returns {Block} */
  place(i, seen) {
    const step = this.view.lines[i].step;
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
    const busy = this.view.selecting(); // asked before anything is written: the answer needs a layout
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
    this.drop(block);
    return before;
  }

  /** @param {Block} block the last one */
  drop(block) {
    block.section.blocks.pop();
    this.all.pop();
    this.turned.delete(block);
    this.of.delete(block.el);
    block.el.remove();
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

  /** Makes all blocks at once, of lines that lie on the server. @param {import('./lines.js').FarLines} far @param {any} shown */
  layOut(far, shown) {
    for (let k = 0; k < shown.length; ) {
      const stop = Math.min(k + BLOCK, lower(shown, far.behind(shown[k])));
      const step = far.step(shown[k]);
      let section = this.sections[this.sections.length - 1];
      if (!section || section.step !== step) section = this.addSection(step);
      this.refresh(this.addBlock(section, shown.subarray(k, stop)));
      k = stop;
    }
  }

  /** A block without its lines, as high as they will be. @param {Block} block */
  hollow(block) {
    block.el.style.minHeight = `${block.tall ?? block.idx.length * this.rowHeight}px`;
    if (block.warm) this.view.far?.need(block);
  }

  /** Draws the lines of a block that are not drawn yet. @param {Block} block */
  refresh(block) {
    block.el.style.containIntrinsicSize = `auto 1px auto ${block.idx.length * this.rowHeight}px`;
    if (this.view.far) {
      if (!block.warm || !block.lines) return this.hollow(block);
      block.el.style.minHeight = '';
    }
    if (block.warm) {
      const rows = document.createDocumentFragment();
      for (let k = block.drawn; k < block.idx.length; k++) rows.append(this.row(block.lines?.[k] ?? this.view.lines[block.idx[k]]));
      block.el.append(rows);
    } else {
      let text = '';
      for (let k = block.drawn; k < block.idx.length; k++) text += `${plain(this.view.lines[block.idx[k]].text)}\n`;
      const pre = block.el.firstChild;
      if (pre) /** @type {Text} */ (pre.firstChild).appendData(text);
      else block.el.append(el('pre', '', text));
    }
    block.drawn = block.idx.length;
  }

  /** @param {import('../live/fold.js').Line} line */
  row(line) {
    const row = makeRow(line, this.view.gutter);
    if (this.view.isMarked(line.n)) row.classList.add('is-on');
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
    if (!block.warm || this.view.selecting()) return; // never pull text from under a selection
    this.warm.delete(block);
    block.warm = false;
    if (this.view.far) {
      if (block.drawn) block.tall = block.el.offsetHeight; // wrapped lines are higher than was thought
      this.view.far.rest(block);
    }
    this.rebuild(block);
  }

  /** Warms and cools blocks whose nearness changed: all reading first, then all writing. */
  turn() {
    const view = this.view;
    const height = this.scroller.clientHeight;
    const selection = getSelection();
    const busy = (/** @type {Block} */ block) =>
      (view.selecting() && block.el.contains(selection?.anchorNode ?? null)) ||
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

  /** Keeps the reader's place while something is drawn: where lines wrap, a block above may change its height. @param {() => void} draw */
  steadily(draw) {
    const view = this.view;
    const wraps = view.root.classList.contains('log--wrap') && !view.following;
    const anchor = wraps ? this.all.find((block) => this.y(block.el) + block.el.offsetHeight > 0) : undefined;
    const was = anchor ? this.y(anchor.el) : 0;
    draw();
    if (anchor) view.moveTo(this.scroller.scrollTop + this.y(anchor.el) - was);
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
    const button = el('button');
    const note = el('span', 'd');
    button.setAttribute('type', 'button');
    button.append(el('span', 'trunc', step < 0 ? 'Several steps, side by side' : `${step + 1}. ${this.view.stepTitle(step)}`), note);
    const body = el('div');
    const section = { step, el: el('section', 'log-step', el('h3', '', button), body), button, note, body, blocks: [] };
    this.scroller.append(section.el);
    button.addEventListener('click', () => this.fold(step, !this.folded.has(step)));
    body.addEventListener('beforematch', () => this.fold(step, false)); // the browser's find opens it
    this.sections.push(section);
    this.showFold(section);
    note.textContent = this.view.stepNote(step);
    return section;
  }

  /** Says how far a step is, beside its heading. @param {number} step */
  stepChanged(step) {
    for (const section of this.sections) if (section.step === step) say(section.note, this.view.stepNote(step));
  }

  /** @param {number} step @param {boolean} shut */
  fold(step, shut) {
    if (shut) this.folded.add(step);
    else this.folded.delete(step);
    for (const section of this.sections) if (section.step === step) this.showFold(section);
    this.view.settle();
  }

  /** @param {Section} section */
  showFold(section) {
    const shut = this.folded.has(section.step);
    section.button.setAttribute('aria-expanded', String(!shut));
    if (shut) section.body.setAttribute('hidden', 'until-found');
    else section.body.removeAttribute('hidden');
  }
}
