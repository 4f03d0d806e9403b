// live.js: one push, live or past: gives records to the fold, and the fold to the parts of the page. State comes from
// the journal alone and is drawn by one function.
import { LogView } from '../log/log.js';
import { LogBar } from '../log/logbar.js';
import { $, $$, el, keysAreOurs, mark, say, the } from '../page/dom.js';
import { freshen } from '../page/fresh.js';
import { count, duration, left, localize, now, soFar } from '../page/times.js';
import { startWords } from './connecting.js';
import { Fold, ended } from './fold.js';
import { Grid } from './grid.js';
import { statesOf } from './states.js';
import { Steps, stepNote } from './steps.js';
import { PushStream } from './stream.js';
import { Title } from './title.js';

/** The connection in shapes and words. @type {{[name in import('./stream.js').Connection]: [string, string]}} */
const CONNECTION = {
  live: ['live', 'Live'],
  connecting: ['wait', 'Connecting'],
  waiting: ['wait', 'Reconnecting'],
  lost: ['lost', 'No connection'],
  signedout: ['lost', 'Signed out'],
  parked: ['wait', 'Asleep'],
  done: ['done', 'Ended'],
};

/** A past push with more lines than this is not loaded as a whole. */
const FAR = 5000;

class PushPage {
  /** @param {HTMLElement} about the element with `data-push` */
  constructor(about) {
    this.name = about.dataset.name ?? '';
    this.live = about.dataset.live === 'yes';
    this.typical = Number(about.dataset.usual);
    this.since = Date.parse(about.dataset.since ?? '');
    this.states = statesOf(about);
    this.fold = new Fold(this.states);
    this.connection = 'connecting';
    /** Since when there is no connection, while there is none. */
    this.lostSince = 0;
    this.ticks = this.frame = this.newsTimer = 0;
    /** What is to be said aloud. @type {string[]} */
    this.news = [];
    this.main = the('main');
    this.opened = false;
    /** Whether equal output is folded, and the view of it, once that was asked for. */
    this.folds = false;
    /** @type {import('../same/sameview.js').SameView|undefined} */
    this.same = undefined;
    const root = the('.log');
    this.bar = new LogBar(root, {
      pickHost: (host) => this.pickHost(host),
      filtered: (hosts) => {
        this.grid?.select(hosts);
        this.same?.forget();
      },
      same: (on) => this.foldSame(on),
      tell: (text) => this.tell(text),
    }, this.live);
    this.log = new LogView(root, {
      stepTitle: (step) => this.fold.steps[step]?.title ?? 'Output',
      stepNote: (step) => stepNote(this.fold.steps[step], this.now()),
      hooks: this.bar.hooks(),
    });
    this.bar.attach(this.log);
    if (!this.live) this.log.reader.follow(false); // a past push is read from where it matters: see openPast
    if (this.live) {
      this.steps = new Steps(this.main, (step) => this.openStep(step));
      const { shape: state, word } = this.states.open.waits;
      this.grid = new Grid(the('.hosts'), { state, word }, {
        hostState: (host) => this.hostState(host),
        pick: (host) => this.pickHost(host),
        pickMany: (hosts) => this.log.filter({ hosts: hosts && new Set(hosts) }),
      });
      this.title = new Title(this.name);
      addEventListener('keydown', (e) => e.key === 'h' && keysAreOurs(e) && $('.hc[tabindex="0"]')?.focus());
    }
    this.listen();
    this.stream = new PushStream(Number(about.dataset.push), this.live, Number(about.dataset.lines) > FAR, {
      outline: (outline) => this.takeOutline(outline),
      records: (records) => this.take(records),
      reset: () => this.forget(),
      state: (name, since) => this.showConnection(name, since),
    });
  }

  /** Milliseconds since the push began; still while nobody knows. */
  now() {
    if (this.fold.ended) return this.fold.took || this.fold.now;
    if (!this.live) return this.fold.now;
    // without a connection the clock stands where it was when the last word came
    const at = now() - (this.connection === 'lost' && this.lostSince ? Date.now() - this.lostSince : 0);
    return Math.max(this.fold.now, at - (this.fold.started || this.since || at));
  }

  listen() {
    $('#b-retry')?.addEventListener('click', () => this.stream.retryNow());
    // cancel, pause, answer: a form that cannot reach the server says so instead of taking the page away
    this.main.addEventListener('submit', (e) => {
      if (!['waiting', 'lost'].includes(this.connection)) return;
      e.preventDefault();
      e.stopPropagation();
      this.lostSince ||= Date.now();
      say($('#cancel-words'), 'No connection: nothing was done. The push continues.');
    });
    // links to a host or a step of this page filter the output instead of leaving
    for (const link of $$('a[data-host], a[data-command]')) {
      link.addEventListener('click', (e) => {
        if (e.ctrlKey || e.metaKey || e.shiftKey) return;
        e.preventDefault();
        $('#output')?.scrollIntoView({ block: 'start' });
        if (link.dataset.host) this.log.filter({ hosts: new Set([link.dataset.host]), steps: null });
        else this.openStep(Number(link.dataset.command) - 1);
      });
    }
    document.addEventListener('visibilitychange', () => {
      this.draw();
      this.same?.draw();
    });
  }

  /** @param {import('./records.js').Record[]} records */
  take(records) {
    const knew = this.fold.ended;
    const { lines, errors, news } = this.fold.take(records);
    if (records[0].n === 1) this.begin();
    if (lines.length) this.log.append(lines);
    if (errors.length) this.log.markErrors(errors);
    this.log.trim((step) => this.fold.steps[step]?.state === 'ok');
    this.same?.draw();
    for (const words of news) this.tell(words);
    if (this.fold.ended && !knew) this.finish(this.fold.ended);
    // lines alone change nothing but the output: a live page draws the rest four times a second
    if (!this.live || records.length > lines.length) this.drawSoon();
  }

  /** A long push that has ended: how it went, and where its lines are. @param {import('../log/lines.js').Outline} outline */
  async takeOutline(outline) {
    const [{ FarLines }, { FarCopy }] = await Promise.all([import('../log/lines.js'), import('../log/copy.js')]);
    if (outline.records.length) this.take(outline.records);
    const { log, stream } = this;
    const far = new FarLines(outline, stream.address, (...what) => stream.ask(...what), (block) => log.arrived(block));
    const copy = new FarCopy(log.root, far, log.blocks);
    log.setFar(far, () => copy.offer(log.marks.lines));
    the('.log-find input').title = `Finds in all ${count(outline.lines)} lines; the browser's own find only in those on screen`;
  }

  /** What the first record says. */
  begin() {
    this.bar.setSteps(this.fold.steps.map((step) => step.title));
    this.grid?.setHosts(this.fold.hosts);
    this.log.setGutter(this.fold.hosts.reduce((most, host) => Math.max(most, host.length), 4));
    const alone = this.fold.hosts.length < 2; // it is like no other
    the('#b-same').hidden = alone;
    if (alone) this.foldSame(false);
  }

  /** @param {import('./states.js').States['ends'][string]} end */
  finish({ shape, word, took }) {
    this.bar.ended();
    if (!this.live) return;
    this.tell(`${this.name}: ${took} ${duration(this.fold.took)}. ${this.fold.why}`);
    this.title?.ring(`${took} ${duration(this.fold.took)}`);
    mark($('.phead h1 .st', document, SVGElement), shape, word);
    for (const gone of ['#b-cancel', '#b-bell']) $(gone)?.setAttribute('hidden', '');
    $('#dlg-cancel')?.hidePopover();
    the('#b-result').hidden = false;
    const pill = $('.nowpush'); // drawn when the page was: this push was one of them
    if (/^\s*1\D/.test(pill?.textContent ?? '')) pill?.remove();
  }

  /** The journal begins anew: a restored backup, or a torn tail. */
  forget() {
    this.fold = new Fold(this.states);
    this.log.clear();
    this.same?.clear();
  }

  /** A past push opens at its first error with the good steps folded, a good one at its end; a link wins. */
  openPast() {
    if (this.opened) return;
    this.opened = true;
    this.log.reader.follow(false);
    if (this.log.openHash()) return;
    if (this.log.list.errors.length) {
      this.fold.steps.forEach((step, i) => step.state === 'ok' && this.log.blocks.fold(i, true));
      this.log.error(1);
    } else if (this.log.list.count()) {
      this.log.paintAll();
      this.log.reader.toEnd();
    }
  }

  /** Folds equal output; what does it is loaded when it is first asked for. @param {boolean} on */
  async foldSame(on) {
    this.folds = on;
    the('#b-same').setAttribute('aria-pressed', String(on));
    if (on && !this.same) {
      const { SameView } = await import('../same/sameview.js');
      this.same ??= new SameView(this.log.root, this.log, {
        steps: () => this.fold.steps,
        state: (step, host) => this.fold.hostState(this.fold.steps[step], host, this.now()).state,
        shapeOf: (end) => (this.states.results[end] ?? this.states.results.unknown).shape,
        pick: (hosts) => {
          this.foldSame(false);
          this.log.filter({ hosts: new Set(hosts) });
        },
        leave: () => this.foldSame(false),
      });
      this.bar.setFolded(this.same);
    }
    this.same?.set(this.folds);
  }

  /** @param {string} host */
  hostState(host) {
    const step = this.fold.steps[this.fold.shownStep()];
    return step ? this.fold.hostState(step, host, this.now()) : null;
  }

  /** @param {string} host */
  pickHost(host) {
    const hosts = new Set(this.log.list.want.hosts ?? []);
    if (!hosts.delete(host)) hosts.add(host);
    this.log.filter({ hosts: hosts.size ? hosts : null });
    showTab('out');
  }

  /** @param {number} step */
  openStep(step) {
    const n = this.log.list.firstOf(step);
    if (this.same?.on) this.same.openStep(step);
    else if (n) this.log.goTo(n, { mark: false });
    showTab('out');
  }

  /** @param {import('./stream.js').Connection} name @param {number} since */
  showConnection(name, since) {
    const was = this.connection;
    this.connection = name;
    // the clock ticks only while it moves and the tab may be looked at
    clearInterval(this.ticks);
    if (this.live && name !== 'parked' && name !== 'done') this.ticks = setInterval(() => this.draw(), 250);
    const [shape, word] = CONNECTION[name];
    const dot = the('.conn');
    dot.dataset.s = !this.live && name === 'live' ? 'wait' : shape;
    say(dot, !this.live && name === 'live' ? 'Loading' : word);
    the('#out-note').hidden = name !== 'signedout';
    this.lostSince = name === 'lost' ? since : name === 'live' || name === 'done' ? 0 : this.lostSince;
    if (name === 'done') {
      if (this.live) {
        this.log.settle();
        freshen(); // who else is pushing now
      } else this.openPast();
    }
    if (name === 'lost') this.tell('Connection lost. The push continues without this page.');
    if (name === 'live' && (was === 'waiting' || was === 'lost') && this.log.list.count()) {
      this.tell('Connected again. Nothing is missing.');
      freshen(); // the server may be another one now
    }
    if (name === 'live' && this.live && !this.opened) {
      this.opened = true;
      setTimeout(() => this.log.openHash(), 300);
    }
    this.drawSoon();
  }

  drawSoon() {
    if (document.hidden) return this.draw(); // it has no frames, but a title
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** Draws everything but the output: a few elements, at most four times a second and once a batch. */
  draw() {
    const { fold } = this;
    const at = this.now();
    const percent =
      fold.ended?.shape === 'ok' ? 100 : Math.floor(this.typical ? Math.min(95, (fold.worked(at) * 100) / this.typical) : fold.progress() * 100);
    const waits = fold.question ? 'Answer needed' : fold.paused ? this.states.push.paused.word : '';
    this.title?.draw(fold.ended, ['lost', 'waiting', 'signedout'].includes(this.connection), percent, waits);
    if (document.hidden) return;
    say($('#b-err b'), count(this.log.list.errorCount()));
    const gone = !!this.lostSince;
    the('#conn-note').hidden = !gone;
    this.main.classList.toggle('is-stale', gone);
    if (gone) say($('#conn-for'), duration(Math.round((Date.now() - this.lostSince) / 1000) * 1000));
    for (let i = 0; i < fold.steps.length; i++) if (i >= fold.current - 1 || fold.steps[i].state === 'run') this.log.blocks.stepChanged(i);
    if (!this.live) return;
    this.steps?.draw(fold, at);
    this.drawQuestion();
    this.drawSoFar();
    this.drawProgress(percent, at);
    this.drawPause();
    const shown = fold.shownStep();
    this.grid?.draw(shown >= 0 ? `Hosts, step ${shown + 1}: ${fold.steps[shown].title}` : 'Hosts');
  }

  /** How many hosts have what, for whoever thinks of cancelling; the server says it in the same words (`so_far`). */
  drawSoFar() {
    const { steps, current, hosts } = this.fold;
    const step = steps[current];
    if (!step) return;
    const have = hosts.length === 1 ? 'host has' : 'hosts have';
    const has = `${this.fold.holding()} of ${hosts.length} ${have} ${$$('.phead .sha').at(-1)?.textContent}. `;
    say($('#so-far'), has + (step.perHost ? `Step ${current + 1} is done on ${ended(step).ok} of ${step.hosts}.` : ''));
  }

  /** What the push asks, while it waits; the answer goes to the server as a form. */
  drawQuestion() {
    const { question } = this.fold;
    const form = the('#ask', document, HTMLFormElement);
    form.hidden = !question;
    if (!question || form.dataset.ask === String(question.ask)) return;
    form.dataset.ask = String(question.ask);
    delete form.dataset.sent;
    the('[name="question"]', form, HTMLInputElement).value = String(question.ask);
    the('[name="reason"]', form, HTMLInputElement).value = '';
    say($('.ask-q', form), question.text);
    the('.ask-another', form).hidden = !question.another;
    const mine = question.another && form.dataset.starter === 'yes';
    the('.ask-mine', form).hidden = !mine;
    the('.note-act', form).hidden = mine;
    const until = el('time', '', '');
    until.dateTime = question.until;
    until.dataset.as = 'clock';
    the('.ask-until', form).replaceChildren(until);
    localize(form);
  }

  /** @param {number} percent @param {number} at */
  drawProgress(percent, at) {
    const { fold } = this;
    const words = the('.prog-txt').children;
    the('.prog-bar').setAttribute('aria-valuenow', String(percent));
    if (fold.ended) {
      say(words[0], `${fold.ended.took} ${duration(fold.took)}`);
      say(words[1], fold.why ? ` · ${fold.why}` : '');
      return;
    }
    if (fold.current < 0) return startWords(fold.connections, at).forEach((part, i) => say(words[i], part));
    if (fold.question) {
      say(words[0], this.states.push.asks.word);
      return say(words[1], ` · ${soFar(at)} so far`);
    }
    const step = fold.steps[fold.current];
    const hosts = this.typical || !step.perHost ? '' : ` · ${ended(step).ok} of ${step.hosts} hosts`;
    say(words[0], `Step ${fold.current + 1} of ${fold.steps.length} · ${percent} %`);
    const rest = this.typical ? ` · ${left(this.typical - fold.worked(at))}` : hosts;
    const now = ` · ${soFar(at)} so far${fold.paused ? ', paused' : rest}`;
    say(words[1], this.lostSince ? ` · as of ${soFar(Date.now() - this.lostSince)} ago` : now);
  }

  /** Who paused it, and which of the two buttons can be pressed. */
  drawPause() {
    const { paused, question, ended: end } = this.fold;
    if (!this.fold.started) return; // what the server drew holds until the first record
    const note = the('#pause-note');
    note.hidden = !paused;
    the('#f-pause').hidden = !!paused || !!end;
    the('#f-unpause').hidden = !paused;
    const { asks, paused: pauses, runs } = this.states.push;
    const { shape, word } = question ? asks : paused ? pauses : runs;
    if (!end) mark($('.phead h1 .st', document, SVGElement), shape, word);
    if (!paused) return;
    const time = the('time', note, HTMLTimeElement);
    const [who, why] = $$('.grow span', note);
    say(who, paused.who);
    say(why, paused.reason && `“${paused.reason}”`);
    if (time.dateTime === paused.at) return;
    Object.assign(time, { dateTime: paused.at, textContent: paused.at.slice(11, 16) });
    time.dataset.as = 'minute';
    localize(note);
  }

  /** One polite live region: steps, failures, connection, end; never the output itself. @param {string} text */
  tell(text) {
    this.news.push(text);
    this.newsTimer ||= setTimeout(() => {
      say($('#say'), this.news.slice(-3).join('. '));
      this.news = [];
      this.newsTimer = 0;
    }, 1500);
  }
}

/** On small screens the parts are tabs. @param {string} id */
function showTab(id) {
  const tab = $(`#tab-${id}`, document, HTMLInputElement);
  const tabs = tab?.closest('.tabs');
  if (tab && tabs && getComputedStyle(tabs).display !== 'none') tab.checked = true;
}

const about = $('[data-push]');
if (about) new PushPage(about);
