// measured.js: what a push measures is drawn by the server: the graphs are fetched again when there is a new value.
import { fetchSoon } from '../page/graphs.js';

/** @param {import('./records.js').Record[]} records */
export function measured(records) {
  if (records.some((record) => record.kind === 'measured')) fetchSoon();
}
