// title.js: the tab tells the story when the page is not in front: title, icon, and on request a notification.
import { $ } from '../page/dom.js';

const SIGNS = { ok: '✓', fail: '✕', warn: '✕', cancel: '✕', back: '✕', lost: '?', off: '…' };

export class Title {
  /** @param {string} name `web to Prod` */
  constructor(name) {
    this.name = name;
    this.icon = /** @type {HTMLLinkElement|null} */ ($('link[rel="icon"]'));
    const version = this.icon ? new URL(this.icon.href).search : '';
    this.iconAt = (/** @type {string} */ kind) => `/static/favicon-${kind}.svg${version}`;
    this.state = '';
    this.at = 0;
    fetch(this.iconAt('off')).catch(() => {}); // while there is a connection: it is shown when there is none
    this.bell = $('#b-bell');
    if (this.bell) this.listen();
  }

  /** Asks the browser only when pressed. */
  listen() {
    const { bell } = this;
    if (!globalThis.isSecureContext || !('Notification' in globalThis)) {
      bell.hidden = true;
      return;
    }
    bell.setAttribute('aria-pressed', 'false');
    bell.addEventListener('click', async () => {
      const on = bell.getAttribute('aria-pressed') !== 'true' && (await Notification.requestPermission()) === 'granted';
      bell.setAttribute('aria-pressed', String(on));
    });
  }

  /** At most once a second while it runs, so that a tab does not twitch. @param {string} result a shape, empty while it runs @param {boolean} off no connection @param {number} percent @param {string} waits what it waits for; empty when it goes on */
  draw(result, off, percent, waits) {
    const state = result || (off ? 'off' : 'run');
    const title = state === 'run' ? `${waits ? `${waits}: ` : ''}${percent}% ${this.name}` : `${SIGNS[/** @type {'ok'} */ (state)] ?? '?'} ${this.name}`;
    const at = Date.now();
    if (document.title === title || (state === this.state && at - this.at < 1000)) return;
    Object.assign(this, { state, at });
    document.title = title;
    const kinds = { ok: 'ok', lost: 'lost', off: 'off', run: `run${Math.floor(percent / 5) * 5}` };
    const address = this.iconAt(kinds[/** @type {'ok'} */ (state)] ?? 'fail');
    if (this.icon && this.address !== address) this.icon.href = this.address = address;
  }

  /** Speaks when the push ends, only when the tab is hidden. @param {string} words */
  ring(words) {
    if (this.bell?.getAttribute('aria-pressed') !== 'true' || !document.hidden) return;
    new Notification(`${this.name}: ${words}`, { tag: location.pathname });
  }
}
