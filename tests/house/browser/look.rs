//! What every page must stand in every state, and pictures of it for eyes: axe-core's rules, no sideways scrolling at
//! any width, visible focus, targets that a thumb can hit. Called through [`Browser::pictures`].

use super::Browser;
use fantoccini::error::CmdError;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rules, as released; `tests/vendor/axe/README.md` says from where.
const AXE: &str = include_str!("../../vendor/axe/axe-4.14.1.min.js");

/// From the narrowest telephone that we care for to the wall of the office, in CSS pixels.
const WIDTHS: [u32; 6] = [320, 375, 768, 1280, 1920, 2560];

/// How a look at a page is taken: its width and height, and which theme.
type View = (u32, u32, &'static str);

/// Both widths in both themes; the light ones come last, so that the page is left as it mostly is.
const VIEWS: [View; 4] = [(375, 812, "dark"), (375, 812, "light"), (1280, 800, "dark"), (1280, 800, "light")];

/// No picture is longer, in CSS pixels: what is below says nothing new.
const LONGEST: u64 = 3200;

/// All rules of WCAG 2.2 AA and axe's advice beyond them, target sizes too; frames we have none.
const RUN_AXE: &str = "
    const done = arguments[arguments.length - 1];
    const rules = { 'target-size': { enabled: true } };
    axe.run(document, { resultTypes: ['violations'], iframes: false, preload: false, rules })
      .then((found) => done(found.violations.flatMap((v) => v.nodes.map((n) =>
        `${v.id} (${v.impact}): ${v.help}\\n    ${n.target.join(' ')}\\n    ${n.html.slice(0, 300)}\\n    ${(n.failureSummary || '').split('\\n').slice(1, 4).join('; ')}`))),
        (error) => done([`axe itself: ${error}`]));";

/// What sticks out of the page sideways. What scrolls in a box of its own may be wide.
const STICKS_OUT: &str = "
    const wide = document.documentElement.scrollWidth - innerWidth;
    if (wide <= 0) return [];
    const boxed = (e) => { for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) if (getComputedStyle(p).overflowX !== 'visible') return true; };
    const out = [...document.body.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5 && !boxed(e));
    return [`${wide} px too wide`, ...out.slice(-4).map((e) => e.outerHTML.slice(0, 200))];";

/// Words that would fit on a line and are broken in their middle. Output and code may break anywhere, and so may what is
/// longer than a name.
const BROKEN_WORDS: &str = "
    const broken = new Set();
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = walk.nextNode()) && broken.size < 8; ) {
      const at = node.parentElement;
      if (!node.data.trim() || at.closest('.log, pre, code, script, style, select, noscript, svg, .vh') || !at.checkVisibility({ visibilityProperty: true })) continue;
      for (const word of node.data.matchAll(/[\\p{L}\\p{N}]{2,12}/gu)) {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        const tops = new Set([...range.getClientRects()].map((r) => Math.round(r.top)));
        // a part of something long without spaces
        const whole = /\\S*$/.exec(node.data.slice(0, word.index))[0] + /^\\S*/.exec(node.data.slice(word.index))[0];
        if (tops.size > 1 && whole.length <= 16) broken.add(`${whole} is broken in ${at.outerHTML.slice(0, 120)}`);
      }
    }
    return [...broken];";

/// What takes the focus where the page is enlarged to 400 % and is then hidden under a bar, wholly (WCAG 2.4.11).
const COVERED: &str = "
    const was = document.activeElement, at = [scrollX, scrollY], covered = [];
    const place = [...document.querySelectorAll('*')].filter((e) => e.scrollTop).map((e) => [e, e.scrollTop]);
    const open = document.querySelector(':popover-open'); // covers the rest by intent
    was?.blur?.();
    for (const e of (open ?? document.querySelector('main')).querySelectorAll('a[href], button, input, select, textarea, summary')) {
      if (e.disabled || e.type === 'hidden' || e.tabIndex < 0 || e.closest('.log-scroll') || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      const shown = e.closest('label') ?? e;
      e.focus();
      if (document.activeElement !== e) continue;
      e.scrollIntoView({ block: 'nearest', behavior: 'instant' });
      const { left, top, width, height } = shown.getBoundingClientRect();
      const seen = [[.5, .5], [.1, .1], [.9, .1], [.1, .9], [.9, .9]].some(([x, y]) => {
        const there = document.elementFromPoint(left + width * x, top + height * y);
        return there && (shown.contains(there) || there.contains(shown));
      });
      if (width && !seen) covered.push(`under something at ${Math.round(top)} px: ${e.outerHTML.slice(0, 160)}`);
    }
    was?.focus?.({ preventScroll: true });
    for (const [e, top] of place) e.scrollTop = top;
    scrollTo(...at);
    return covered.slice(0, 6);";

/// Buttons that cannot be pressed can be reached all the same, and say why.
const WITHOUT_REASON: &str = "
    return [...document.querySelectorAll('[aria-disabled=true]')]
      .filter((e) => e.checkVisibility() && (e.tabIndex < 0 || !document.getElementById(e.getAttribute('aria-describedby'))?.textContent.trim()))
      .map((e) => `says no reason: ${e.outerHTML.slice(0, 160)}`);";

/// Controls that are smaller than the design's 36 px on a telephone. Links in text and the cells of the host grid have
/// other ways in (search, the host list); what is inside a label or beside it is hit through it.
const TOO_SMALL: &str = "
    const small = [];
    for (const e of document.querySelectorAll('input:not([type=checkbox], [type=radio]), select, textarea')) {
      const size = e.checkVisibility() ? parseFloat(getComputedStyle(e).fontSize) : 16;
      if (size < 16) small.push(`letters of ${size} px, so a telephone zooms in: ${e.outerHTML.slice(0, 160)}`);
    }
    for (const e of document.querySelectorAll('.btn, .push, .in:not([type=checkbox]), .step, .seg label, .seg a, .menu button, .menu a')) {
      if (!e.checkVisibility({ visibilityProperty: true })) continue;
      const { width, height } = e.getBoundingClientRect();
      if (width && (height < 35.5 || width < 35.5)) small.push(`${Math.round(width)}x${Math.round(height)} px: ${e.outerHTML.slice(0, 160)}`);
    }
    return small.slice(0, 8);";

/// Things that take the focus and do not show it.
const UNSEEN_FOCUS: &str = "
    const look = (e) => { const s = getComputedStyle(e); return [s.outlineStyle === 'none' ? '' : s.outlineWidth + s.outlineColor, s.boxShadow, s.borderColor, s.backgroundColor].join('|'); };
    const was = document.activeElement;
    const dull = [];
    for (const e of document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')) {
      if (e.disabled || e.type === 'hidden' || e.tabIndex < 0 || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      // a control drawn by its label shows it there
      const shown = e.closest('.seg label, .log-find') ?? e;
      if (e === document.activeElement) e.blur();
      const before = look(shown);
      e.focus({ preventScroll: true, focusVisible: true });
      if (document.activeElement !== e) continue;
      if (look(shown) === before) dull.push(e.outerHTML.slice(0, 160));
      e.blur();
    }
    was?.focus?.({ preventScroll: true });
    return dull.slice(0, 6);";

impl Browser {
    /// Looks at the page as it now stands, on a laptop and on a telephone, light and dark: keeps a picture of each for
    /// eyes, and holds it against the rules. What is wrong is told when the browser is closed, all of it.
    pub async fn pictures(&self, name: &str) {
        self.look(name, &VIEWS).await;
    }

    /// The same with two pictures instead of four: each width once, each theme once.
    pub async fn glance(&self, name: &str) {
        self.look(name, &VIEWS[1..3]).await;
    }

    async fn look(&self, name: &str, views: &[View]) {
        let note = |place: &str, found: Vec<String>| {
            let mut faults = self.faults.lock().unwrap();
            faults.extend(found.into_iter().map(|fault| format!("{name}, {place}: {fault}")));
        };
        for width in WIDTHS {
            self.resize(width, 800).await;
            note(&format!("{width} px"), self.list(STICKS_OUT).await);
            note(&format!("{width} px"), self.list(BROKEN_WORDS).await);
        }
        for &(width, height, scheme) in views {
            self.be(scheme).await;
            self.picture(&format!("{name}-{width}-{scheme}"), width, height).await;
            let place = format!("{width} px, {scheme}");
            if width < 400 && scheme == "light" {
                note(&place, self.list(TOO_SMALL).await);
            }
            // Each width once and each theme once; the other two have nothing that these do not have.
            if matches!((width, scheme), (375, "light") | (1280, "dark")) {
                note(&place, self.axe().await);
            }
        }
        self.touch_a_key().await;
        note("focus", self.list(UNSEEN_FOCUS).await);
        note("reasons", self.list(WITHOUT_REASON).await);
        if views.len() > 2 {
            // 1280 x 1024 px at 400 %
            self.resize(320, 256).await;
            note("400 %", self.list(COVERED).await);
            self.resize(1280, 800).await;
        }
        leaf_through();
    }

    /// Holds a page whose scripts were blocked against axe-core, with what it says to those who have none.
    pub async fn stands_without_scripts(&self, name: &str) {
        let unwrap = "for (const hidden of document.querySelectorAll('body noscript'))
            hidden.replaceWith(...new DOMParser().parseFromString(hidden.textContent, 'text/html').body.childNodes);";
        assert!(!self.runs_scripts().await, "{name} runs scripts");
        self.ask(unwrap).await;
        for &(width, height, scheme) in &VIEWS[1..3] {
            self.be(scheme).await;
            self.picture(&format!("{name}-{width}-{scheme}"), width, height).await;
            let found = self.axe_as_it_stands().await;
            let mut faults = self.faults.lock().unwrap();
            faults.extend(found.into_iter().map(|fault| format!("{name}, {width} px, {scheme}: {fault}")));
        }
        leaf_through();
    }

    /// Keeps one picture of the page in the system's own colours.
    pub async fn forced_picture(&self, name: &str) {
        self.believe("forced-colors", "active").await;
        self.picture(&format!("forced-{name}-1280-light"), 1280, 800).await;
        self.be("light").await;
    }

    /// The same at the wall of the office and on a tablet: pictures only, of pages that change their shape there.
    pub async fn wide_pictures(&self, name: &str) {
        self.be("light").await;
        for (width, height) in [(768, 1024), (1920, 1080), (2560, 1440)] {
            self.picture(&format!("{name}-{width}-light"), width, height).await;
        }
        self.resize(1280, 800).await;
        leaf_through();
    }

    /// Keeps a picture of the whole page, not only of what a window of this size shows.
    async fn picture(&self, name: &str, width: u32, height: u32) {
        self.resize(width, height).await;
        let whole = self.ask("return document.documentElement.scrollHeight").await.as_u64().unwrap();
        let tall = u32::try_from(whole.min(LONGEST)).unwrap();
        if tall > height {
            self.resize(width, tall).await;
        }
        // What came into sight is drawn in the frames after.
        if self.runs_scripts().await {
            self.frames().await;
        }
        let picture = self.page.screenshot().await.unwrap();
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(folder().join(format!("{name}.png")), picture).unwrap();
        self.resize(width, height).await;
    }

    /// What axe-core finds wrong with the page as it now stands: rule, element, why.
    async fn axe(&self) -> Vec<String> {
        // It needs timers: a page without scripts is made of the same parts, and has none.
        if !self.runs_scripts().await {
            return Vec::new();
        }
        self.axe_as_it_stands().await
    }

    async fn axe_as_it_stands(&self) -> Vec<String> {
        if self.ask("return typeof axe === 'undefined'").await == true {
            self.page.execute(AXE, vec![]).await.unwrap();
        }
        let found: Result<Value, CmdError> = self.page.execute_async(RUN_AXE, vec![]).await;
        serde_json::from_value(found.unwrap()).unwrap()
    }

    async fn runs_scripts(&self) -> bool {
        self.ask("return document.documentElement.classList.contains('js')").await == true
    }

    async fn list(&self, script: &str) -> Vec<String> {
        serde_json::from_value(self.ask(script).await).unwrap()
    }
}

/// Where the pictures lie.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("screens")
}

/// Writes the page that shows all pictures that are there, however many tests are still at work on theirs.
fn leaf_through() {
    let mut states: BTreeMap<String, Vec<(u32, String)>> = BTreeMap::new();
    for file in std::fs::read_dir(folder()).unwrap().flatten() {
        let file = file.file_name().into_string().unwrap();
        let mut parts = file.trim_end_matches(".png").rsplitn(3, '-');
        let (Some(scheme), Some(width), Some(state)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let (Ok(width), true) = (width.parse(), file.ends_with(".png")) else { continue };
        states.entry(state.to_owned()).or_default().push((width, scheme.to_owned()));
    }
    let mut page = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Screens</title><style>\
         body{font:15px/1.5 system-ui;margin:24px;background:#888;color:#fff}a{color:#fff}nav{columns:14em}\
         section{overflow-x:auto;white-space:nowrap}figure{display:inline-block;vertical-align:top;margin:0 16px 16px 0}\
         img{max-height:75vh;max-width:80vw;box-shadow:0 2px 12px #0008}</style><h1>Screens</h1>\
         <p>As the browser tests last saw them. A picture opens in full size.</p><nav>",
    );
    for state in states.keys() {
        page.push_str(&format!("<a href=\"#{state}\">{state}</a><br>"));
    }
    page.push_str("</nav>");
    for (state, mut pictures) in states {
        pictures.sort_by(|a, b| b.cmp(a));
        page.push_str(&format!("<section id=\"{state}\"><h2>{state}</h2>"));
        for (width, scheme) in pictures {
            let file = format!("{state}-{width}-{scheme}.png");
            page.push_str(&format!(
                "<figure><figcaption>{width} px, {scheme}</figcaption><a href=\"{file}\"><img loading=lazy src=\"{file}\" alt=\"{state}\"></a></figure>"
            ));
        }
        page.push_str("</section>");
    }
    // Others write it too: whole, or not at all.
    let mine = folder().join(format!("index.{}", std::process::id()));
    std::fs::write(&mine, page).unwrap();
    std::fs::rename(mine, folder().join("index.html")).unwrap();
}
