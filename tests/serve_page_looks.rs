//! How the page looks and reads: its weight, its words, what a screen reader finds, and what hostile texts do to it.

use crate::support::browser::{Browser, Language};
use crate::support::redis::Redis;
use crate::support::server::{Server, key_of, site};
use crate::support::{Site, leave_out, run};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

/// Everything that the page is made of may weigh so much.
const LARGEST: usize = 100 << 10;

/// Texts that a page must not believe.
const SCRIPT: &str =
    "<script>document.title = 'hacked'</script><img src=x onerror=\"document.title = 'hacked'\">";
/// What follows is read from right to left where it is believed.
const TURNED: &str = "a\u{202e}txt.exe";

/// The names of the files that a text of the page names.
fn named(text: &str) -> Vec<String> {
    let parts = text.split(['"', '\'']).filter(|part| part.starts_with("/assets/") || part.starts_with("./"));
    parts.map(|part| part.replacen("./", "/assets/", 1)).collect()
}

#[test]
fn the_page_is_small_and_all_of_it_comes_from_here() {
    let site = site("");
    let server = Server::start(&site);
    let (mut waiting, mut known, mut weight) = (vec!["/".to_owned()], Vec::new(), 0);
    while let Some(path) = waiting.pop() {
        if known.contains(&path) {
            continue;
        }
        let answer = server.anonymous().get(&path).is(200);
        assert!(!answer.body.contains("http://") || path == "/assets/icon.svg", "{path} names another place");
        weight += answer.body.len();
        waiting.extend(named(&answer.body));
        known.push(path);
    }
    assert!(known.len() > 10 && weight < LARGEST, "{weight} bytes in {known:?}");
    let page = server.anonymous().get("/").body;
    assert!(!page.contains("style=") && !page.contains("<style") && !page.contains(" onclick"), "{page}");
    assert!(page.matches("<script").count() == page.matches("<script type=\"module\" src=").count());
    assert_eq!(server.anonymous().get("/assets/secret.js").status, 404);
}

/// axe-core from npm, fetched once below `target/tmp`; none where that cannot be.
fn axe() -> Option<String> {
    let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(base).unwrap();
    let lock = File::create(base.join("axe.lock")).unwrap();
    lock.lock().unwrap();
    let script = base.join("axe/package/axe.min.js");
    if !script.exists() {
        let line = "rm -rf axe; mkdir axe && cd axe && npm pack --silent axe-core@4 >/dev/null && tar xzf axe-core-*.tgz package/axe.min.js";
        let mut fetch = Command::new("sh");
        if run(fetch.args(["-c", line]).current_dir(base)).code != 0 {
            leave_out("the accessibility check", "npm cannot fetch axe-core here");
            return None;
        }
    }
    Some(fs::read_to_string(script).unwrap())
}

/// What axe finds wrong with what is shown.
#[track_caller]
fn is_accessible(browser: &Browser, axe: &str, what: &str) {
    let ask = "const done = arguments[arguments.length - 1];
        const tell = (one) => one.id + ': ' + one.nodes.map((node) => node.html.slice(0, 200)).join(' | ');
        axe.run().then((found) => done(found.violations.map(tell)), (error) => done([String(error)]));";
    let found = browser.later(&format!("{axe};\n{ask}"));
    assert_eq!(found, json!([]), "{what}");
}

fn sign_in(browser: &Browser, server: &Server) {
    browser.fill("#key", &key_of("deploy"));
    browser.click("#login-form button");
    for part in ["services", "queue", "jobs"] {
        browser.wait_for(&format!("#{part} tbody"));
    }
    assert!(browser.text("#version").contains("deployer"), "{}", server.log());
}

const JOBS: &str = r#"
[compose]
project = "bot"
[databases.app]
url = "sqlite:bot.db"
[update-fiches]
api_key = "env:NOBODY_HAS_IT"
[trim-logs]
paths = ["app.log"]
[jobs.well]
shell = "echo well"
schedule = "0 3 * * *"
[jobs.ill]
shell = "echo ill; exit 1"
"#;

/// A site on which something has run, and whose queue has a job that failed.
fn lived_in(redis: &Redis, rest: &str) -> Site {
    let site = site(&format!("[redis]\nurl = \"{}\"\nqueue = \"bot\"\n{JOBS}{rest}", redis.url()));
    for job in ["well", "ill", "well"] {
        let _ = site.maint(&["run", job]);
    }
    fs::write(site.path("docker-compose.yml"), "services:\n  api:\n    image: api\n").unwrap();
    fs::write(site.path("app.log"), "line\n".repeat(5_000)).unwrap();
    let _: i64 = redis.ask(&["SADD", "rq:queues", "rq:queue:bot"]);
    rq_job(redis, "waits", "tasks.run_bot_task(bot_mode='standard')");
    site
}

fn rq_job(redis: &Redis, id: &str, description: &str) {
    let key = format!("rq:job:{id}");
    let time = "2026-11-20T15:00:00.000000Z";
    let fields = [
        "created_at",
        time,
        "enqueued_at",
        time,
        "status",
        "queued",
        "origin",
        "bot",
        "description",
        description,
    ];
    let _: i64 = redis.ask(&[&["HSET", key.as_str()], &fields[..]].concat());
    let _: i64 = redis.ask(&["RPUSH", "rq:queue:bot", id]);
}

#[test]
fn a_screen_reader_finds_its_way_through_the_page_and_each_dialog() {
    let (Some(redis), Some(browser), Some(axe)) = (Redis::start(), Browser::start(), axe()) else { return };
    let site = lived_in(&redis, "");
    let server = Server::start(&site);
    for language in [Language::English, Language::French] {
        browser.speak(language);
        browser.goto(&server.url());
        browser.wait_for("#login");
        is_accessible(&browser, &axe, "the form to sign in");
        sign_in(&browser, &server);
        for theme in ["light", "dark"] {
            browser.colours(theme);
            is_accessible(&browser, &axe, &format!("the page in {theme}, {language:?}"));
        }
        for button in ["#plan-well", "#trim-logs", "#queue-stop", "#fiche-update", "#deploy-full"] {
            if button == "#fiche-update" {
                browser.fill("#fiche-code", "A1101");
            }
            browser.click(button);
            browser.wait_for("#plan, #dialog-content .trouble");
            is_accessible(&browser, &axe, &format!("the dialog of {button}, {language:?}"));
            browser.click("#dialog-close");
            browser.wait_until_gone("#dialog");
        }
        browser.click("#run-well");
        browser.click("#confirm");
        browser.wait_for("#result");
        is_accessible(&browser, &axe, "a run that has ended");
        browser.resize(360, 740);
        browser.click("#dialog-close");
        let width = browser.script("return document.documentElement.scrollWidth", &[]);
        assert_eq!(width, 360, "a phone has to scroll sideways");
        is_accessible(&browser, &axe, "the page on a phone");
        browser.resize(1280, 900);
        browser.click("#sign-out");
    }
}

#[test]
fn the_keyboard_alone_walks_through_the_marks_of_a_job() {
    let (Some(redis), Some(browser)) = (Redis::start(), Browser::start()) else { return };
    let site = lived_in(&redis, "");
    let server = Server::start(&site);
    browser.speak(Language::English);
    browser.goto(&server.url());
    sign_in(&browser, &server);
    browser.script("document.querySelector('.strip .mark[tabindex=\"0\"]').focus()", &[]);
    let label = || browser.script("return document.activeElement.ariaLabel", &[]).to_string();
    assert!(label().contains("failed"), "{}", label());
    browser.script("document.getElementById('run-ill').closest('tr').nextElementSibling.querySelector('.mark[tabindex=\"0\"]').focus()", &[]);
    let newest = label();
    browser.press("\u{e012}");
    assert_ne!(label(), "null");
    browser.press("\u{e014}");
    assert_eq!(label(), newest);
    browser.press("\u{e007}");
    browser.wait_for_text("#log", "well");
}

#[test]
fn hostile_texts_are_shown_as_text() {
    let (Some(redis), Some(browser)) = (Redis::start(), Browser::start()) else { return };
    let long = "x".repeat(10_000);
    let hostile = format!(
        "[jobs.hostile]\nshell = \"cat hostile.log\"\ndescription = {}\n[jobs.long]\nshell = \"true\"\ndescription = \"{long}\"\n[services]\nnames = {{ redis = {} }}\n",
        json!(format!("{SCRIPT}{TURNED}")),
        json!(SCRIPT),
    );
    let site = lived_in(&redis, &hostile);
    fs::write(site.path("hostile.log"), format!("{SCRIPT}\n{TURNED}\n{}\n", "y".repeat(10_000))).unwrap();
    rq_job(&redis, "<b>id</b>", SCRIPT);
    rq_job(&redis, "long", &long);
    let server = Server::start(&site);
    browser.speak(Language::English);
    browser.goto(&server.url());
    sign_in(&browser, &server);
    for part in ["#services", "#jobs", "#queue"] {
        browser.wait_for_text(part, "<script>document.title = 'hacked'</script>");
    }
    browser.wait_for_text("#queue", "<b>id</b>");
    browser.wait_for_text("#jobs", "a\\u{202e}txt.exe");
    browser.click("#run-hostile");
    browser.click("#confirm");
    browser.wait_for("#result");
    let shown = browser.wait_for_text("#log", "<script>document.title = 'hacked'</script>");
    assert!(!shown.contains('\u{202e}') && shown.contains("yyyy"), "{shown}");
    let harm = browser.script("return [document.title, document.images.length, document.querySelectorAll('bdi *, #log img').length]", &[]);
    assert_eq!(harm, json!(["test · maint", 2, 0]));
    let width = browser.script("return document.documentElement.scrollWidth", &[]);
    assert_eq!(width, 1280, "a long text widens the page");
    let complaints = browser.complaints();
    assert!(!complaints.iter().any(|line| line.contains("Content Security Policy")), "{complaints:?}");
}

#[test]
fn the_page_says_everything_in_both_languages_and_is_there_at_once() {
    let Some(browser) = Browser::start() else { return };
    let site = site("");
    let server = Server::start(&site);
    browser.goto(&server.url());
    browser.wait_for("#login");
    let words = browser.later(
        "const done = arguments[arguments.length - 1];
        Promise.all([import('/assets/english.js'), import('/assets/french.js')]).then(([{ english }, { french }]) => {
            const flat = (words, at = '') => Object.entries(words).flatMap(([key, word]) =>
                key === 'steps' ? [] : typeof word === 'object' ? flat(word, at + key + '.') : [[at + key, String(word)]]);
            done([flat(english), flat(french)]);
        });",
    );
    let [english, french] = [&words[0], &words[1]].map(|words| words.as_array().unwrap().clone());
    let keys = |words: &[Value]| words.iter().map(|word| word[0].clone()).collect::<Vec<_>>();
    assert_eq!(keys(&english), keys(&french));
    assert!(english.len() > 100);
    for word in &french {
        let text = word[1].as_str().unwrap();
        let text = text.split_once("=> ").map_or(text, |(_, text)| text.trim_matches(['`', '"']));
        let is_code = text.contains('?') || text.contains("plural(");
        let has_plain_space = [" :", " ;", " !", "« ", " »"].iter().any(|pair| text.contains(pair));
        assert!(is_code || !has_plain_space, "a no-break space is missing in {word}");
    }
    let usable = browser.script(
        "return Math.round(performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd)",
        &[],
    );
    println!("the form to sign in could be used after {usable} ms");
}
