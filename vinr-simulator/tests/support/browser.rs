//! Chromium, driven as a person's hands and eyes would be: WebDriver, in the few calls that are needed.
//!
//! WebDriver is a small protocol over HTTP, and the tests have an HTTP client already. The crates that speak it drag
//! in an MPL licence or a second TLS stack, and those that speak Chromium's own protocol are 60 000 generated lines.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// How long a condition of the page is waited for; far above what any takes.
const PATIENCE: Duration = Duration::from_secs(30);

const REMEDY: &str = "vinr-simulator/tests/install-chromium.sh";

/// The keys that have no character.
pub(crate) const TAB: &str = "\u{E004}";
pub(crate) const ENTER: &str = "\u{E007}";

/// What a window is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// `light` or `dark`.
    pub(crate) scheme: &'static str,
}

pub(crate) const DESKTOP: Window = Window {
    width: 1280,
    height: 940,
    scheme: "light",
};

pub(crate) const PHONE: Window = Window {
    width: 360,
    height: 740,
    scheme: "dark",
};

/// A browser with one window.
pub(crate) struct Browser {
    driver: Child,
    address: String,
    session: String,
}

/// Tells a story in a browser, which is closed however the story ends. Where there is none, it says so past the
/// runner's capture, and the story is left out; with `VINR_FORBID_SKIPS=1` that is a failure.
pub(crate) async fn browsing(window: Window, story: impl AsyncFnOnce(&Browser)) {
    browsing_through(&[], window, story).await;
}

/// The same in a browser that is started with further arguments.
pub(crate) async fn browsing_through(
    arguments: &[String],
    window: Window,
    story: impl AsyncFnOnce(&Browser),
) {
    let Some(browser) = Browser::open(arguments, window).await else {
        return;
    };
    let told = AssertUnwindSafe(story(&browser)).catch_unwind().await;
    browser.close().await;
    if let Err(panic) = told {
        resume_unwind(panic);
    }
}

impl Browser {
    async fn open(more: &[String], window: Window) -> Option<Self> {
        let (driver, port) = driver().await?;
        let mut browser = Self {
            driver,
            address: format!("127.0.0.1:{port}"),
            session: String::new(),
        };
        let arguments = [
            "--headless=new",
            // A container's root may not make a sandbox, and the only page is our own.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            // Nothing leaves the machine.
            "--disable-background-networking",
            "--no-proxy-server",
            "--no-first-run",
            "--hide-scrollbars",
        ];
        let more = more.iter().map(String::as_str);
        let arguments: Vec<&str> = arguments.into_iter().chain(more).collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": PATIENCE.as_millis() as u64 },
        } } });
        let session = browser.call(Method::POST, "/session", Some(wanted)).await;
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        let metrics = json!({ "width": window.width, "height": window.height,
            "deviceScaleFactor": 1, "mobile": window.width < 700 });
        browser
            .devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": window.scheme },
            // A picture in motion is never the same twice.
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        browser.devtools("Emulation.setEmulatedMedia", media).await;
        Some(browser)
    }

    async fn close(mut self) {
        self.post("", None, Method::DELETE).await;
        self.driver.kill().await.unwrap();
    }

    pub(crate) async fn go_to(&self, url: &str) {
        self.post("/url", Some(json!({ "url": url })), Method::POST)
            .await;
    }

    /// The value of an expression in the page.
    pub(crate) async fn look(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        let body = json!({ "script": script, "args": [] });
        self.post("/execute/sync", Some(body), Method::POST).await
    }

    /// Waits until an expression in the page is true, looking again at every change of the page and at no clock.
    pub(crate) async fn wait_until(&self, expression: &str) {
        let script = format!(
            "const done = arguments[0]; const holds = () => ({expression});
             const look = () => {{ if (holds()) {{ watch.disconnect(); done(true); }} }};
             const watch = new MutationObserver(look);
             watch.observe(document, {{ attributes: true, childList: true, characterData: true, subtree: true }});
             look();"
        );
        let body = json!({ "script": script, "args": [] });
        let held = self
            .try_post("/execute/async", Some(body), Method::POST)
            .await;
        if let Err(error) = held {
            let page = self.look("document.body.innerText").await;
            panic!(
                "never true: {expression}\n{error}\nthe page says:\n{}",
                page.as_str().unwrap_or_default()
            );
        }
    }

    /// Waits until an element that can be seen says exactly this.
    pub(crate) async fn sees(&self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        self.wait_until(&format!(
            "(it => it && it.checkVisibility() && it.innerText.trim() === {text})(document.querySelector({selector}))"
        ))
        .await;
    }

    /// Clicks where the element is, as a finger would: an element that is covered is not clicked.
    pub(crate) async fn click(&self, selector: &str) {
        let using = json!({ "using": "css selector", "value": selector });
        let found = self.post("/element", Some(using), Method::POST).await;
        let element = found
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .as_str()
            .unwrap();
        self.post(
            &format!("/element/{element}/click"),
            Some(json!({})),
            Method::POST,
        )
        .await;
    }

    /// Presses a key, wherever the focus is.
    pub(crate) async fn press(&self, key: &str) {
        let strokes = ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key }));
        let actions =
            json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] });
        self.post("/actions", Some(actions), Method::POST).await;
    }

    /// Presses Tab until the focus is on such an element.
    pub(crate) async fn tab_to(&self, selector: &str) {
        for _ in 0..60 {
            self.press(TAB).await;
            let selector = json!(selector);
            let is_there = self
                .look(&format!("document.activeElement.matches({selector})"))
                .await;
            if is_there == json!(true) {
                return;
            }
        }
        panic!("the Tab key does not lead to {selector}");
    }

    /// What the browser complained of since it was asked last.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self
            .post("/se/log", Some(json!({ "type": "browser" })), Method::POST)
            .await;
        let entries = log.as_array().unwrap().iter();
        entries
            .map(|it| it["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The whole page as a PNG.
    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        let how = json!({ "format": "png", "captureBeyondViewport": false });
        let shot = self.devtools("Page.captureScreenshot", how).await;
        STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }

    /// A command of Chromium's own protocol.
    pub(crate) async fn devtools(&self, command: &str, params: Value) -> Value {
        let body = json!({ "cmd": command, "params": params });
        self.post("/goog/cdp/execute", Some(body), Method::POST)
            .await
    }

    async fn post(&self, path: &str, body: Option<Value>, method: Method) -> Value {
        let answered = self.try_post(path, body, method).await;
        answered.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn try_post(
        &self,
        path: &str,
        body: Option<Value>,
        method: Method,
    ) -> Result<Value, String> {
        let path = format!("/session/{}{path}", self.session);
        self.try_call(method, &path, body).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let answered = self.try_call(method, path, body).await;
        answered.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn try_call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, String> {
        let tcp = TcpStream::connect(&self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tcp))
            .await
            .unwrap();
        tokio::spawn(connection);
        let body = body.map(|it| it.to_string()).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.address)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let mut answer: Value = serde_json::from_slice(&bytes).unwrap();
        match answer["value"]["error"].as_str() {
            Some(error) => Err(format!(
                "{error}: {}",
                answer["value"]["message"].as_str().unwrap_or_default()
            )),
            None => Ok(answer["value"].take()),
        }
    }
}

/// How often a driver is started before the test gives up.
const STARTS: usize = 5;

/// A driver and its port; nothing where none is installed.
///
/// It takes a free port of IPv4 and then wants the same one of IPv6. Where another process has that, it ends, and the
/// next one is given another port.
async fn driver() -> Option<(Child, u16)> {
    let mut said = String::new();
    for _ in 0..STARTS {
        let spawned = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut driver = match spawned {
            Ok(driver) => driver,
            Err(error) => {
                skip(&format!("chromedriver: {error}"));
                return None;
            }
        };
        match port(&mut driver).await {
            Ok(port) => return Some((driver, port)),
            Err(words) => said = words,
        }
    }
    panic!("chromedriver ended {STARTS} times without a word about its port: {said}");
}

/// Where the driver listens, which it says when it does; else all that it said.
async fn port(driver: &mut Child) -> Result<u16, String> {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let started = "successfully on port ";
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some((_, port)) = line.split_once(started) {
            return Ok(port.trim_end_matches('.').parse().unwrap());
        }
        said += &line;
        said.push('\n');
    }
    Err(said)
}

fn skip(why: &str) {
    let forbidden = std::env::var_os("VINR_FORBID_SKIPS").is_some_and(|v| v == "1");
    assert!(
        !forbidden,
        "a test would be skipped: {why}\nto mend it: {REMEDY}"
    );
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}\n   to mend it: {REMEDY}");
}
