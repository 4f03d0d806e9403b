// same.js: which hosts said the same. Pure: it holds no document and no clock. A host's output is a walk through a tree
// whose branches are lines; hosts that stand at one place of it said exactly the same. A host's own name in its output
// counts as equal.
import { plain } from '../log/sgr.js';

/** @typedef {import('../log/line.js').Line} Line
 *  @typedef {{text: string, first: Place|null, more: Map<string, Place>|null}} Place most places go on in one way only
 *  @typedef {{host: string, at: Place, lines: number[]}} Voice what one host said in one step, as places of its lines
 *  @typedef {{hosts: string[], state: string, lines: number[]}} Group `lines` are those of the first of its hosts */

/** What stands for a host's own name: no line holds it, since the server makes control characters visible. */
const OWN = '\x00';
/** States in the order in which they are read: what is worse comes first. */
const ORDER = ['fail', 'lost', 'cancel', 'skip', 'ok', 'slow', 'run'];

export class Same {
  constructor() {
    /** By step, then by host. @type {Map<string, Voice>[]} */
    this.steps = [];
    /** How many of the lines were taken in. */
    this.taken = 0;
    /** How the names of hosts are found. @type {Map<string, RegExp>} */
    this.names = new Map();
    /** Where all hosts of a step begin, by step. @type {Place[]} */
    this.silence = [];
  }

  clear() {
    this.steps = [];
    this.taken = 0;
    this.names.clear();
    this.silence = [];
  }

  /** Takes lines in until the time is up; whether all of them are in. @param {(Line|null)[]} lines @param {number} until */
  take(lines, until) {
    while (this.taken < lines.length) {
      for (const stop = Math.min(lines.length, this.taken + 500); this.taken < stop; this.taken++) {
        const line = lines[this.taken];
        if (line) this.hear(line, this.taken);
      }
      if (performance.now() >= until) break;
    }
    return this.taken >= lines.length;
  }

  /** @param {Line} line @param {number} i its place */
  hear(line, i) {
    const step = (this.steps[line.step] ??= new Map());
    let voice = step.get(line.host);
    if (!voice) step.set(line.host, (voice = { host: line.host, at: this.root(line.step), lines: [] }));
    voice.lines.push(i);
    voice.at = go(voice.at, this.blank(line));
  }

  /** Where all hosts of a step begin. @param {number} step @returns {Place} */
  root(step) {
    return (this.silence[step] ??= { text: '', first: null, more: null });
  }

  /** A line without colours and its host's own name. @param {Line} line */
  blank(line) {
    if (line.kind === 'cmd') return ''; // all of them run the same command, whatever its values are
    const text = plain(line.text);
    if (!line.host) return text;
    let name = this.names.get(line.host);
    if (!name) this.names.set(line.host, (name = own(line.host)));
    return text.replace(name, OWN);
  }

  /**
   * The hosts of a step by what they said and how they ended: failed ones first, then the fewest.
   * @param {number} step
   * @param {Iterable<string>} hosts those that took part
   * @param {(host: string) => string} stateOf shape of a host's state
   * @returns {Group[]}
   */
  groups(step, hosts, stateOf) {
    const voices = this.steps[step] ?? new Map();
    /** @type {Map<Place, Map<string, Group>>} */
    const found = new Map();
    for (const host of new Set([...voices.keys(), ...hosts])) {
      const voice = voices.get(host);
      const at = voice?.at ?? this.root(step);
      const state = host ? stateOf(host).replace('slow', 'run') : '';
      let ends = found.get(at);
      if (!ends) found.set(at, (ends = new Map()));
      const group = ends.get(state);
      if (group) group.hosts.push(host);
      else ends.set(state, { hosts: [host], state, lines: voice?.lines ?? [] });
    }
    const all = [...found.values()].flatMap((ends) => [...ends.values()]);
    const rank = (/** @type {Group} */ group) => ORDER.indexOf(group.state);
    return all.sort((a, b) => rank(a) - rank(b) || a.hosts.length - b.hosts.length || (a.lines[0] ?? 0) - (b.lines[0] ?? 0));
  }
}

/** @param {Place} at @param {string} text @returns {Place} where that line leads */
function go(at, text) {
  const known = at.first?.text === text ? at.first : at.more?.get(text);
  if (known) return known;
  const next = { text, first: null, more: null };
  if (at.first) (at.more ??= new Map()).set(text, next);
  else at.first = next;
  return next;
}

/** Finds a host's own name, long or short, as a word. @param {string} host as in `deploy@web7.example.com:22 via gate` */
function own(host) {
  const place = host.split(' ')[0].replace(/^.*@/, '');
  const name = /^\[|:.*:/.test(place) ? place.replace(/^\[|\](?::\d+)?$/g, '') : place.replace(/:\d+$/, '');
  const short = name.split('.')[0];
  const names = /^\d+$|:/.test(short) ? [name] : [name, short]; // the first number of an address is no name
  const words = names.map((word) => word.replace(/[^\w]/g, '\\$&')).join('|');
  return new RegExp(`(?<![\\w-])(?:${words})(?![\\w-])`, 'g');
}
