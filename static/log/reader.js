// reader.js: where the reader of the command window is: scrolls, selects, presses a line's number, follows the end. Tells the
// reader's own moves from those that the page made, so that following never stops by itself: it stops only when the READER
// moves up, selects text, searches or opens a link; never because output came fast, a step was folded, a line was wide or the
// window changed its size. It starts again at the end of the log.
import { around } from '../page/dom.js';

/**
 * @typedef {object} Hears what the window does then
 * @property {(on: boolean, unseen: number) => void} follow whether the end is followed, and how many lines came since it is not
 * @property {() => void} moved the reader scrolled, not the page
 * @property {() => void} scrolled anybody did
 * @property {(found: boolean) => void} input a key, a pointer; `found` when the browser's own find had moved the window before
 * @property {() => boolean} finds whether the browser's own find sees all lines
 * @property {(n: number, extend: boolean) => void} link the number of a line was pressed
 * @property {(host: string) => void} host the name of a host was
 * @property {() => void} resized
 */

export class Reader {
  /** @param {HTMLElement} scroller @param {number} rowHeight @param {Hears} on */
  constructor(scroller, rowHeight, on) {
    this.scroller = scroller;
    this.row = rowHeight * 1.5;
    this.on = on;
    this.following = true;
    /** Lines that came since the end is not followed. */
    this.unseen = 0;
    /** A pressed button or finger holds the text still; nobody can select text that moves. */
    this.held = false;
    /** The browser's own find moved the window: its text is left alone until the next input. */
    this.found = false;
    /** Until then lines rush by, or the scrollbar is dragged: plain text will do. */
    this.fastUntil = 0;
    this.inputAt = 0;
    /** Where the window was last, where the page itself moved it to, and where its end was. */
    this.lastTop = this.ours = this.endWas = 0;
    this.listen();
  }

  listen() {
    const { scroller } = this;
    const input = () => {
      this.inputAt = performance.now();
      const was = this.found;
      this.found = false;
      this.on.input(was);
    };
    for (const type of ['wheel', 'pointerdown', 'pointermove', 'touchstart', 'keydown', 'resize']) {
      addEventListener(type, input, { passive: true, capture: true });
    }
    scroller.addEventListener('scroll', () => this.scrolled(), { passive: true });
    const wheel = (/** @type {WheelEvent} */ e) => {
      if (e.deltaY < 0 && scroller.scrollTop > 0) this.follow(false);
    };
    scroller.addEventListener('wheel', wheel, { passive: true });
    scroller.addEventListener('keydown', (e) => {
      if (['ArrowUp', 'PageUp', 'Home'].includes(e.key) && scroller.scrollTop > 0) this.follow(false);
      if (e.key === 'End') this.follow(true);
    });
    document.addEventListener('selectionchange', () => {
      if (this.selecting()) this.follow(false);
    });
    scroller.addEventListener('pointerdown', () => (this.held = true));
    for (const type of ['pointerup', 'pointercancel']) addEventListener(type, () => this.letGo());
    scroller.addEventListener('click', (e) => {
      const number = around(e, '.ln-n');
      const host = around(e, '.ln-h')?.title;
      if (number) this.on.link(Number(number.textContent), e.shiftKey);
      else if (host) this.on.host(host);
    });
    new ResizeObserver(() => this.on.resized()).observe(scroller);
  }

  letGo() {
    if (!this.held) return;
    this.held = false;
    if (this.following && !this.selecting()) this.toEnd();
  }

  scrolled() {
    const { scroller } = this;
    const top = scroller.scrollTop;
    if (Math.abs(top - this.ours) > 1) {
      // not a move that the page made; to come back to the very place where it was is none either
      this.ours = -9;
      this.on.moved();
      const end = this.end();
      const far = Math.abs(top - this.lastTop) / scroller.clientHeight;
      const at = performance.now();
      if (far > 3) this.rush(at + 100);
      // A jump without any key, wheel or pointer is the browser's own find.
      if (far > 0.4 && at - this.inputAt > 400) this.found = this.on.finds();
      // Up, and not merely pushed up because the window grew: the reader wants to stay here.
      if (top < this.lastTop - 1 && end - top > this.row) this.follow(false);
      // Down to the end as it was a moment ago: it may have moved on while they scrolled.
      else if (top > this.lastTop && top > Math.min(end, this.endWas) - this.row) this.follow(true);
      this.endWas = end;
    }
    this.lastTop = top;
    this.on.scrolled();
  }

  /** How far down one can scroll. */
  end() {
    return this.scroller.scrollHeight - this.scroller.clientHeight;
  }

  /** Looks where the end is before it moves on. */
  look() {
    if (!this.following) this.endWas = this.end();
  }

  /** @param {number} until by the page's clock */
  rush(until) {
    this.fastUntil = until;
  }

  isFast() {
    return performance.now() < this.fastUntil;
  }

  /** @param {boolean} on */
  follow(on) {
    if (this.following === on) return;
    this.following = on;
    this.unseen = 0;
    if (on) this.toEnd();
    this.on.follow(on, 0);
  }

  /** More lines have come. @param {number} lines */
  more(lines) {
    if (this.following) return;
    this.unseen += lines;
    this.on.follow(false, this.unseen);
  }

  toEnd() {
    this.moveTo(this.scroller.scrollHeight);
  }

  /** @param {number} top */
  moveTo(top) {
    this.found = false;
    this.scroller.scrollTop = top;
    this.stay();
  }

  /** @param {number} by */
  moveBy(by) {
    this.moveTo(this.scroller.scrollTop + by);
  }

  /** Wherever the window is now is where the page wants it. */
  stay() {
    this.lastTop = this.ours = this.scroller.scrollTop;
  }

  /** The window is laid out anew. */
  settle() {
    if (this.following) this.toEnd();
    else this.stay();
  }

  selecting() {
    const selection = getSelection();
    return !!selection && !selection.isCollapsed && this.scroller.contains(selection.anchorNode);
  }
}
