//! A real browser: headless Chromium behind Debian's chromedriver, one of its own per test.

mod belief;
mod costs;
mod driver;
mod hands;
mod look;

use super::{DEADLINE, House, kill, until};
use driver::driver;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::sync::Mutex;
use tokio::process::Child;

/// A browser with one window.
pub struct Browser {
    pub page: Client,
    url: String,
    /// Ends with us.
    _driver: Child,
    /// Where chromedriver listens, and its session: for what WebDriver itself does not know.
    at: String,
    session: String,
    profile: tempfile::TempDir,
    /// What its looks at pages found wrong so far.
    faults: Mutex<Vec<String>>,
}

impl Browser {
    /// Opens a window of a laptop's size on a house.
    pub async fn open(house: &House) -> Self {
        Self::at(&house.url).await
    }

    /// Opens one on the pages at this address.
    pub async fn at(url: &str) -> Self {
        Self::started(url, json!({}), None).await
    }

    /// Opens one that writes down what its threads do, in these categories: see [`Browser::trace`].
    pub async fn traced(house: &House, categories: &str) -> Self {
        Self::started(&house.url, json!({}), Some(categories)).await
    }

    /// Opens one that runs no scripts.
    pub async fn without_scripts(house: &House) -> Self {
        let preferences = json!({ "profile.managed_default_content_settings.javascript": 2 });
        Self::started(&house.url, preferences, None).await
    }

    /// Opens one that gets no script of the house, but would run what a test brings: for looks at what such a page is.
    pub async fn with_scripts_blocked(house: &House) -> Self {
        let browser = Self::open(house).await;
        browser.tell_chromium("Network.enable", json!({})).await;
        browser.tell_chromium("Network.setBlockedURLs", json!({ "urls": ["*/static/*.js*"] })).await;
        // The pages' own policy lets nobody parse what a <noscript> holds.
        browser.tell_chromium("Page.setBypassCSP", json!({ "enabled": true })).await;
        browser
    }

    async fn started(url: &str, preferences: Value, traced: Option<&str>) -> Self {
        let profile = tempfile::Builder::new().prefix("pb-browser").tempdir().unwrap();
        let (driver, port) = driver(profile.path()).await;
        let args = json!([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-breakpad",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            format!("--user-data-dir={}", profile.path().join("profile").display()),
        ]);
        let mut capabilities = json!({
            "goog:chromeOptions": { "args": args, "prefs": preferences },
            "goog:loggingPrefs": { "browser": "ALL" },
            // Scripts of ours may wait as long as everything else; chromedriver's own 30 s are short on a busy machine.
            "timeouts": { "script": u64::try_from(DEADLINE.as_millis()).unwrap() },
        });
        if let Some(categories) = traced {
            let wanted = json!({ "enableNetwork": false, "enablePage": false, "traceCategories": categories });
            capabilities["goog:chromeOptions"]["perfLoggingPrefs"] = wanted;
            capabilities["goog:loggingPrefs"]["performance"] = json!("ALL");
        }
        let at = format!("http://127.0.0.1:{port}");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.as_object().unwrap().clone());
        let page = builder.connect(&at).await.unwrap();
        let session = page.session_id().await.unwrap().unwrap();
        let browser =
            Self { page, url: url.to_owned(), _driver: driver, at, session, profile, faults: Mutex::default() };
        browser.resize(1280, 800).await;
        browser
    }

    /// Runs a script at the start of each page from now on, before any of the page's own.
    pub async fn begin_with(&self, script: &str) {
        self.tell_chromium("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// Goes to a page of the house.
    pub async fn go(&self, path: &str) {
        self.page.goto(&format!("{}{path}", self.url)).await.unwrap();
    }

    /// Says who is there, on the page that asks for it, and waits for the page that comes then.
    pub async fn sign_in(&self, name: &str) {
        self.go("/").await;
        self.write("#u", name).await;
        self.click(".card .btn--main").await;
        self.text("[data-part=\"stack-web\"]").await;
    }

    /// Where the page is, without the house's address.
    pub async fn path(&self) -> String {
        let url = self.page.current_url().await.unwrap();
        url.as_str().strip_prefix(&self.url).unwrap_or(url.as_str()).to_owned()
    }

    /// Waits until the page is at this path.
    pub async fn arrives(&self, path: &str) {
        until(&format!("the browser is at {path}"), async || (self.path().await == path).then_some(())).await;
    }

    /// Waits for an element and gives its text as seen.
    pub async fn text(&self, css: &str) -> String {
        self.says(css, "").await
    }

    /// Waits until an element's text holds these words, and gives it.
    pub async fn says(&self, css: &str, words: &str) -> String {
        until(&format!("{css} says {words:?}"), async || {
            // A page that comes fresh takes its old elements away in between.
            let text = self.page.find(Locator::Css(css)).await.ok()?.text().await.ok()?;
            text.contains(words).then_some(text)
        })
        .await
    }

    /// The texts of all these elements, as the page has them.
    pub async fn texts(&self, css: &str) -> Vec<String> {
        let script = format!("return [...document.querySelectorAll({css:?})].map((e) => e.textContent)");
        serde_json::from_value(self.ask(&script).await).unwrap()
    }

    /// Waits until these are the texts of these elements.
    pub async fn reads(&self, css: &str, wanted: &[&str]) {
        until(&format!("{css} reads {wanted:?}"), async || (self.texts(css).await == wanted).then_some(())).await;
    }

    /// Clicks an element once it is there and can be clicked.
    pub async fn click(&self, css: &str) {
        until(&format!("{css} is clicked"), async || self.page.find(Locator::Css(css)).await.ok()?.click().await.ok())
            .await;
    }

    /// Types into a field.
    pub async fn write(&self, css: &str, words: &str) {
        let write = async || self.page.find(Locator::Css(css)).await.ok()?.send_keys(words).await.ok();
        until(&format!("{css} takes words"), write).await;
    }

    /// Runs a script in the page and gives what it returns.
    pub async fn ask(&self, script: &str) -> Value {
        self.page.execute(script, vec![]).await.unwrap()
    }

    /// Waits until an expression is true in the page.
    pub async fn holds(&self, expression: &str) {
        let script = format!("return !!({expression})");
        until(expression, async || (self.page.execute(&script, vec![]).await.ok()? == true).then_some(())).await;
    }

    /// All lines that the window has, in order, as text: near ones an element each, far ones in one text.
    pub async fn lines(&self) -> Vec<String> {
        let script = "
            const lines = [];
            for (const block of document.querySelectorAll('.log-scroll .lc')) {
              const cold = block.querySelector('pre');
              if (cold) lines.push(...cold.textContent.split('\\n').slice(0, -1));
              for (const row of block.querySelectorAll('.ln')) {
                const n = Number(row.querySelector('.ln-n').textContent);
                const text = row.querySelector('.ln-x').textContent;
                lines.push(n === lines.length + 1 ? text : `line ${n} stands at ${lines.length + 1}: ${text}`);
              }
            }
            return lines;";
        serde_json::from_value(self.ask(script).await).unwrap()
    }

    /// Waits until the tab's title begins so, and its icon is this one and has this shape.
    pub async fn tab_says(&self, title: &str, icon: &str, shape: &str) {
        self.holds(&format!("document.title.startsWith({title:?})")).await;
        let address = self.ask("return document.querySelector('link[rel=icon]').href").await;
        let address = address.as_str().unwrap();
        assert!(address.contains(&format!("/static/favicon-{icon}")), "{title}: {address}");
        let fetched = "const done = arguments[1]; fetch(arguments[0]).then((answer) => answer.text()).then(done)";
        let picture = self.page.execute_async(fetched, vec![address.into()]).await.unwrap();
        assert!(picture.as_str().unwrap().contains(shape), "{icon}: {picture}");
    }

    /// Waits until what came is drawn.
    pub async fn frames(&self) {
        let frames =
            "let n = 3; const done = arguments[0]; (function next() { n-- ? requestAnimationFrame(next) : done(); })()";
        self.page.execute_async(frames, vec![]).await.unwrap();
    }

    /// What was copied last. Asked without a person's leave, which a page would need.
    pub async fn copied(&self) -> String {
        let leave = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        self.tell_chromium("Browser.grantPermissions", leave).await;
        self.ask("return navigator.clipboard.readText()").await.as_str().unwrap().to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let profile = self.profile.path().display().to_string();
        for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let line = std::fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
            let pid = process.file_name().to_str().and_then(|name| name.parse().ok());
            if let (true, Some(pid)) = (line.contains(&profile), pid) {
                kill(pid);
            }
        }
        let faults = self.faults.lock().unwrap().join("\n  ");
        if std::thread::panicking() {
            eprintln!("--- the looks at pages found\n  {faults}");
        } else {
            assert!(faults.is_empty(), "pages have faults:\n  {faults}");
        }
    }
}
