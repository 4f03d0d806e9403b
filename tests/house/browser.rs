//! A real browser: headless Chromium behind Debian's chromedriver, one of its own per test.

use super::{House, client_of, kill, until};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use pushbutton::demo::http::RequestBody;
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use tokio::io::{AsyncBufReadExt, BufReader};
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
    pub(super) faults: Mutex<Vec<String>>,
}

/// Starts a driver and gives its port. It takes some free port of IPv4 and then wants the same one of IPv6, which another
/// test may have: then another driver takes another.
async fn driver(home: &Path) -> (Child, u16) {
    loop {
        let program = Program::new("chromedriver").arg("--port=0").env("HOME", home);
        let mut driver = program.start().unwrap();
        let mut errors = driver.stderr.take().unwrap();
        tokio::spawn(async move { tokio::io::copy(&mut errors, &mut tokio::io::sink()).await });
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let mut said = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return (driver, port.trim_end_matches('.').parse().unwrap());
            }
            said.push_str(&line);
        }
        assert!(said.contains("port not available"), "chromedriver says its port, not: {said}");
    }
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

    /// What the browser itself complained of since it was last asked: errors, warnings, broken rules of the site.
    pub async fn complaints(&self) -> Vec<String> {
        let found = self.drive("se/log", &json!({ "type": "browser" })).await;
        let entries = found.as_array().unwrap().iter();
        let bad = entries.filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING");
        bad.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// What was traced so far. It can be asked for once.
    pub async fn trace(&self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            // chromedriver gives so many at a time.
            let found = self.drive("se/log", &json!({ "type": "performance" })).await;
            let found = found.as_array().unwrap();
            if found.is_empty() {
                return all;
            }
            let told = found.iter().map(|entry| serde_json::from_str(entry["message"].as_str().unwrap()).unwrap());
            let told = told.filter(|told: &Value| told["message"]["method"] == "Tracing.dataCollected");
            all.extend(told.map(|mut told| told["message"]["params"].take()));
        }
    }

    /// What Chromium counts of the page since it was opened, by name; times in seconds that the processor worked.
    pub async fn metrics(&self) -> HashMap<String, f64> {
        self.tell_chromium("Performance.enable", json!({ "timeDomain": "threadTicks" })).await;
        let told = self.tell_chromium("Performance.getMetrics", json!({})).await;
        let all = told["metrics"].as_array().unwrap().iter();
        all.map(|m| (m["name"].as_str().unwrap().to_owned(), m["value"].as_f64().unwrap())).collect()
    }

    /// Frees what the page no longer holds, so that its heap can be compared.
    pub async fn collect_garbage(&self) {
        self.tell_chromium("HeapProfiler.collectGarbage", json!({})).await;
    }

    /// Shows a window again that was minimized.
    pub async fn unminimize(&self) {
        let id = self.tell_chromium("Browser.getWindowForTarget", json!({})).await["windowId"].take();
        let normal = json!({ "windowId": id, "bounds": { "windowState": "normal" } });
        self.tell_chromium("Browser.setWindowBounds", normal).await;
    }

    /// Makes the page this large.
    pub async fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tell_chromium("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Makes the page believe that the system is dark, or light.
    pub async fn be(&self, scheme: &str) {
        self.believe("prefers-color-scheme", scheme).await;
    }

    /// Makes the page believe what a person asked of the system: `prefers-reduced-motion`, `forced-colors`…
    pub async fn believe(&self, feature: &str, value: &str) {
        let features = json!({ "features": [{ "name": feature, "value": value }] });
        self.tell_chromium("Emulation.setEmulatedMedia", features).await;
    }

    /// Makes the page believe that it is read in a time zone.
    pub async fn be_in(&self, zone: &str) {
        self.tell_chromium("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await;
    }

    /// Presses a key that means nothing to any page, so that the browser knows of a keyboard.
    pub async fn touch_a_key(&self) {
        for kind in ["rawKeyDown", "keyUp"] {
            let key = json!({ "type": kind, "key": "F15", "code": "F15", "windowsVirtualKeyCode": 126 });
            self.tell_chromium("Input.dispatchKeyEvent", key).await;
        }
    }

    /// Sends keys to whatever has the focus, as fingers do.
    pub async fn keys(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| ["keyDown", "keyUp"].map(|kind| stroke(kind, key)));
        self.act("key", "keyboard", strokes.collect()).await;
    }

    /// Sends a key while another one is held.
    pub async fn keys_with(&self, held: char, key: char) {
        let strokes = [("keyDown", held), ("keyDown", key), ("keyUp", key), ("keyUp", held)];
        self.act("key", "keyboard", strokes.map(|(kind, key)| stroke(kind, key)).into()).await;
    }

    /// Turns the wheel over an element: down by so many pixels, or up.
    pub async fn wheel(&self, css: &str, down: i32) {
        let (x, y) = self.middle(css).await;
        let turn = json!({ "type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": down, "origin": "viewport" });
        self.act("wheel", "wheel", vec![turn]).await;
    }

    /// Puts the button of the mouse down in the middle of an element, or lets it go wherever it is.
    pub async fn mouse(&self, down_on: Option<&str>) {
        let mut moves = Vec::new();
        match down_on {
            Some(css) => {
                let (x, y) = self.middle(css).await;
                moves.push(json!({ "type": "pointerMove", "x": x, "y": y, "duration": 0 }));
                moves.push(json!({ "type": "pointerDown", "button": 0 }));
            }
            None => moves.push(json!({ "type": "pointerUp", "button": 0 })),
        }
        self.act("pointer", "mouse", moves).await;
    }

    async fn middle(&self, css: &str) -> (i64, i64) {
        let script = format!(
            "const box = document.querySelector({css:?}).getBoundingClientRect();
             return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];"
        );
        serde_json::from_value(self.ask(&script).await).unwrap()
    }

    async fn act(&self, kind: &str, id: &str, actions: Vec<Value>) {
        self.drive("actions", &json!({ "actions": [{ "type": kind, "id": id, "actions": actions }] })).await;
    }

    /// Lets pages do what a person would otherwise be asked about: `notifications`, `clipboardReadWrite`…
    pub async fn permit(&self, what: &[&str]) {
        self.tell_chromium("Browser.grantPermissions", json!({ "permissions": what })).await;
    }

    /// Makes the page believe that its tab is not in front, or is again.
    pub async fn hide(&self, hidden: bool) {
        let script = format!(
            "Object.defineProperty(document, 'hidden', {{ get: () => {hidden}, configurable: true }});
             document.dispatchEvent(new Event('visibilitychange'));"
        );
        self.ask(&script).await;
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

    pub(super) async fn tell_chromium(&self, command: &str, parameters: Value) -> Value {
        self.drive("goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await
    }

    async fn drive(&self, command: &str, body: &Value) -> Value {
        let path = format!("/session/{}/{command}", self.session);
        let answer = client_of(&self.at).send("POST", &path, RequestBody::Json(&body.to_string()), &[]).await.unwrap();
        let (status, text) = (answer.status, answer.text().await.unwrap());
        assert_eq!(status, 200, "{command}: {text}");
        serde_json::from_str::<Value>(&text).unwrap()["value"].take()
    }
}

fn stroke(kind: &str, key: char) -> Value {
    json!({ "type": kind, "value": key.to_string() })
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
