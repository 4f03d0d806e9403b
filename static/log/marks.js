// marks.js: the lines that a link marks, and the line that a search led to last. The newer of the two is what a link to the page
// names. It knows addresses, and never moves the window.

export class Marks {
  constructor() {
    /** Numbers of the first and the last line that are marked. @type {[number, number]|null} */
    this.lines = null;
    /** The number of the line that a search led to last; 0 when a mark is newer, or the reader has left it. */
    this.match = 0;
  }

  /** @param {number} n a line's number */
  has(n) {
    return !!this.lines && n >= this.lines[0] && n <= this.lines[1];
  }

  /** @param {number} from @param {number} to */
  set(from, to) {
    this.lines = [Math.min(from, to), Math.max(from, to)];
    this.match = 0;
  }

  /** A search led to a line. @param {number} n */
  found(n) {
    this.match = n;
  }

  forgetMatch() {
    this.match = 0;
  }

  /** Marks the lines that the address names, `#L1330-1340`. @returns {number} the first of them, or 0 */
  takeAddress() {
    const found = /^#L(\d+)(?:-(\d+))?$/.exec(location.hash);
    if (!found) return 0;
    this.set(Number(found[1]), Number(found[2] ?? found[1]));
    return this.lines?.[0] ?? 0;
  }

  /** Makes the address name a line, or from the marked one to it. @param {number} n @param {boolean} extend */
  link(n, extend) {
    this.set(extend && this.lines ? this.lines[0] : n, n);
    const [first, last] = this.lines ?? [n, n];
    history.replaceState(null, '', `#L${first}${last > first ? `-${last}` : ''}`);
  }
}
