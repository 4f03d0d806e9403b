// states.js: the states of pushes, hosts and questions, by the one table that the server gives with each page of a push
// (`src/web/pages/states.rs`): what they are called, which shape they have, which are ends. No script has words of its own for them.

/**
 * @typedef {{shape: string, word: string}} Named
 * @typedef {object} States
 * @property {{[result: string]: Named & {sign: 'well'|'badly'|'nothing'|'unknown'}}} results how a command ends, on a host or everywhere
 * @property {{[state: string]: Named & {took: string, sign: string, icon: string}}} ends how a push ends: the words before how long it
 *   took, its sign in the title of a tab, its icon
 * @property {{waits: Named, runs: Named, slow: Named, left: Named}} open a command on a host that has no result; `left` when it never
 *   will have one
 * @property {{runs: Named, paused: Named, asks: Named}} push one that has not ended
 * @property {{runs: Named, done: Named, partly: Named}} connecting to its hosts
 */

/** The table of this page. @param {HTMLElement} about the element with `data-states` @returns {States} */
export const statesOf = (about) => JSON.parse(about.dataset.states ?? '{}');
