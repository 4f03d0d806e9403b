// list.js: the lines of a push in one page: which there are, which are errors, and which pass the filters. A line is named by
// its place, from 0. It never knows how lines look. The lines of a long push that has ended stay on the server: `far` then
// stands for those that would be here.

/** @typedef {import('./line.js').Line} Line
 *  @typedef {{steps: Set<number>|null, hosts: Set<string>|null, errors: boolean}} Wanted */

/** Lines in one page, however much a push says. */
export const limits = { lines: 300000 };

/** First place in a sorted list that is not below a value. @param {ArrayLike<number>} list @param {number} value */
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

export class LineList {
  constructor() {
    /** A line that is no longer kept is null. @type {(Line|null)[]} */
    this.lines = [];
    /** How many are no longer kept. */
    this.dropped = 0;
    /** @type {import('./lines.js').FarLines|null} */
    this.far = null;
    /** Places of lines that are errors, sorted. @type {number[]} */
    this.errors = [];
    /** @type {Wanted} */
    this.want = { steps: null, hosts: null, errors: false };
    /** Places of the lines that pass the filters, sorted. @type {number[]} */
    this.shown = [];
  }

  /** @param {Line[]} lines @returns {number[]} the places of those that pass the filters */
  append(lines) {
    const passing = [];
    for (const line of lines) {
      const i = this.lines.push(line) - 1;
      if (this.passes(line)) passing.push(i);
    }
    for (const i of passing) this.shown.push(i);
    return passing;
  }

  /** Lines that turned out to be errors. @param {number[]} places @returns {number[]} those that are here */
  markErrors(places) {
    return places.filter((i) => {
      const line = this.lines[i];
      if (!line) return false;
      line.kind = 'err';
      this.errors.splice(lower(this.errors, i), 0, i);
      return true;
    });
  }

  /** Forgets all lines. */
  clear() {
    this.lines = [];
    this.dropped = 0;
    this.errors = [];
    this.shown = [];
  }

  /** The lines stay on the server. @param {import('./lines.js').FarLines} far */
  setFar(far) {
    this.far = far;
    this.errors = far.errors;
  }

  /** How many lines there are, here or on the server. */
  count() {
    return this.far ? this.far.count : this.lines.length;
  }

  /** How many errors there are, here or on the server. */
  errorCount() {
    return this.far ? this.far.errorCount : this.errors.length;
  }

  /** Whether a line is still to be had. @param {number} i */
  has(i) {
    return this.far ? i >= 0 && i < this.far.count : !!this.lines[i];
  }

  /** The number of a step's first line, or 0. @param {number} step */
  firstOf(step) {
    return (this.far ? this.far.first(step) : this.lines.findIndex((line) => line?.step === step)) + 1;
  }

  /** @param {number} i */
  passesAt(i) {
    return this.far ? this.shown[lower(this.shown, i)] === i : this.passes(this.lines[i]);
  }

  /** @param {Line|null|undefined} line */
  passes(line) {
    if (!line) return false;
    const { steps, hosts, errors } = this.want;
    return (!steps || steps.has(line.step)) && (!hosts || hosts.has(line.host)) && (!errors || line.kind === 'err');
  }

  /** Other filters; what they let pass is given where the lines are not here. @param {Partial<Wanted>} change @param {number[]} [shown] */
  filter(change, shown) {
    this.want = { ...this.want, ...change };
    if (shown) this.shown = shown;
    else this.again();
  }

  /** Looks again which lines pass. */
  again() {
    this.shown = [];
    for (let i = 0; i < this.lines.length; i++) if (this.passes(this.lines[i])) this.shown.push(i);
  }

  /** Whether there are more lines than a page keeps. */
  isFull() {
    return this.lines.length - this.dropped > limits.lines;
  }

  /** Drops the oldest lines, of steps that went well first: they are left to the raw output. Never an error. @param {(step: number) => boolean} good */
  drop(good) {
    let over = this.lines.length - this.dropped - Math.floor(limits.lines * 0.9); // some at once, so that it is seldom done
    for (const may of [good, () => true]) {
      for (let i = 0; i < this.lines.length && over > 0; i++) {
        const line = this.lines[i];
        if (!line || line.kind === 'err' || !may(line.step)) continue;
        this.lines[i] = null;
        this.dropped++;
        over--;
      }
    }
    this.shown = this.shown.filter((i) => this.lines[i]);
  }
}
