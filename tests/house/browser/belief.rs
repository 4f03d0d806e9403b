//! What a page is made to believe of the window, the system and the person before it.

use super::Browser;
use serde_json::json;

impl Browser {
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
}
