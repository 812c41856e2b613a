//! # Window: a browser without a window, and one page in it
//!
//! Problem: a browser loads, complains and draws behind our back.
//! Idea: a fresh browser with a folder of its own for each page; all that it requests and all that
//! it complains about is kept, and every look at the page is one expression.
//! Leaves out: speed. The driver takes a tenth of a second for each command, so several windows are
//! open at a time.
//! Read next: `lib.rs`.
//! Try: `cargo test -p dormouse-browser`

use std::collections::HashMap;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use headless_chrome::protocol::cdp::types::{Event, Method};
use headless_chrome::protocol::cdp::{Emulation, Input, Log, Network, Page, Runtime};
use headless_chrome::{Browser, LaunchOptions, Tab};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const FLAGS: [&str; 6] = [
    "--disable-quic",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--no-default-browser-check",
    "--no-pings",
    "--hide-scrollbars",
];

/// Where pictures of the page go.
pub const SHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/browser");

/// How many more browsers may run at a time.
static FREE: Mutex<usize> = Mutex::new(4);
static FREED: Condvar = Condvar::new();

/// The right to run one.
struct Turn;

impl Turn {
    fn wait() -> Turn {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let free = FREED.wait_while(free, |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        FREED.notify_one();
    }
}

pub struct Window {
    pub tab: Arc<Tab>,
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
    complaints: Arc<Mutex<Vec<String>>>,
    // Dropped in this order: the browser ends before its folder goes.
    _browser: Browser,
    _folder: tempfile::TempDir,
    _turn: Turn,
}

/// The browser of this machine, or why there is none.
pub fn chromium() -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).flat_map(|dir| NAMES.map(|name| dir.join(name)));
    found.into_iter().find(|file| file.is_file()).ok_or_else(|| {
        format!(
            "no browser here: install one of {} (Debian: apt-get install chromium)",
            NAMES.join(", ")
        )
    })
}

/// The browser; none, with a printed reason, where there is none. With
/// `DORMOUSE_BROWSER=required` that is a failure.
pub fn chromium_or_reason() -> Option<PathBuf> {
    match chromium() {
        Ok(path) => Some(path),
        Err(why) if env::var_os("DORMOUSE_BROWSER").is_some() => panic!("{why}"),
        Err(why) => {
            println!("skipped: {why}");
            None
        }
    }
}

impl Window {
    /// Opens `html` from a file, `width` and `height` pixels large, where there is a browser.
    pub fn open(html: &str, width: u32, height: u32) -> Option<Window> {
        let path = chromium_or_reason()?;
        let turn = Turn::wait();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.html");
        fs::write(&file, html).unwrap();
        let browser = start(&path, folder.path());
        let tab = browser.new_tab().unwrap();
        tab.set_default_timeout(Duration::from_secs(60));
        let url = format!("file://{}", file.display());
        let mut window = Window {
            tab,
            url,
            requests: Arc::default(),
            complaints: Arc::default(),
            _browser: browser,
            _folder: folder,
            _turn: turn,
        };
        window.listen();
        window.resize(width, height);
        window.tab.navigate_to(&window.url).unwrap().wait_until_navigated().unwrap();
        window.wait_for("document.querySelector('svg.timeline[data-from]') !== null");
        Some(window)
    }

    fn listen(&mut self) {
        let (requests, complaints) = (Arc::clone(&self.requests), Arc::clone(&self.complaints));
        let note = |list: &Mutex<Vec<String>>, text: String| list.lock().unwrap().push(text);
        let listener = move |event: &Event| match event {
            Event::NetworkRequestWillBeSent(sent) => {
                note(&requests, sent.params.request.url.clone());
            }
            Event::RuntimeConsoleAPICalled(call) => {
                note(&complaints, format!("{:?}", call.params.args));
            }
            Event::RuntimeExceptionThrown(thrown) => {
                note(&complaints, format!("{:?}", thrown.params.exception_details));
            }
            Event::LogEntryAdded(entry) => note(&complaints, entry.params.entry.text.clone()),
            _ => {}
        };
        self.tab.add_event_listener(Arc::new(listener)).unwrap();
        self.call::<Network::Enable>(json!({}));
        self.call::<Runtime::Enable>(Value::Null);
        self.call::<Log::Enable>(Value::Null);
        self.call::<Page::Enable>(json!({}));
    }

    /// One command of the protocol.
    fn call<C: Method + Serialize + DeserializeOwned + std::fmt::Debug>(
        &self,
        with: Value,
    ) -> C::ReturnObject {
        let command: C = serde_json::from_value(with).unwrap();
        self.tab.call_method(command).unwrap()
    }

    pub fn resize(&self, width: u32, height: u32) {
        self.call::<Emulation::SetDeviceMetricsOverride>(json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 }));
    }

    /// As if the system wished for `scheme`, on `medium` (`screen` or `print`).
    pub fn emulate(&self, scheme: &str, medium: &str) {
        self.call::<Emulation::SetEmulatedMedia>(json!({
            "media": medium, "features": [{ "name": "prefers-color-scheme", "value": scheme }] }));
    }

    /// What an expression of the page is, as JSON, once the page has drawn what it was told.
    pub fn look(&self, expression: &str) -> Value {
        let drawn = "new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))";
        let looked = format!("{drawn}.then(() => JSON.stringify({expression}))");
        let text = self.tab.evaluate(&looked, true);
        let text = text.unwrap_or_else(|e| panic!("{expression}: {e}")).value;
        let text = text.as_ref().and_then(Value::as_str);
        text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
    }

    pub fn number(&self, expression: &str) -> f64 {
        self.look(expression).as_f64().unwrap_or_else(|| panic!("no number: {expression}"))
    }

    pub fn run(&self, statement: &str) {
        self.tab.evaluate(statement, true).unwrap_or_else(|e| panic!("{statement}: {e}"));
    }

    pub fn wait_for(&self, condition: &str) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.look(&format!("Boolean({condition})")) != json!(true) {
            let found = self.complaints();
            assert!(Instant::now() < end, "it does not become true: {condition}; {found:?}");
        }
    }

    pub fn press(&self, key: &str) {
        let text = (key.chars().count() == 1).then_some(key);
        self.call::<Input::DispatchKeyEvent>(
            json!({ "type": "keyDown", "key": key, "text": text }),
        );
        self.call::<Input::DispatchKeyEvent>(json!({ "type": "keyUp", "key": key }));
    }

    /// Tab is a key that moves the focus only with its code.
    pub fn tab_on(&self) {
        for kind in ["rawKeyDown", "keyUp"] {
            self.call::<Input::DispatchKeyEvent>(
                json!({ "type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 }),
            );
        }
    }

    /// One event of the mouse: `mouseMoved`, `mousePressed`, `mouseReleased`, `mouseWheel`.
    pub fn mouse(&self, kind: &str, x: f64, y: f64, more: &Value) {
        let mut event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
        event.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.call::<Input::DispatchMouseEvent>(event);
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn complaints(&self) -> Vec<String> {
        self.complaints.lock().unwrap().clone()
    }

    /// Keeps a picture of the part of the page that `selector` names, for eyes.
    pub fn shoot(&self, selector: &str, name: &str) {
        let place = self.look(&format!(
            "(() => {{ const r = document.querySelector({selector:?}).getBoundingClientRect(); \
             return {{ x: 0, y: r.top + scrollY, width: innerWidth, height: r.height, scale: 1 }}; }})()"
        ));
        let shot: Page::CaptureScreenshot = serde_json::from_value(
            json!({ "format": "png", "clip": place, "captureBeyondViewport": true }),
        )
        .unwrap();
        let data = self.tab.call_method(shot).unwrap().data;
        fs::create_dir_all(SHOTS).unwrap();
        fs::write(Path::new(SHOTS).join(format!("{name}.png")), decoded(&data)).unwrap();
    }
}

fn start(path: &Path, folder: &Path) -> Browser {
    let options = LaunchOptions {
        // Chromium's sandbox wants privileges that a container does not give; the page is our own.
        sandbox: false,
        path: Some(path.to_owned()),
        user_data_dir: Some(folder.join("profile")),
        args: FLAGS.iter().map(OsStr::new).collect(),
        ignore_certificate_errors: false,
        idle_browser_timeout: Duration::from_secs(120),
        process_envs: Some(HashMap::from([("HOME".into(), folder.display().to_string())])),
        ..LaunchOptions::default()
    };
    Browser::new(options).unwrap_or_else(|e| panic!("{} does not start: {e}", path.display()))
}

/// Base64, in which the protocol sends pictures (RFC 4648, section 4).
fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    let (mut bits, mut held, mut bytes) = (0_usize, 0, Vec::with_capacity(text.len() * 3 / 4));
    for digit in digits {
        bits = (bits << 6 | digit) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap_or_default());
        }
    }
    bytes
}
