//! A real browser: headless Chromium behind Debian's chromedriver, one of its own per test.

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

/// A browser with one window.
pub struct Browser {
    pub page: Client,
    driver: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens a window of this size.
    pub async fn open(width: u32, height: u32) -> Self {
        let profile = tempfile::Builder::new().prefix("pb-browser").tempdir().unwrap();
        let mut driver =
            Program::new("chromedriver").arg("--port=0").env("HOME", profile.path()).own_group().start().unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next_line().await.unwrap().expect("chromedriver says its port");
            if let Some((_, rest)) = line.split_once("started successfully on port ") {
                break rest.trim_end_matches('.').parse::<u16>().unwrap();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let options = json!({
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
                format!("--user-data-dir={}", profile.path().join("profile").display()),
                format!("--window-size={width},{height}"),
            ],
        });
        let capabilities = json!({
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        Self { page, driver, _profile: profile }
    }

    /// Waits for an element and gives its text.
    pub async fn text(&self, css: &str) -> String {
        let element = self.page.wait().at_most(Duration::from_secs(30)).for_element(Locator::Css(css)).await;
        element.unwrap_or_else(|error| panic!("{css}: {error}")).text().await.unwrap()
    }

    /// Clicks an element once it is there.
    pub async fn click(&self, css: &str) {
        let element = self.page.wait().at_most(Duration::from_secs(30)).for_element(Locator::Css(css)).await;
        element.unwrap_or_else(|error| panic!("{css}: {error}")).click().await.unwrap();
    }

    /// Runs a script in the page and gives what it returns.
    pub async fn ask(&self, script: &str) -> Value {
        self.page.execute(script, vec![]).await.unwrap()
    }

    /// Keeps a picture for eyes.
    pub async fn picture(&self, path: &Path) {
        std::fs::write(path, self.page.screenshot().await.unwrap()).unwrap();
    }

    /// Closes the window and ends the driver.
    pub async fn close(mut self) {
        let _ = self.page.clone().close().await;
        let _ = self.driver.start_kill();
        let _ = self.driver.wait().await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // chromedriver leads a group of its own; Chromium is in it.
        if let Some(pid) = self.driver.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
}
