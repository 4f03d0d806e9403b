// fold.js: the state of a push, folded from its journal's records. Pure: no document, no clock; the whole page is a
// function of what this holds. Of records that `State::apply` (`src/journal/state.rs`) takes it makes the same: `tests/folds.rs` gives both
// the same journals. What states are called it is told (states.js).

import { kindOf } from '../log/line.js';
import { awayWords, connectionsOf, countWords, hostWords } from './connecting.js';

/**
 * @typedef {import('../log/line.js').Line} Line
 * @typedef {import('./records.js').Record} Record
 * @typedef {import('./states.js').States} States
 * @typedef {{state: string, word: string, sign: string, began: number, took: number, ran?: boolean, dropped?: boolean}} HostState a
 *   command on a host: shape and word, what it says of the build there, whether it began, and whether the host has left since
 * @typedef {{title: string, spare: boolean, state: string, word: string, perHost: boolean, hosts: number, began: number, took: number,
 *   skew: number, host: Map<string, HostState>, counted?: {ok: number, bad: number}}} Step
 * @typedef {{lines: Line[], errors: number[], news: string[]}} News new lines; places of lines that turned out to be errors; what is
 *   worth saying aloud
 */

/** Lines kept as possible errors of one command on one host. */
const SUSPECTS = 200;

export class Fold {
  /** @param {States} states */
  constructor(states) {
    this.states = states;
    /** @type {Step[]} */
    this.steps = [];
    /** @type {string[]} */
    this.hosts = [];
    /** @type {import('./records.js').Proof} */
    this.proof = { brought: [] };
    /** Milliseconds that it has waited for persons, and since when it waits now; it does not while that is -1. */
    this.waited = 0;
    this.waitsSince = -1;
    /** How far the connections to the hosts are; journals of older runners say nothing of it. @type {import('./connecting.js').Connections|null} */
    this.connections = null;
    this.lines = 0;
    this.started = 0;
    /** The newest record's moment, in milliseconds since the push began. */
    this.now = 0;
    this.current = -1;
    /** Who paused it, since when and why; while it goes on, nobody. @type {{who: string, at: string, reason: string}|null} */
    this.paused = null;
    /** The question that waits for an answer. @type {{ask: number, text: string, until: string, another: boolean}|null} */
    this.question = null;
    /** How it ended, once it has. @type {States['ends'][string]|null} */
    this.ended = null;
    this.why = '';
    this.took = 0;
    /** @type {Map<string, {err: number[], last: number}>} */
    this.suspects = new Map();
    /** Hosts that failed a command, which take no later one. @type {Map<string, HostState>} */
    this.lost = new Map();
  }

  /** @param {Record[]} records in order @returns {News} */
  take(records) {
    /** @type {News} */
    const out = { lines: [], errors: [], news: [] };
    for (const r of records) {
      const at = Date.parse(r.at);
      if (!this.started) this.started = at;
      const t = Math.max(0, at - this.started);
      this.now = Math.max(this.now, t);
      if (r.kind === 'line') this.line(r, t, out);
      else {
        this.state(r, t, out);
        this.wait(t);
      }
    }
    return out;
  }

  /** @param {import('./records.js').Of<'line'>} r @param {number} t @param {News} out */
  line(r, t, out) {
    const host = r.host ?? '';
    const kind = kindOf(r);
    out.lines.push({ n: r.line, t, step: r.command - 1, host, kind, text: r.text });
    const place = this.lines++;
    const key = `${r.command} ${host}`;
    let suspect = this.suspects.get(key);
    if (!suspect) this.suspects.set(key, (suspect = { err: [], last: place }));
    suspect.last = place;
    if (kind === 'warn') {
      suspect.err.push(place);
      if (suspect.err.length > SUSPECTS) suspect.err.shift();
    }
  }

  /** @param {Record} r @param {number} t @param {News} out */
  state(r, t, out) {
    switch (r.kind) {
      case 'push_started':
        return this.begin(r);
      case 'connecting':
      case 'connected':
        return this.connect(r, t, out);
      case 'command_started':
        return this.start(r, t, out);
      case 'host_started': {
        const { shape: state, word } = this.states.open.runs;
        this.step(r.command - 1).host.set(r.host ?? '', { state, word, sign: 'unknown', began: t, took: 0, ran: true });
        return;
      }
      case 'host_ended':
        return this.endHost(r, t, out);
      case 'host_dropped':
        return this.dropped(r, out);
      case 'undo_started':
        out.news.push(`Rolling back to ${r.sha.slice(0, 7)} on ${hostWords(r.hosts.length)}: ${r.why}`);
        return;
      case 'command_ended': {
        const { shape: state, word } = this.result(r.result);
        const counted = { ok: r.ok, bad: r.not_ok };
        Object.assign(this.step(r.command - 1), { state, word, took: r.duration_ms, skew: r.skew_ms ?? -1, counted });
        return;
      }
      case 'asked':
        this.question = { ask: r.ask, text: r.question, until: r.ends_at, another: !!r.another };
        out.news.push(`The push waits for an answer: ${r.question}`);
        return;
      case 'answered':
        this.question = null;
        out.news.push(r.who ? `${r.who} answered ${r.answer}` : 'Nobody answered');
        return;
      case 'paused':
        this.paused = { who: r.who, at: r.at, reason: r.reason ?? '' };
        out.news.push(`Paused by ${r.who}. No new host starts`);
        return;
      case 'resumed':
        this.paused = null;
        out.news.push(`${r.who} resumed it`);
        return;
      case 'push_ended':
        return this.end(r);
    }
  }

  /** @param {import('./records.js').Of<'push_started'>} r */
  begin(r) {
    this.hosts = r.hosts;
    r.commands.forEach((title, i) => (this.step(i).title = title));
    for (const number of r.spare ?? []) this.step(number - 1).spare = true;
    this.proof = r.proof ?? { brought: r.flips ?? [] };
  }

  /** @param {import('./records.js').Of<'connecting'|'connected'>} r @param {number} t @param {News} out */
  connect(r, t, out) {
    const before = this.connections;
    const of = (this.connections = connectionsOf(r, before, t, this.states));
    if (!before && !of.done) out.news.push(`Connecting to ${hostWords(of.hosts)}`);
    if (of.done) out.news.push(`Connected to ${countWords(of)}${of.connected === of.hosts ? '' : `, ${awayWords(of)}`}`);
  }

  /** @param {import('./records.js').Of<'command_started'>} r @param {number} t @param {News} out */
  start(r, t, out) {
    const step = this.step(r.command - 1);
    const { shape: state, word } = this.states.open.runs;
    Object.assign(step, { title: r.title, state, word, began: t, hosts: r.hosts, perHost: r.hosts > 0 });
    this.current = r.command - 1;
    const ordinary = this.steps.filter((other) => !other.spare).length;
    out.news.push(step.spare ? r.title : `Step ${r.command} of ${ordinary}: ${r.title}`);
  }

  /** @param {import('./records.js').Of<'host_ended'>} r @param {number} t @param {News} out */
  endHost(r, t, out) {
    const host = r.host ?? '';
    const step = this.step(r.command - 1);
    const { shape: state, word, sign } = this.result(r.result);
    const now = { state, word, sign, began: Math.max(0, t - r.duration_ms), took: r.duration_ms };
    step.host.set(host, { ...now, ran: step.host.has(host) });
    const key = `${r.command} ${host}`;
    const suspect = this.suspects.get(key);
    this.suspects.delete(key);
    if (state !== 'fail' && state !== 'lost') return;
    this.lost.set(host, now);
    out.news.push(`${host || 'The push host'}: ${word}`);
    if (suspect) out.errors.push(...(suspect.err.length ? suspect.err : [suspect.last]));
  }

  /** How a command ended, by its name in the journal. @param {string} name */
  result(name) {
    return this.states.results[name] ?? this.states.results.unknown;
  }

  /** Adds up how long the push waits for persons: paused and asking at once count once. @param {number} t */
  wait(t) {
    const waits = !!(this.question || this.paused);
    if (waits && this.waitsSince < 0) this.waitsSince = t;
    else if (!waits && this.waitsSince >= 0) {
      this.waited += t - this.waitsSince;
      this.waitsSince = -1;
    }
  }

  /** How long it has worked: what is known of others counts without the time that persons took. @param {number} at milliseconds since it began */
  worked(at) {
    return Math.max(0, (this.waitsSince < 0 ? at : Math.min(at, this.waitsSince)) - this.waited);
  }

  /** On how many hosts the build is, as far as is known: the rule of `plan::Proof::standing`. */
  holding() {
    return this.hosts.filter((host) => this.holds(host)).length;
  }

  /** @param {string} host */
  holds(host) {
    const { brought, asked = [], back = [], held = [] } = this.proof;
    const signs = (/** @type {number[]} */ numbers) => numbers.map((number) => signOf(this.steps[number - 1], host));
    if (signs(back).includes('well')) return false;
    const answer = signs(asked).findLast((sign) => sign === 'well' || sign === 'badly');
    if (answer) return answer === 'well';
    const all = signs(brought);
    if (all.length && all.every((sign) => sign === 'well')) return true;
    return all.every((sign) => sign === 'nothing') && held.includes(host);
  }

  /** A host that has left; what nobody knows stays unknown. @param {import('./records.js').Of<'host_dropped'>} r @param {News} out */
  dropped({ command, host }, out) {
    const state = this.step(command - 1).host.get(host);
    if (!state || state.state === 'lost') return;
    const { shape, word } = this.states.results.dropped;
    Object.assign(state, { state: shape, word, dropped: true });
    this.lost.set(host, state);
    out.news.push(`${host}: ${word}`);
  }

  /** @param {import('./records.js').Of<'push_ended'>} r */
  end(r) {
    const { shape, word } = (this.ended = this.states.ends[r.state] ?? this.states.ends.interrupted);
    const { unknown } = this.states.results;
    const { left } = this.states.open;
    this.paused = null;
    this.why = r.why ?? '';
    this.question = null;
    this.took = r.duration_ms;
    if (this.connections?.state === 'run') Object.assign(this.connections, { state: shape, word });
    for (const step of this.steps) {
      if (step.state === 'run') Object.assign(step, { state: unknown.shape, word: unknown.word });
      if (step.state === 'wait') Object.assign(step, { state: left.shape, word: left.word });
      for (const host of step.host.values()) if (host.state === 'run') Object.assign(host, { state: unknown.shape, word: unknown.word });
    }
  }

  /** @param {number} i @returns {Step} */
  step(i) {
    while (this.steps.length <= i) {
      const { shape: state, word } = this.states.open.waits;
      const times = { began: 0, took: 0, skew: -1 };
      this.steps.push({ title: '', spare: false, state, word, perHost: false, hosts: 0, ...times, host: new Map() });
    }
    return this.steps[i];
  }

  /** The step whose hosts are shown: the one that runs, or the last one that worked on hosts. */
  shownStep() {
    for (let i = this.current; i >= 0; i--) if (this.steps[i].perHost) return i;
    return -1;
  }

  /**
   * @param {Step} step
   * @param {string} host
   * @param {number} now milliseconds since the push began
   * @returns {HostState} its state, *slow* when it takes three times the median of those that ended, and over 2 s
   */
  hostState(step, host, now) {
    const found = step.host.get(host);
    if (!found) {
      const lost = this.lost.get(host);
      if (lost) return lost;
      const elsewhere = this.rolling(step, host);
      if (elsewhere) return elsewhere;
      const { shape: state, word } = this.ended ? this.states.open.left : this.states.open.waits;
      return { state, word, sign: 'nothing', began: 0, took: 0 };
    }
    if (found.state !== 'run') return found;
    const elapsed = now - found.began;
    const slow = elapsed > 2000 && elapsed > 3 * medianOf(step) && medianOf(step) > 0;
    return slow ? { ...found, state: this.states.open.slow.shape, word: this.states.open.slow.word } : found;
  }

  /** A host that is at another step than the one shown: in a roll several run at once. @param {Step} step @param {string} host */
  rolling(step, host) {
    if (step.state !== 'run') return null;
    const others = this.steps.filter((other) => other !== step && other.state === 'run' && other.host.has(host));
    const found = others.at(-1)?.host.get(host);
    return found && { ...found, state: found.state === 'ok' ? 'run' : found.state, word: `at ${others.at(-1)?.title}` };
  }

  /** How far the push is, 0 to 1: steps that ended, and the hosts of the one that runs. */
  progress() {
    if (this.ended?.shape === 'ok') return 1;
    const parts = this.steps.filter((step) => !unused(step)).map((step) => this.stepProgress(step));
    return parts.length ? parts.reduce((a, b) => a + b, 0) / parts.length : 0;
  }

  /** @param {Step} step */
  stepProgress(step) {
    if (step.state === 'ok') return 1;
    if (!step.perHost || !step.hosts) return 0;
    return ended(step).ok / step.hosts;
  }
}

/** What became of a step on a host, or on the push host where it runs there alone. @param {Step|undefined} step @param {string} host */
const signOf = (step, host) => (step?.host.get(host) ?? step?.host.get(''))?.sign ?? 'nothing';

/** What runs only when something goes wrong, as long as nothing has. @param {Step} step */
export function unused(step) {
  return step.spare && (step.state === 'wait' || step.state === 'skip');
}

/** @param {Step} step @returns {{ok: number, bad: number}} how many hosts ended well, and not */
export function ended(step) {
  if (!step.host.size && step.counted) return step.counted; // an outline says nothing of single hosts
  let ok = 0;
  let bad = 0;
  for (const host of step.host.values()) {
    if (host.state === 'ok') ok++;
    else if (host.state === 'fail' || host.state === 'lost' || host.sign === 'badly' || host.dropped) bad++;
  }
  return { ok, bad };
}

/** @param {Step} step */
function medianOf(step) {
  const took = [...step.host.values()].filter((host) => host.state === 'ok').map((host) => host.took);
  took.sort((a, b) => a - b);
  return took[took.length >> 1] ?? 0;
}
