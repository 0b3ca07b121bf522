//! The page inside the real window, through WebDriver: what a person sees and clicks, found by its `data-testid`.
//!
//! Refuses to wait blindly: everything is looked for until it is there or the patience is over, and then the window is
//! pictured.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::screen::{Group, Screen, free_port};

/// How long anything may take to show.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A window of Skylift, and the driver that holds it.
pub(super) struct Page {
    client: Client,
    _driver: Group,
}

impl Page {
    /// Starts the program on a screen.
    pub(super) async fn open(screen: &Screen) -> Self {
        let port = free_port();
        let driver = Group::start(
            screen
                .command("WebKitWebDriver")
                .arg(format!("--port={port}"))
                .env("TAURI_WEBVIEW_AUTOMATION", "true"),
        );
        let app = skylift_tests::binary("skylift-desktop");
        let options = json!({ "browserName": "wry", "webkitgtk:browserOptions": { "binary": app, "args": [] } });
        let Value::Object(capabilities) = options else {
            unreachable!("an object was made")
        };
        let begun = Instant::now();
        loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            match builder
                .capabilities(capabilities.clone())
                .connect(&format!("http://127.0.0.1:{port}"))
                .await
            {
                Ok(client) => {
                    return Self {
                        client,
                        _driver: driver,
                    };
                }
                Err(error) if begun.elapsed() > PATIENCE => panic!("the window does not open: {error}"),
                Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }

    /// Ends the session, and with it the program.
    pub(super) async fn close(self) {
        self.client.close().await.unwrap();
    }

    /// Loads the page anew.
    pub(super) async fn reload(&self) {
        self.client.refresh().await.unwrap();
    }

    /// Waits until something is so.
    pub(super) async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            if begun.elapsed() > PATIENCE {
                self.picture("failed").await;
                panic!(
                    "{what}: not within {PATIENCE:?}; see artifacts/desktop/failed.png\n{}",
                    self.text("body").await
                );
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The first visible element of a selector, once there is one.
    async fn element(&self, selector: &str) -> Element {
        self.until(selector, async || {
            for element in self.client.find_all(Locator::Css(selector)).await.ok()? {
                if element.is_displayed().await.unwrap_or(false) {
                    return Some(element);
                }
            }
            None
        })
        .await
    }

    /// Waits for a part of the page.
    pub(super) async fn see(&self, testid: &str) {
        self.element(&by(testid)).await;
    }

    /// Waits until a part of the page is gone.
    pub(super) async fn miss(&self, testid: &str) {
        self.until(&format!("{testid} is gone"), async || {
            (self.count(&by(testid)).await == 0).then_some(())
        })
        .await;
    }

    /// How many elements a selector has.
    pub(super) async fn count(&self, selector: &str) -> usize {
        self.client
            .find_all(Locator::Css(selector))
            .await
            .map_or(0, |found| found.len())
    }

    /// Clicks a part of the page.
    pub(super) async fn click(&self, testid: &str) {
        self.click_on(&by(testid)).await;
    }

    /// Clicks what a selector finds, away from the edges where a bar may cover it.
    pub(super) async fn click_on(&self, selector: &str) {
        self.until(&format!("a click on {selector}"), async || {
            let element = self.element(selector).await;
            let script = "arguments[0].scrollIntoView({ block: 'center' })";
            let this = serde_json::to_value(&element).ok()?;
            self.client.execute(script, vec![this]).await.ok()?;
            element.click().await.ok()
        })
        .await;
    }

    /// Clicks twice.
    pub(super) async fn double_click(&self, selector: &str) {
        let element = self.element(selector).await;
        let down = || PointerAction::Down { button: 0 };
        let up = || PointerAction::Up { button: 0 };
        let to = PointerAction::MoveToElement {
            element,
            duration: None,
            x: 0.0,
            y: 0.0,
        };
        let actions = MouseActions::new("mouse".into())
            .then(to)
            .then(down())
            .then(up())
            .then(down())
            .then(up());
        self.client.perform_actions(actions).await.unwrap();
    }

    /// Types into a field, instead of what it holds.
    pub(super) async fn fill(&self, testid: &str, text: &str) {
        if text.is_empty() {
            return self.wipe(testid).await;
        }
        let field = self.element(&by(testid)).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Deletes what a field holds, by keys: the page does not hear of what the driver clears.
    async fn wipe(&self, testid: &str) {
        self.click(testid).await;
        self.control('a').await;
        let value: char = Key::Delete.into();
        let press = KeyActions::new("keys".into())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        self.client.perform_actions(press).await.unwrap();
    }

    /// Chooses from a list.
    pub(super) async fn choose(&self, testid: &str, value: &str) {
        self.element(&by(testid)).await.select_by_value(value).await.unwrap();
    }

    /// Presses a key while Control is held.
    pub(super) async fn control(&self, key: char) {
        let control: char = Key::Control.into();
        let actions = [
            KeyAction::Down { value: control },
            KeyAction::Down { value: key },
            KeyAction::Up { value: key },
            KeyAction::Up { value: control },
        ];
        let keys = actions
            .into_iter()
            .fold(KeyActions::new("keys".into()), KeyActions::then);
        self.client.perform_actions(keys).await.unwrap();
    }

    /// The text of an element, empty when there is none.
    pub(super) async fn text(&self, selector: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.innerText ?? ''";
        self.run(script, &json!([selector]))
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// What a field holds.
    pub(super) async fn value(&self, testid: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.value ?? ''";
        self.run(script, &json!([by(testid)]))
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Runs a script in the page, as somebody would who has got hold of it.
    pub(super) async fn run(&self, script: &str, arguments: &Value) -> Value {
        self.client
            .execute(script, arguments.as_array().unwrap().clone())
            .await
            .unwrap()
    }

    /// Waits for a row of a kind.
    pub(super) async fn see_row(&self, kind: &str) {
        self.element(&format!("[data-testid=row]{kind}")).await;
    }

    /// The identity of the upload with this name.
    pub(super) async fn row_named(&self, name: &str) -> String {
        let script = "const rows = [...document.querySelectorAll('[data-testid=row]')];
            return rows.find((row) => row.querySelector('.name').textContent === arguments[0])?.dataset.id ?? null";
        self.until(&format!("a row for {name}"), async || {
            self.run(script, &json!([name])).await.as_str().map(str::to_owned)
        })
        .await
    }

    /// Runs a script that answers by calling `done`.
    pub(super) async fn try_script(&self, script: &str) -> Value {
        self.client
            .execute_async(&format!("const done = arguments[0]; {script}"), Vec::new())
            .await
            .unwrap()
    }

    /// Asks the shell as the page does, and answers what it said or refused.
    pub(super) async fn invoke(&self, command: &str, arguments: &Value) -> Result<Value, Value> {
        let script = "const [command, args, done] = arguments;
            window.__TAURI_INTERNALS__.invoke(command, args).then((ok) => done({ ok }), (refused) => done({ refused }));";
        let answer = self
            .client
            .execute_async(script, vec![command.into(), arguments.clone()])
            .await
            .unwrap();
        match answer.get("refused") {
            Some(refused) => Err(refused.clone()),
            None => Ok(answer["ok"].clone()),
        }
    }

    /// Asks the same command with each of these at once, and answers everything different that was said or refused.
    pub(super) async fn invoke_all(&self, command: &str, payloads: &[Value]) -> Vec<String> {
        let script = "const [command, payloads, done] = arguments;
            const ask = (args) => window.__TAURI_INTERNALS__.invoke(command, args);
            const told = (what) => (answer) => JSON.stringify([what, answer ?? null]);
            Promise.all(payloads.map((args) => ask(args).then(told('ok'), told('refused')))).then((all) => done([...new Set(all)]));";
        let answers = self
            .client
            .execute_async(script, vec![command.into(), payloads.into()])
            .await
            .unwrap_or_else(|error| panic!("{command} does not answer: {error}"));
        serde_json::from_value(answers).unwrap()
    }

    /// Chooses light or dark, as the settings do.
    pub(super) async fn look(&self, theme: &str) {
        self.run("localStorage.setItem('theme', arguments[0])", &json!([theme]))
            .await;
        self.reload().await;
    }

    /// A picture of the window in `artifacts/desktop`, once what is in the page has been drawn.
    pub(super) async fn picture(&self, name: &str) {
        self.try_script("requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)))")
            .await;
        let folder = pictures();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            folder.join(format!("{name}.png")),
            self.client.screenshot().await.unwrap(),
        )
        .unwrap();
    }
}

/// The selector of a test id.
pub(super) fn by(testid: &str) -> String {
    format!("[data-testid={testid:?}]")
}

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../artifacts/desktop")
}
