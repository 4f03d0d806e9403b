// rail.js: the strip beside the window: where errors, matches and steps are in the whole log, and a press goes there.
import { lower } from './list.js';

/** @typedef {{shown: number[], errors: number[], hits: number[], steps: number[]}} Places what it shows, as places of lines */

export class Rail {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} scroller
   * @param {() => Places} places
   * @param {(top: number) => void} go
   */
  constructor(canvas, scroller, places, go) {
    this.canvas = canvas;
    this.scroller = scroller;
    this.places = places;
    this.timer = 0;
    canvas.addEventListener('pointerdown', (e) => {
      const box = canvas.getBoundingClientRect();
      go(((e.clientY - box.top) / box.height) * scroller.scrollHeight - scroller.clientHeight / 2);
    });
  }

  /** Draws it soon; at most eight times a second. */
  draw() {
    this.timer ||= setTimeout(() => {
      this.timer = 0;
      this.paint();
    }, 120);
  }

  paint() {
    const { canvas } = this;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    const dots = devicePixelRatio || 1;
    const pen = canvas.getContext('2d');
    if (!height || !pen) return;
    if (canvas.width !== width * dots || canvas.height !== height * dots) {
      canvas.width = width * dots;
      canvas.height = height * dots;
    }
    const { shown, errors, hits, steps } = this.places();
    const css = getComputedStyle(canvas);
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.clearRect(0, 0, width, height);
    const y = (/** @type {number} */ i) => (lower(shown, i) / (shown.length || 1)) * height;
    pen.fillStyle = '#6a6256';
    for (const i of steps) pen.fillRect(0, Math.round(y(i)), width, 1);
    const ticks = (/** @type {number[]} */ list, /** @type {string} */ colour, /** @type {number} */ x, /** @type {number} */ wide) => {
      pen.fillStyle = colour;
      let last = -9;
      for (const i of list) {
        const place = Math.round(y(i));
        if (place <= last + 1) continue;
        pen.fillRect(x, place, wide, 2);
        last = place;
      }
    };
    ticks(errors, css.getPropertyValue('--a-r'), 0, width);
    ticks(hits, css.getPropertyValue('--con-hit'), width / 2, width / 2);
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    pen.fillStyle = '#ffffff2e';
    pen.fillRect(0, (scrollTop / (scrollHeight || 1)) * height, width, Math.max(8, (clientHeight / (scrollHeight || 1)) * height));
  }
}
