// connecting.js: connecting to a push's hosts in words, before anything is touched. Pure; the server says the same.
import { duration, soFar } from '../page/times.js';

/**
 * @typedef {{hosts: number, connected: number, missing: {host: string, duration_ms: number}[], waitsFor: string[], done: boolean,
 *   state: string, word: string, began: number, ended: number, took: number}} Connections
 */

/** Who is waited for is named from then on: most hosts answer sooner. */
const PATIENCE = 2000;
/** Hosts that are named before "and N more". */
const NAMED = 3;

/**
 * What a record says of it.
 * @param {import('./records.js').Of<'connecting'|'connected'>} r @param {Connections|null} before
 * @param {number} t milliseconds since the push began @param {import('./states.js').States} states
 * @returns {Connections}
 */
export function connectionsOf(r, before, t, states) {
  const done = r.kind === 'connected';
  const { runs, partly, done: all } = states.connecting;
  const { shape: state, word } = !done ? runs : r.connected === r.hosts ? all : partly;
  return {
    hosts: r.hosts,
    connected: r.connected,
    missing: r.missing ?? [],
    waitsFor: r.waits_for ?? [],
    done,
    state,
    word,
    began: before?.began ?? Math.max(0, t - r.duration_ms),
    ended: t,
    took: r.duration_ms,
  };
}

/** @param {Connections} of how many are neither connected nor known to be away */
const open = (of) => Math.max(0, of.hosts - of.connected - of.missing.length);

/** `1 host`, `40 hosts`. @param {number} n */
export const hostWords = (n) => `${n} host${n === 1 ? '' : 's'}`;

/** @param {string[]} names the first of `count` @param {number} count */
function some(names, count) {
  const named = names.slice(0, NAMED);
  if (count > named.length) named.push(`${count - named.length} more`);
  return named.length > 1 ? `${named.slice(0, -1).join(', ')} and ${named.at(-1)}` : named.join('');
}

/** @param {Connections} of */
export function countWords(of) {
  const hosts = hostWords(of.hosts);
  return of.done && of.connected === of.hosts ? hosts : `${of.connected} of ${hosts}`;
}

/** Who did not come, after what time, and who is late. @param {Connections} of */
export function awayWords(of) {
  const words = [];
  const missing = of.missing.map((it) => `${it.host} (${duration(it.duration_ms)})`);
  if (missing.length) words.push(`not reached: ${some(missing, missing.length)}`);
  if (open(of)) words.push(`late: ${some(of.waitsFor, open(of))}`);
  return words.join('; ');
}

/** While it goes on. @param {Connections} of @param {number} now milliseconds since the push began */
export function waitingWords(of, now) {
  const words = [];
  if (open(of) && now - of.began >= PATIENCE) words.push(`waiting for ${some(of.waitsFor, open(of))}`);
  const missing = of.missing.map((it) => it.host);
  if (missing.length) words.push(`not reached: ${some(missing, missing.length)}`);
  return words.join('; ');
}

/** Before the first command, in two parts. @param {Connections|null} of @param {number} now @returns {[string, string]} */
export function startWords(of, now) {
  if (!of || of.done) return ['Starting', ''];
  const waiting = waitingWords(of, now);
  return [`Connecting · ${countWords(of)}`, ` · ${soFar(now - of.began)}${waiting && ` · ${waiting}`}`];
}
