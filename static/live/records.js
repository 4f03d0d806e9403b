// records.js: the records of a journal as they come over the wire (`src/journal/event.rs`). Whatever a page takes from them
// has passed `visible` here.
import { visible } from './visible.js';

/**
 * @typedef {{brought: number[], asked?: number[], back?: number[], held?: string[]}} Proof the commands that say whether a host
 *   holds the build (`plan::Proof`)
 * @typedef {{hosts: number, connected: number, missing?: {host: string, duration_ms: number}[], waits_for?: string[], duration_ms: number}} Connected
 * @typedef {{kind: 'push_started', hosts: string[], commands: string[], spare?: number[], flips?: number[], proof?: Proof}
 *   | ({kind: 'connecting'} & Connected)
 *   | ({kind: 'connected'} & Connected)
 *   | {kind: 'command_started', command: number, title: string, hosts: number}
 *   | {kind: 'host_started', command: number, host?: string}
 *   | {kind: 'line', command: number, host?: string, stream: string, line: number, text: string}
 *   | {kind: 'host_ended', command: number, host?: string, result: string, left?: number, duration_ms: number}
 *   | {kind: 'asked', command: number, ask: number, question: string, ends_at: string, another?: boolean}
 *   | {kind: 'answered', command: number, ask: number, answer: string, who?: string}
 *   | {kind: 'command_ended', command: number, result: string, ok: number, not_ok: number, duration_ms: number, skew_ms?: number}
 *   | {kind: 'host_dropped', command: number, host: string}
 *   | {kind: 'undo_started', sha: string, hosts: string[], why: string}
 *   | {kind: 'paused', who: string, reason?: string}
 *   | {kind: 'resumed', who: string}
 *   | {kind: 'build_made'}
 *   | {kind: 'measured', command: number, value?: number}
 *   | {kind: 'link'}
 *   | {kind: 'push_ended', state: string, why?: string, duration_ms: number}} Event
 * @typedef {{n: number, at: string} & Event} Record one line of the journal; `n` is its number, from 1 without gaps
 */

/** @template {Event['kind']} Kind @typedef {Extract<Record, {kind: Kind}>} Of a record of one kind */

/** @param {string} text records, a line each @returns {Record[]} */
export const recordsOf = (text) => text.split('\n').map((line) => JSON.parse(visible(line)));

/** The number of the first record. @param {string} text records, a line each @returns {number} */
export const firstOf = (text) => JSON.parse(text.slice(0, (text.indexOf('\n') + 1 || text.length + 1) - 1)).n;
