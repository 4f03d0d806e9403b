// sgr.js: the colours of output. A line may hold SGR sequences and nothing else; each becomes fixed class names
// (f0-f7 text, g0-g7 ground, b1 b2 b3 b4 b9 weight and lines). Pure: no document.

const SGR = /\x1b\[([0-9;:]*)m/g;

/** @param {string} text @returns {string} without colours */
export const plain = (text) => (text.includes('\x1b') ? text.replace(SGR, '') : text);

/**
 * @param {string} text one line
 * @returns {{text: string, classes: string}[]} its parts, in order
 */
export function runs(text) {
  /** @type {{text: string, classes: string}[]} */
  const parts = [];
  /** @type {Record<string, string>} */
  let style = {};
  let at = 0;
  const put = (/** @type {string} */ part) => {
    if (part) parts.push({ text: part, classes: Object.values(style).join(' ') });
  };
  for (const found of text.matchAll(SGR)) {
    put(text.slice(at, found.index));
    at = found.index + found[0].length;
    style = styled(style, found[1]);
  }
  put(text.slice(at));
  return parts;
}

/** @param {Record<string, string>} old @param {string} codes */
function styled(old, codes) {
  const style = { ...old };
  const list = codes.split(/[;:]/).map(Number);
  for (let i = 0; i < list.length; i++) {
    const code = list[i];
    if (code === 0) for (const key of Object.keys(style)) delete style[key];
    else if ([1, 2, 3, 4, 9].includes(code)) style[`b${code}`] = `b${code}`;
    else if (code === 22) {
      delete style.b1;
      delete style.b2;
    } else if ([23, 24, 29].includes(code)) delete style[`b${code - 20}`];
    else if (code === 7) style.g = 'g7';
    else if (code === 27 || code === 49) delete style.g;
    else if (code === 39) delete style.f;
    else if (code >= 30 && code <= 37) style.f = `f${code - 30}`;
    else if (code >= 90 && code <= 97) style.f = `f${code - 90}`;
    else if (code >= 40 && code <= 47) style.g = `g${code - 40}`;
    else if (code >= 100 && code <= 107) style.g = `g${code - 100}`;
    else if (code === 38 || code === 48) {
      let near = -1;
      if (list[i + 1] === 5) {
        near = ofPalette(list[i + 2] ?? 0);
        i += 2;
      } else if (list[i + 1] === 2) {
        near = nearest(list.slice(i + 2, i + 5));
        i += 4;
      }
      if (near >= 0) style[code === 38 ? 'f' : 'g'] = (code === 38 ? 'f' : 'g') + near;
    }
  }
  return style;
}

/** One of 256 colours as one of eight. @param {number} n */
function ofPalette(n) {
  if (n < 16) return n % 8;
  if (n > 231) return n < 244 ? 0 : 7;
  return nearest([36, 6, 1].map((step) => [0, 95, 135, 175, 215, 255][Math.floor((n - 16) / step) % 6]));
}

/** Any colour a program picks as one of eight that can be read: bit 1 red, 2 green, 4 blue. @param {number[]} rgb */
function nearest(rgb) {
  const [r = 0, g = 0, b = 0] = rgb;
  const most = Math.max(r, g, b);
  if (most < 48) return 0;
  if (most - Math.min(r, g, b) < 32) return most < 128 ? 0 : 7;
  const least = Math.min(r, g, b);
  const middle = least + (most - least) * 0.6; // orange is red, sky is blue
  return (r > middle ? 1 : 0) | (g > middle ? 2 : 0) | (b > middle ? 4 : 0);
}
