// title.js: the tab tells the story when the page is not in front: title, icon, and on request a notification.
import { $ } from '../page/dom.js';

export class Title {
  /** @param {string} name `web to Prod` */
  constructor(name) {
    this.name = name;
    this.icon = $('link[rel="icon"]', document, HTMLLinkElement);
    const version = this.icon ? new URL(this.icon.href).search : '';
    this.iconAt = (/** @type {string} */ kind) => `/static/favicon-${kind}.svg${version}`;
    this.state = '';
    this.at = 0;
    fetch(this.iconAt('off')).catch(() => {}); // while there is a connection: it is shown when there is none
    this.bell = $('#b-bell');
    if (this.bell) this.listen(this.bell);
    this.address = '';
  }

  /** Asks the browser only when pressed. @param {HTMLElement} bell */
  listen(bell) {
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

  /**
   * At most once a second while it runs, so that a tab does not twitch.
   * @param {{sign: string, icon: string}|null} ended none while it runs
   * @param {boolean} off no connection
   * @param {number} percent
   * @param {string} waits what it waits for; empty when it goes on
   */
  draw(ended, off, percent, waits) {
    const state = ended?.icon ?? (off ? 'off' : 'run');
    const so = waits ? `${waits}: ${percent}%` : `${percent}%`;
    const title = `${ended?.sign ?? (off ? '…' : so)} ${this.name}`;
    const at = Date.now();
    if (document.title === title || (state === this.state && at - this.at < 1000)) return;
    Object.assign(this, { state, at });
    document.title = title;
    const address = this.iconAt(state === 'run' ? `run${Math.floor(percent / 5) * 5}` : state);
    if (this.icon && this.address !== address) this.icon.href = this.address = address;
  }

  /** Speaks when the push ends, only when the tab is hidden. @param {string} words */
  ring(words) {
    if (this.bell?.getAttribute('aria-pressed') !== 'true' || !document.hidden) return;
    new Notification(`${this.name}: ${words}`, { tag: location.pathname });
  }
}
