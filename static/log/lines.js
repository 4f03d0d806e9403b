// lines.js: the lines of a long push that has ended. They stay on the server: an outline says how many there are and
// where the steps begin, the server finds and filters, and a block's text comes when the block is looked at. At most
// KEPT blocks that are out of sight keep theirs.
import { kindOf } from './line.js';
import { lower, places } from './list.js';

/** @typedef {import('./blocks.js').Block} Block
 *  @typedef {import('./line.js').Line} Line
 *  @typedef {import('./list.js').Wanted} Wanted
 *
 * What the server answers (`src/web/lines/`):
 *  @typedef {{line: number, at: string, command: number, host?: string, stream: string, text: string, error?: boolean}} Said
 *  @typedef {{lines: number, steps: [number, number][], errors: {count: number, ranges: number[][]},
 *    records: import('../live/records.js').Record[]}} Outline
 *  @typedef {{ranges: number[][], next: number|null}} Found
 *  @typedef {{lines: Said[], next: number|null}} Lines
 *  @typedef {{steps: {command: number, groups: {end?: string, lines: number, hosts: string[]}[]}[], next: number|null}} Alike
 *  @typedef {{find: Found, lines: Lines, same: Alike, outline: Outline}} Answers by what is asked for
 *  @typedef {<What extends keyof Answers>(what: What, query?: string, signal?: AbortSignal) => Promise<Answers[What]>} Ask
 *
 *  @typedef {{hosts: string[], end: string, count: number}} Group hosts that said the same, and how their step ended */

const KEPT = 16;
export class FarLines {
  /**
   * @param {Outline} outline
   * @param {string} address of the push in the API
   * @param {Ask} ask asks for something of this push
   * @param {(block: Block) => void} arrived
   */
  constructor(outline, address, ask, arrived) {
    this.address = address;
    this.ask = ask;
    this.arrived = arrived;
    this.count = outline.lines;
    this.started = Date.parse(outline.records[0]?.at);
    /** Where each run of lines of one step begins, and which step. */
    this.begins = outline.steps.map((step) => step[0] - 1);
    this.steps = outline.steps.map((step) => step[1] - 1);
    this.errors = places(outline.errors.ranges);
    this.errorCount = outline.errors.count;
    /** The filters whose answer is shown. @type {Wanted} */
    this.want = { steps: null, hosts: null, errors: false };
    this.filters = '';
    this.filtering = new AbortController();
    this.looking = new AbortController();
    /** The text of blocks, as far as it is here. @type {Map<Block, Line[]>} */
    this.texts = new Map();
    /** @type {Map<Block, AbortController>} */
    this.coming = new Map();
    /** Blocks out of sight that still have their text, the newest last. @type {Block[]} */
    this.kept = [];
  }

  /** Which step a line belongs to, -1 where several go side by side. @param {number} i */
  step(i) {
    const only = this.want.steps;
    return only ? [...only][0] : this.steps[lower(this.begins, i + 1) - 1];
  }

  /** The place behind the last line of the same run. @param {number} i */
  behind(i) {
    return (this.want.steps ? undefined : this.begins[lower(this.begins, i + 1)]) ?? this.count;
  }

  /** The place of a step's first line, or -1. @param {number} step */
  first(step) {
    return this.begins[this.steps.indexOf(step)] ?? -1;
  }

  /** Gives the places of all lines that pass: at once when all do, else when the server has said so.
   *  @param {Wanted} want @param {(shown: number[]) => void} then */
  passing(want, then) {
    const query = [...(want.hosts ?? [])].map((host) => `&host=${encodeURIComponent(host || '-')}`);
    for (const step of want.steps ?? []) query.push(`&command=${step + 1}`);
    if (want.errors) query.push('&errors=yes');
    this.filtering.abort();
    const { signal } = (this.filtering = new AbortController());
    const filters = query.join('');
    const give = (/** @type {number[]} */ shown) => {
      this.want = want;
      this.filters = filters;
      then(shown);
    };
    if (!filters) return give(places([[1, this.count]]));
    const ranges = /** @type {number[][]} */ ([]);
    this.find(filters, signal, (some) => ranges.push(...some)).then(() => give(places(ranges)), () => {});
  }

  /** Looks for lines, answer by answer. @param {string} query @param {AbortSignal} signal
   *  @param {(ranges: number[][]) => void} take */
  async find(query, signal, take) {
    for (let from = /** @type {number|null} */ (1); from; ) {
      const { ranges, next } = await this.told('find', `from=${from}${query}`, signal);
      take(ranges);
      from = next;
    }
  }

  /** Looks for a text, instead of who searches. @param {string} text @param {(places: number[], busy: boolean) => void} take */
  look(text, take) {
    this.looking.abort();
    const { signal } = (this.looking = new AbortController());
    if (!text) return take([], false);
    take([], true);
    const query = `${this.filters}&q=${encodeURIComponent(text.slice(0, 200))}`;
    this.find(query, signal, (ranges) => take(places(ranges), true)).then(() => take([], false), () => {});
  }

  /** The text of a block, when it is here. @param {Block} block */
  linesOf(block) {
    return this.texts.get(block);
  }

  /** Fetches the text of a block; `arrived` is called when it is there. @param {Block} block */
  need(block) {
    if (this.texts.has(block) || this.coming.has(block)) return;
    const coming = new AbortController();
    this.coming.set(block, coming);
    this.fetch(block, coming.signal).then(
      (lines) => {
        this.coming.delete(block);
        this.texts.set(block, lines);
        this.arrived(block);
      },
      () => {},
    );
  }

  /** There are other blocks now. */
  forget() {
    for (const coming of this.coming.values()) coming.abort();
    this.coming.clear();
    this.texts.clear();
    this.kept = [];
  }

  /** @param {Block} block @param {AbortSignal} signal */
  async fetch(block, signal) {
    const lines = /** @type {Line[]} */ ([]);
    const to = block.idx[block.idx.length - 1] + 1;
    for (let from = /** @type {number|null} */ (block.idx[0] + 1); from; ) {
      const part = await this.told('lines', `from=${from}&to=${to}${this.filters}`, signal);
      lines.push(...part.lines.map((r) => this.line(r)));
      from = part.next;
    }
    return lines;
  }

  /** @param {Said} r a line as the server gives it @returns {Line} */
  line(r) {
    const t = Math.max(0, Date.parse(r.at) - this.started);
    return { n: r.line, t, step: r.command - 1, host: r.host ?? '', kind: r.error ? 'err' : kindOf(r), text: r.text };
  }

  /** Lines that pass the filters as text, as the server answers. @param {number} from @param {number} to */
  text(from, to) {
    return fetch(`${this.address}/lines?format=text&from=${from}&to=${to}${this.filters}`, { cache: 'no-store' });
  }

  /** Which hosts said the same, step by step, as far as it passes the filters. @param {AbortSignal} signal */
  async same(signal) {
    const steps = /** @type {Group[][]} */ ([]);
    for (let from = /** @type {number|null} */ (1); from; ) {
      const part = await this.told('same', `from=${from}${this.filters}`, signal);
      for (const { command, groups } of part.steps) {
        steps[command - 1] = groups.map(({ end = '', lines, hosts }) => ({ hosts: end ? hosts : [''], end, count: lines }));
      }
      from = part.next;
    }
    return steps;
  }

  /** The first lines of a host in a step. @param {number} step @param {string} host @param {number} most @param {AbortSignal} signal */
  async voice(step, host, most, signal) {
    const errors = this.want.errors ? '&errors=yes' : '';
    const query = `command=${step + 1}&host=${encodeURIComponent(host || '-')}&most=${most}${errors}`;
    const { lines } = await this.told('lines', query, signal);
    return lines.map((r) => this.line(r));
  }

  /** A block is out of sight: the oldest ones lose their text. @param {Block} block */
  rest(block) {
    if (!this.texts.has(block)) {
      this.coming.get(block)?.abort();
      this.coming.delete(block);
      return;
    }
    this.kept = this.kept.filter((other) => other !== block && !other.warm);
    this.kept.push(block);
    for (const old of this.kept.splice(0, this.kept.length - KEPT)) this.texts.delete(old);
  }

  /**
   * Asks until it is answered, or nobody wants to know any more.
   * @template {keyof Answers} What
   * @param {What} what @param {string} query @param {AbortSignal} signal
   * @returns {Promise<Answers[What]>}
   */
  async told(what, query, signal) {
    for (let pause = 500; ; pause = Math.min(15000, pause * 2)) {
      try {
        return await this.ask(what, query, signal);
      } catch (problem) {
        if (signal.aborted) throw problem;
        await new Promise((go) => setTimeout(go, pause));
      }
    }
  }
}
