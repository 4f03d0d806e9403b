// visible.js: what hides in a text or turns it, shown as what it is: ⟨U+202E⟩. The journal comes as it was written, and whatever a page
// takes from it passes here first. src/visible.rs judges alike; a test holds the two against each other.

/** The same as `is_invisible` there. */
const HIDDEN =
  /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;
const JOINED = /^[^\u0000-\u00a0\s]$/u;

/**
 * A text in which nothing hides; of JSON, JSON with the same structure.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(HIDDEN, (c, /** @type {number} */ at) => {
    const joins = (c === '\u200c' || c === '\u200d') && [at - 1, at + 1].every((place) => JOINED.test(beside(text, place)) && !hides(beside(text, place)));
    return joins ? c : `⟨U+${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

/** The character at a place, whole. @param {string} text @param {number} at */
function beside(text, at) {
  const half = (text.charCodeAt(at) & 0xfc00) === 0xdc00;
  return String.fromCodePoint(text.codePointAt(half ? at - 1 : at) ?? 0);
}

/** @param {string} c */
function hides(c) {
  HIDDEN.lastIndex = 0;
  return HIDDEN.test(c);
}
