//! The keyboard, the wheel and the mouse.

use super::Browser;
use serde_json::{Value, json};

/// As WebDriver writes it.
const TAB: char = '\u{e004}';

impl Browser {
    /// Presses Tab until this element has the focus, as someone without a mouse does.
    pub async fn tab_to(&self, css: &str) {
        let there = format!("return !!document.activeElement?.matches({css:?})");
        for _ in 0..120 {
            if self.ask(&there).await == true {
                return;
            }
            self.keys(&TAB.to_string()).await;
        }
        panic!("Tab does not come to {css}");
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
}

fn stroke(kind: &str, key: char) -> Value {
    json!({ "type": kind, "value": key.to_string() })
}
