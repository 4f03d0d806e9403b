// fold.js: the state of a push, folded from its journal's records. Pure: no document, no clock; the whole page is a
// function of what this holds. The server folds the same records the same way.

import { awayWords, connectionsOf, countWords } from './connecting.js';

/**
 * @typedef {{n: number, at: string, kind: string, [key: string]: any}} Record one line of the journal
 * @typedef {{n: number, t: number, step: number, host: string, kind: 'out'|'warn'|'err'|'cmd'|'note', text: string}} Line
 *   `n` is its own number, from 1 without gaps; `t` milliseconds since the push began; `step` from 0; `warn` came from
 *   standard error, `err` too, of a command that then failed
 * @typedef {{state: string, word: string, began: number, took: number, ran?: boolean}} HostState `ran` when a command began on it
 * @typedef {{title: string, spare: boolean, state: string, perHost: boolean, hosts: number, began: number, took: number,
 *   skew: number, host: Map<string, HostState>, counted?: {ok: number, bad: number}}} Step
 */

/** Results as shapes and words. @type {{[result: string]: [string, string]}} */
const RESULTS = {
  ok: ['ok', 'done'],
  failed: ['fail', 'failed'],
  timed_out: ['fail', 'timed out'],
  unreachable: ['fail', 'unreachable'],
  cancelled: ['cancel', 'cancelled'],
  skipped: ['skip', 'not started'],
  dropped: ['skip', 'dropped'],
  unknown: ['lost', 'unknown'],
};

/** Ends of a push as shapes. @type {{[state: string]: string}} */
const ENDS = { succeeded: 'ok', degraded: 'warn', failed: 'fail', cancelled: 'cancel', rolled_back: 'back', interrupted: 'lost' };

/** Lines kept as possible errors of one command on one host. */
const SUSPECTS = 200;

export class Fold {
  constructor() {
    /** @type {Step[]} */
    this.steps = [];
    /** @type {string[]} */
    this.hosts = [];
    /** @type {number[]} the steps that make the build live, from 1 */
    this.flips = [];
    /** The commands that say whether a host holds the build (`plan::Proof`). @type {{brought: number[], asked?: number[], back?: number[], held?: string[]}} */
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
    /** The question that waits for an answer. @type {{ask: number, text: string, until: string}|null} */
    this.question = null;
    /** Shape of the end, once there is one. */
    this.result = '';
    this.why = '';
    this.took = 0;
    /** @type {Map<string, {err: number[], last: number}>} */
    this.suspects = new Map();
    /** Hosts that failed a command, which take no later one. @type {Map<string, HostState>} */
    this.lost = new Map();
  }

  /**
   * @param {Record[]} records in order
   * @returns {{lines: Line[], errors: number[], news: string[]}} new lines; places of lines that turned out to be
   *   errors; what is worth saying aloud
   */
  take(records) {
    /** @type {{lines: Line[], errors: number[], news: string[]}} */
    const out = { lines: [], errors: [], news: [] };
    for (const r of records) {
      const at = Date.parse(r.at);
      if (!this.started) this.started = at;
      const t = Math.max(0, at - this.started);
      this.now = Math.max(this.now, t);
      if (r.kind === 'line') this.line(r, t, out);
      else this.state(r, t, out);
    }
    return out;
  }

  /** @param {Record} r @param {number} t @param {{lines: Line[]}} out */
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

  /** @param {Record} r @param {number} t @param {{errors: number[], news: string[]}} out */
  state(r, t, out) {
    const step = r.command ? this.step(r.command - 1) : null;
    if (r.kind === 'push_started') {
      this.hosts = r.hosts;
      r.commands.forEach((/** @type {string} */ title, /** @type {number} */ i) => (this.step(i).title = title));
      for (const number of r.spare ?? []) this.step(number - 1).spare = true;
      this.flips = r.flips ?? [];
      this.proof = r.proof ?? { brought: this.flips };
    } else if (r.kind === 'connecting' || r.kind === 'connected') {
      const before = this.connections;
      const of = (this.connections = connectionsOf(r, before, t));
      if (!before && !of.done) out.news.push(`Connecting to ${of.hosts} hosts`);
      if (of.done) out.news.push(`Connected to ${countWords(of)}${of.state === 'ok' ? '' : `, ${awayWords(of)}`}`);
    } else if (r.kind === 'command_started' && step) {
      Object.assign(step, { title: r.title, state: 'run', began: t, hosts: r.hosts, perHost: r.hosts > 0 });
      this.current = r.command - 1;
      const ordinary = this.steps.filter((other) => !other.spare).length;
      out.news.push(step.spare ? r.title : `Step ${r.command} of ${ordinary}: ${r.title}`);
    } else if (r.kind === 'host_started' && step) {
      step.host.set(r.host ?? '', { state: 'run', word: 'running', began: t, took: 0, ran: true });
    } else if (r.kind === 'host_ended' && step) {
      const host = r.host ?? '';
      const [state, word] = RESULTS[r.result] ?? RESULTS.unknown;
      const ran = step.host.has(host);
      step.host.set(host, { state, word, began: Math.max(0, t - r.duration_ms), took: r.duration_ms, ran });
      const key = `${r.command} ${host}`;
      const suspect = this.suspects.get(key);
      this.suspects.delete(key);
      if (state !== 'fail' && state !== 'lost') return;
      this.lost.set(host, { state, word, began: Math.max(0, t - r.duration_ms), took: r.duration_ms });
      out.news.push(`${host || 'The push host'}: ${word}`);
      if (suspect) out.errors.push(...(suspect.err.length ? suspect.err : [suspect.last]));
    } else if (r.kind === 'host_dropped' && step) this.dropped(step, r.host, out);
    else if (r.kind === 'undo_started') out.news.push(`Rolling back to ${r.sha.slice(0, 7)} on ${r.hosts.length} hosts: ${r.why}`);
    else if (r.kind === 'command_ended' && step) {
      step.state = (RESULTS[r.result] ?? RESULTS.unknown)[0];
      step.took = r.duration_ms;
      step.skew = r.skew_ms ?? -1;
      step.counted = { ok: r.ok, bad: r.not_ok };
    } else if (r.kind === 'asked') {
      this.question = { ask: r.ask, text: r.question, until: r.ends_at };
      out.news.push(`The push waits for an answer: ${r.question}`);
    } else if (r.kind === 'answered') {
      this.question = null;
      out.news.push(r.who ? `${r.who} answered ${r.answer}` : 'Nobody answered');
    } else if (r.kind === 'paused') {
      this.paused = { who: r.who, at: r.at, reason: r.reason ?? '' };
      out.news.push(`Paused by ${r.who}. No new host starts`);
    } else if (r.kind === 'resumed') {
      this.paused = null;
      out.news.push(`${r.who} resumed it`);
    } else if (r.kind === 'push_ended') this.end(r);
    this.wait(t);
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

  /** A host that has left; what nobody knows stays unknown. @param {Step} step @param {string} host @param {{news: string[]}} out */
  dropped(step, host, out) {
    const state = step.host.get(host);
    if (!state || state.state === 'lost') return;
    [state.state, state.word] = RESULTS.dropped;
    this.lost.set(host, state);
    out.news.push(`${host}: dropped`);
  }

  /** @param {Record} r */
  end(r) {
    this.result = ENDS[r.state] ?? 'lost';
    this.paused = null;
    this.why = r.why ?? '';
    this.question = null;
    this.took = r.duration_ms;
    if (this.connections?.state === 'run') this.connections.state = this.result;
    for (const step of this.steps) {
      if (step.state === 'run') step.state = this.result === 'lost' ? 'lost' : this.result;
      if (step.state === 'wait') step.state = 'skip';
      for (const host of step.host.values()) if (host.state === 'run') Object.assign(host, { state: 'lost', word: 'unknown' });
    }
  }

  /** @param {number} i @returns {Step} */
  step(i) {
    while (this.steps.length <= i) {
      const times = { began: 0, took: 0, skew: -1 };
      this.steps.push({ title: '', spare: false, state: 'wait', perHost: false, hosts: 0, ...times, host: new Map() });
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
      const [state, word] = this.result ? ['skip', 'not started'] : ['wait', 'waiting'];
      return { state, word, began: 0, took: 0 };
    }
    if (found.state !== 'run') return found;
    const elapsed = now - found.began;
    const slow = elapsed > 2000 && elapsed > 3 * medianOf(step) && medianOf(step) > 0;
    return slow ? { ...found, state: 'slow', word: 'slow' } : found;
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
    if (this.result === 'ok') return 1;
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
function signOf(step, host) {
  const found = step?.host.get(host) ?? step?.host.get('');
  if (!found) return 'nothing';
  if (found.state === 'ok') return 'well';
  if (found.word === 'not started' || found.word === 'unreachable') return 'nothing';
  return found.state === 'fail' || found.word === 'dropped' ? 'badly' : 'unknown';
}

/** @param {{stream: string, text: string}} r a line @returns {Line['kind']} */
export function kindOf({ stream, text }) {
  return stream === 'err' ? 'warn' : stream !== 'note' ? 'out' : /^[$>] /.test(text) ? 'cmd' : 'note';
}

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
    else if (host.state === 'fail' || host.state === 'lost' || host.word === 'dropped') bad++;
  }
  return { ok, bad };
}

/** @param {Step} step */
function medianOf(step) {
  const took = [...step.host.values()].filter((host) => host.state === 'ok').map((host) => host.took);
  took.sort((a, b) => a - b);
  return took[took.length >> 1] ?? 0;
}
