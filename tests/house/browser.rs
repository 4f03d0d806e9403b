//! A real browser: headless Chromium behind Debian's chromedriver, one of its own per test.

use super::{House, client_of, kill, until};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use pushbutton::demo::http::Sent;
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::collections::HashMap;
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

    async fn started(url: &str, preferences: Value, traced: Option<&str>) -> Self {
        let profile = tempfile::Builder::new().prefix("pb-browser").tempdir().unwrap();
        let program = Program::new("chromedriver").arg("--port=0").env("HOME", profile.path());
        let mut driver = program.start().unwrap();
        let mut errors = driver.stderr.take().unwrap();
        tokio::spawn(async move { tokio::io::copy(&mut errors, &mut tokio::io::sink()).await });
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next_line().await.unwrap().expect("chromedriver says its port");
            if let Some((_, rest)) = line.split_once("started successfully on port ") {
                break rest.trim_end_matches('.').parse::<u16>().unwrap();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
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
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() })))
            .collect();
        let body = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] });
        self.drive("actions", &body).await;
    }

    pub(super) async fn tell_chromium(&self, command: &str, parameters: Value) -> Value {
        self.drive("goog/cdp/execute", &json!({ "cmd": command, "params": parameters })).await
    }

    async fn drive(&self, command: &str, body: &Value) -> Value {
        let path = format!("/session/{}/{command}", self.session);
        let answer = client_of(&self.at).send("POST", &path, Sent::Json(&body.to_string()), &[]).await.unwrap();
        let (status, text) = (answer.status, answer.text().await.unwrap());
        assert_eq!(status, 200, "{command}: {text}");
        serde_json::from_str::<Value>(&text).unwrap()["value"].take()
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
