//! Debian's Chromium, driven by chromedriver over the plain `WebDriver` protocol.

use super::keeper::Keeper;
use super::leave_out;
use super::server::Answer;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Under which key the protocol keeps the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// The longest wait for something on the page.
const PATIENCE: Duration = Duration::from_secs(20);
/// Nothing of the browser's own goes over the wire.
const ARGUMENTS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1280,900",
];

/// What the reader speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    French,
}

impl Language {
    pub(crate) fn of<'a>(self, english: &'a str, french: &'a str) -> &'a str {
        if self == Language::French { french } else { english }
    }
}

/// One browser at a time: two are slower than one after the other.
static TURN: Mutex<()> = Mutex::new(());

/// A browser with one window. It ends with this value.
pub(crate) struct Browser {
    port: u16,
    session: String,
    _keeper: Keeper,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// Starts it; none where Chromium or its driver are missing.
    pub(crate) fn start() -> Option<Browser> {
        let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !has("chromium") || !has("chromedriver") {
            leave_out(
                "the dashboard in a browser",
                "chromium or chromedriver (package chromium-driver) is missing",
            );
            return None;
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = TempDir::with_prefix("maint-browser-").unwrap().keep();
        let mut driver = Command::new("setsid");
        driver.args(["chromedriver", "--port=0"]).env("HOME", &folder).env("TMPDIR", &folder);
        let keeper = Keeper::start(&driver, &folder, "kill -KILL -- -$pid 2>/dev/null");
        let port = port_in(&folder);
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", folder.join("profile").display()));
        let options = json!({"args": arguments});
        let wanted = json!({"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}});
        let mut browser = Browser { port, session: String::new(), _keeper: keeper, _turn: turn };
        let session = browser.send("POST", "/session", &json!({"capabilities": {"alwaysMatch": wanted}}));
        session.unwrap()["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        Some(browser)
    }

    /// One exchange with the driver; what it refuses is an error.
    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let mut line = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        line.write_all((head + &body).as_bytes()).unwrap();
        let mut answer: Value = Answer::read(&mut BufReader::new(line)).json();
        let value = answer["value"].take();
        match value["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", value["message"])),
            None => Ok(value),
        }
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        let path = format!("/session/{}/{path}", self.session);
        self.send("POST", &path, body).unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.send("GET", &format!("/session/{}/{path}", self.session), &Value::Null).unwrap()
    }

    /// A command of Chromium's own.
    #[track_caller]
    pub(crate) fn tell(&self, command: &str, parameters: &Value) -> Value {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    #[track_caller]
    pub(crate) fn goto(&self, url: &str) {
        self.post("url", &json!({"url": url}));
    }

    /// The reader's language, from the next page on.
    pub(crate) fn speak(&self, language: Language) {
        let agent = self.script("return navigator.userAgent", &[]);
        let languages = language.of("en-GB,en", "fr-FR,fr");
        self.tell(
            "Emulation.setUserAgentOverride",
            &json!({"userAgent": agent, "acceptLanguage": languages}),
        );
    }

    /// "light" or "dark", for a reader who wants nothing to move.
    pub(crate) fn colours(&self, theme: &str) {
        let colours = json!({"name": "prefers-color-scheme", "value": theme});
        let motion = json!({"name": "prefers-reduced-motion", "value": "reduce"});
        self.tell("Emulation.setEmulatedMedia", &json!({"features": [colours, motion]}));
    }

    /// The size of what is seen, as on a screen or a phone.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.tell("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// What a script returns.
    #[track_caller]
    pub(crate) fn script(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": arguments}))
    }

    /// What a script hands over to its last argument.
    #[track_caller]
    pub(crate) fn later(&self, script: &str) -> Value {
        self.post("execute/async", &json!({"script": script, "args": []}))
    }

    fn find(&self, css: &str) -> Option<String> {
        let path = format!("/session/{}/element", self.session);
        let found = self.send("POST", &path, &json!({"using": "css selector", "value": css})).ok()?;
        Some(found[ELEMENT].as_str().unwrap().to_owned())
    }

    /// Does something until it succeeds: the page may be about to change.
    #[track_caller]
    fn until<T>(&self, what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
        let begun = Instant::now();
        loop {
            match attempt() {
                Ok(value) => return value,
                Err(why) if begun.elapsed() > PATIENCE => {
                    let page = self.script("return document.body.innerText", &[]);
                    panic!("{what}: {why}; the page:\n{}", page.as_str().unwrap_or_default())
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Asks something of an element, once it is there and can be asked.
    #[track_caller]
    fn of(&self, method: &str, css: &str, action: &str, body: &Value) -> Value {
        self.until(&format!("{action} {css}"), || {
            let id = self.find(css).ok_or("it is not there")?;
            self.send(method, &format!("/session/{}/element/{id}/{action}", self.session), body)
        })
    }

    /// Clicks what is seen and can be reached. The driver's own click goes to where something was a moment ago, and the
    /// page moves when it is drawn anew.
    #[track_caller]
    pub(crate) fn click(&self, css: &str) {
        let script = "const found = document.querySelector(arguments[0]);
            if (!found?.checkVisibility() || found.disabled) return 'it is not there, or cannot be used';
            found.scrollIntoView({ block: 'center', behavior: 'instant' });
            const { x, y, width, height } = found.getBoundingClientRect();
            const hit = document.elementFromPoint(x + width / 2, y + height / 2);
            if (!found.contains(hit)) return `it is covered by ${hit?.outerHTML.slice(0, 200)}`;
            found.focus();
            found.click();
            return '';";
        self.until(&format!("click {css}"), || match self.script(script, &[css.into()]).as_str().unwrap() {
            "" => Ok(()),
            why => Err(why.to_owned()),
        });
    }

    /// Chooses an option of a list, once it is offered.
    #[track_caller]
    pub(crate) fn choose(&self, css: &str, value: &str) {
        let option = format!("{css} option[value=\"{value}\"]");
        self.of("POST", &option, "click", &json!({}));
    }

    #[track_caller]
    pub(crate) fn fill(&self, css: &str, text: &str) {
        self.of("POST", css, "clear", &json!({}));
        self.of("POST", css, "value", &json!({"text": text}));
    }

    /// What is seen of an element.
    #[track_caller]
    pub(crate) fn text(&self, css: &str) -> String {
        self.of("GET", css, "text", &Value::Null).as_str().unwrap().to_owned()
    }

    /// Whether it can be used.
    #[track_caller]
    pub(crate) fn is_enabled(&self, css: &str) -> bool {
        self.of("GET", css, "enabled", &Value::Null).as_bool().unwrap()
    }

    pub(crate) fn is_there(&self, css: &str) -> bool {
        let is_shown =
            "const found = document.querySelector(arguments[0]); return Boolean(found?.checkVisibility())";
        self.script(is_shown, &[css.into()]) == true
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, css: &str) {
        self.until(css, || if self.is_there(css) { Ok(()) } else { Err("it is not seen".to_owned()) });
    }

    #[track_caller]
    pub(crate) fn wait_until_gone(&self, css: &str) {
        self.until(css, || if self.is_there(css) { Err("it is still seen".to_owned()) } else { Ok(()) });
    }

    /// Waits until an element shows this text among others; all of its text.
    #[track_caller]
    pub(crate) fn wait_for_text(&self, css: &str, wanted: &str) -> String {
        self.until(&format!("{wanted:?} in {css}"), || {
            let script = "return document.querySelector(arguments[0])?.innerText ?? ''";
            let text = self.script(script, &[css.into()]).as_str().unwrap().to_owned();
            if text.contains(wanted) { Ok(text) } else { Err(format!("it shows {text:?}")) }
        })
    }

    /// Presses keys one after the other, wherever the focus is; special keys as the protocol names them.
    #[track_caller]
    pub(crate) fn press(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| {
            [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
        });
        let strokes: Vec<Value> = strokes.collect();
        self.post("actions", &json!({"actions": [{"type": "key", "id": "keys", "actions": strokes}]}));
    }

    /// Waits until an element has the focus.
    #[track_caller]
    pub(crate) fn wait_for_focus(&self, css: &str) {
        let script = "const at = document.activeElement; return at.matches(arguments[0]) ? '' : at.outerHTML.slice(0, 200)";
        self.until(&format!("the focus on {css}"), || {
            match self.script(script, &[css.into()]).as_str().unwrap() {
                "" => Ok(()),
                other => Err(format!("it is on {other}")),
            }
        });
    }

    /// What the browser itself complained about since it was asked last.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.post("se/log", &json!({"type": "browser"}));
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// A picture of what is seen, as PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        bytes_of(self.get("screenshot").as_str().unwrap())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.send("DELETE", &format!("/session/{}", self.session), &Value::Null);
    }
}

/// The port that the driver has chosen.
fn port_in(folder: &std::path::Path) -> u16 {
    let log: PathBuf = folder.join("log");
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(&log).unwrap_or_default();
        if let Some((_, rest)) = text.split_once("successfully on port ") {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            if rest.len() > digits.len() {
                return digits.parse().unwrap();
            }
        }
        assert!(begun.elapsed() < PATIENCE, "chromedriver does not start: {text}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Base64 as bytes.
fn bytes_of(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value =
        |digit: u8| DIGITS.iter().position(|known| *known == digit).and_then(|at| u32::try_from(at).ok());
    let digits: Vec<u32> = text.bytes().filter_map(value).collect();
    let group = |group: &[u32]| {
        let bits = (0..4).fold(0, |bits, at| bits << 6 | group.get(at).copied().unwrap_or(0));
        bits.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}
