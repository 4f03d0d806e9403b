// line.js: one line of output, and what kind of line it is. Pure: no document.

/**
 * @typedef {{n: number, t: number, step: number, host: string, kind: 'out'|'warn'|'err'|'cmd'|'note', text: string}} Line
 *   `n` is its own number, from 1 without gaps; `t` milliseconds since the push began; `step` from 0; `warn` came from
 *   standard error, `err` too, of a command that then failed
 */

/** @param {{stream: string, text: string}} r a line of the journal @returns {Line['kind']} */
export function kindOf({ stream, text }) {
  return stream === 'err' ? 'warn' : stream !== 'note' ? 'out' : /^[$>] /.test(text) ? 'cmd' : 'note';
}
