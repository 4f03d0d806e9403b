// steps.js: the steps as a timeline, and the bar with a part for each.
import { $, $$, button, el, mark, say, stateMark, the } from '../page/dom.js';
import { awayWords, countWords, hostWords, waitingWords } from './connecting.js';
import { ended, unused } from './fold.js';
import { duration, soFar } from '../page/times.js';

export class Steps {
  /** @param {HTMLElement} root @param {(step: number) => void} open */
  constructor(root, open) {
    this.list = the('.steps', root);
    this.bar = the('.prog-bar', root);
    this.open = open;
    this.connect = the('#connect', this.list);
    this.items = $$('li:not(#connect)', this.list);
    this.parts = $$('i', this.bar);
    this.items.forEach((item, i) => $('.step', item)?.addEventListener('click', () => open(i)));
  }

  /** Steps that the server did not know yet: the page was opened before the runner had begun. @param {number} count */
  grow(count) {
    for (let i = this.items.length; i < count; i++) {
      const opens = button('step', stateMark('wait'), el('b', 'trunc'), el('span', 'd num'), el('small'));
      opens.addEventListener('click', () => this.open(i));
      this.items.push(el('li', '', opens));
      this.list.append(this.items[i]);
    }
    for (let i = this.parts.length; i < count; i++) {
      this.parts.push(el('i'));
      this.bar.append(this.parts[i]);
    }
  }

  /** @param {import('./fold.js').Fold} fold @param {number} now */
  draw(fold, now) {
    this.grow(fold.steps.length);
    this.drawConnect(fold.connections, now);
    fold.steps.forEach((step, i) => {
      const item = this.items[i];
      const part = this.parts[i];
      if (part) {
        part.hidden = unused(step);
        if (part.dataset.s !== step.state) part.dataset.s = step.state;
        part.style.setProperty('--f', `${(this.part(fold, step) * 100).toFixed(1)}%`);
      }
      if (!item) return;
      item.hidden = unused(step);
      if (item.dataset.s !== step.state) item.dataset.s = step.state;
      mark($('.st', item, SVGElement), step.state, step.word);
      const title = `${i + 1}. ${step.title}`;
      const name = the('b', item);
      say(name, title);
      name.title = step.title;
      const running = step.state === 'run';
      say($('.d', item), step.state === 'wait' && item.dataset.usual ? `~${duration(Number(item.dataset.usual))}` : took(step, now));
      say($('small', item), hosts(step));
      the('button', item).toggleAttribute('aria-current', running);
    });
  }

  /** Connecting to the hosts is a step of its own, before all others. @param {import('./connecting.js').Connections|null} of @param {number} now */
  drawConnect(of, now) {
    const { connect } = this;
    if (!of) return; // what the server drew holds until the first record
    connect.hidden = false;
    if (connect.dataset.s !== of.state) connect.dataset.s = of.state;
    mark($('.st', connect, SVGElement), of.state, of.word);
    say($('b', connect), of.done ? 'Connected' : 'Connecting');
    say($('.d', connect), of.done ? duration(of.took) : soFar((of.state === 'run' ? now : of.ended) - of.began));
    const away = of.done ? awayWords(of) : waitingWords(of, now);
    say($('small', connect), countWords(of) + (away && `; ${away}`));
  }

  /** A step on the push host alone has no parts to count: half of it is shown while it runs. @param {import('./fold.js').Fold} fold @param {import('./fold.js').Step} step */
  part(fold, step) {
    return step.state === 'run' && !step.perHost ? 0.5 : fold.stepProgress(step);
  }
}

/** @param {import('./fold.js').Step} step @param {number} now */
function took(step, now) {
  if (step.state === 'wait') return '';
  if (step.state === 'skip') return step.word;
  if (step.state !== 'run' && ranNowhere(step)) return '';
  return step.state === 'run' ? soFar(now - step.began) : step.state === 'lost' ? '?' : duration(step.took);
}

/** A step on hosts that could begin on none of them took no time. @param {import('./fold.js').Step} step */
const ranNowhere = (step) => step.perHost && step.host.size > 0 && ![...step.host.values()].some((host) => host.ran);

/** @param {import('./fold.js').Step} step */
function hosts(step) {
  if (!step.perHost || step.state === 'wait' || step.state === 'skip') return '';
  const { ok, bad } = ended(step);
  const skew = step.skew < 0 ? '' : `, within ${step.skew < 1000 ? `${step.skew} ms` : duration(step.skew)}`;
  return `${ok} of ${hostWords(step.hosts)}${bad ? `, ${bad} failed` : ''}${skew}`;
}

/** Beside a step's heading in the command window. @param {import('./fold.js').Step|undefined} step @param {number} now */
export function stepNote(step, now) {
  if (!step) return '';
  const on = step.perHost ? `${ended(step).ok}/${step.hosts} hosts  ` : '';
  return on + took(step, now);
}
