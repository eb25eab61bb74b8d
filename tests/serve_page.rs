//! The dashboard in a real browser: every button with its plan, its confirmation, its run and its result.

use crate::support::browser::{Browser, Language};
use crate::support::checkout::Checkout;
use crate::support::docker::{Form, StandIn};
use crate::support::redis::{Farm, Redis, Version};
use crate::support::server::{KEYS, Server, key_of};
use crate::support::{finish, wait_until};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fs;

const CONFIG: &str = r#"
[compose]
project = "bot"
timeout = "5s"
[deploy]
health_timeout = "2s"
settle = "100ms"
[trim-logs]
paths = ["logs/*.log"]
[databases.app]
url = "sqlite:bot.db"
[jobs.hello]
shell = "echo hello from the shell"
schedule = "0 3 * * *"
[jobs.wait]
shell = "touch started; for _ in $(seq 1500); do [ -e go ] && exit; sleep 0.02; done; exit 9"
"#;

const FILE: &str = "services:\n  api:\n    build: api\n  worker:\n    build: worker\n";

/// The keys of a keyboard that are no characters, as the protocol names them.
const ESCAPE: &str = "\u{e00c}";
const ENTER: &str = "\u{e007}";

/// A bot with all of its parts, its server, and who looks at its page.
struct Stage {
    farm: Farm,
    checkout: Checkout,
    docker: StandIn,
    server: Server,
    browser: Browser,
    language: Language,
}

impl Stage {
    /// The page of a bot in a language, signed in; none where something for it is missing.
    fn new(language: Language) -> Option<Stage> {
        Stage::with(language, CONFIG)
    }

    fn with(language: Language, config: &str) -> Option<Stage> {
        let browser = Browser::start()?;
        let farm = Farm::of(Version::Two, &format!("{KEYS}{config}"), Redis::start())?;
        let files = [
            ("docker-compose.yml", FILE),
            ("api/version.txt", "v1\n"),
            ("worker/version.txt", "v1\n"),
            (".gitignore", "logs/\nbot.db*\nstarted\ngo\n"),
        ];
        let checkout = Checkout::of(&farm.site, &files);
        let docker = StandIn::of(&farm.site, Form::Lines, &["api", "worker"]);
        let server =
            Server::with(&farm.site, docker.command(&farm.site, &["serve", "--listen", "127.0.0.1:0"]));
        browser.speak(language);
        browser.goto(&server.url());
        let stage = Stage { farm, checkout, docker, server, browser, language };
        stage.sign_in("deploy");
        Some(stage)
    }

    fn sign_in(&self, role: &str) {
        self.browser.fill("#key", &key_of(role));
        self.browser.click("#login-form button");
        self.browser.wait_for("#dashboard");
    }

    /// Jobs of RQ that wait and that have ended, a long log, and a database with free space.
    fn fill(&self) {
        let ended = (0..3).map(|number| json!({"id": format!("ok-{number}"), "func": "ok"}));
        self.farm.enqueue(&ended.chain([json!({"id": "ko", "func": "fail"})]).collect());
        self.farm.work_off();
        let waiting = (0..4).map(|number| json!({"id": format!("wait-{number}"), "func": "ok"}));
        self.farm.enqueue(&waiting.collect());
        self.farm.site.file("logs/app.log", &"a line of a log\n".repeat(5_000), 0);
        let database = Connection::open(self.farm.site.path("bot.db")).unwrap();
        database
            .execute_batch("CREATE TABLE t (x); INSERT INTO t SELECT randomblob(4000000); DROP TABLE t")
            .unwrap();
    }

    /// Presses a button, sees its plan, confirms it, and follows it to its result; the text of the plan.
    #[track_caller]
    fn press(&self, button: &str) -> String {
        self.browser.click(button);
        self.browser.wait_for("#plan .steps li");
        let plan = self.browser.text("#plan");
        self.browser.click("#confirm");
        self.sees_success();
        self.closes(button);
        plan
    }

    /// The run ends well, and its log is there.
    #[track_caller]
    fn sees_success(&self) {
        self.browser.wait_for_text("#result", self.language.of("done", "réussi"));
        assert!(!self.browser.text("#log").trim().is_empty(), "there is no log");
    }

    /// The dialog is closed, and whoever uses the keyboard is where they were.
    #[track_caller]
    fn closes(&self, button: &str) {
        self.browser.click("#dialog-close");
        self.browser.wait_until_gone("#dialog");
        self.browser.wait_for_focus(button);
    }

    /// How many jobs of RQ are in a state.
    fn count(&self, state: &str) -> u64 {
        let list = self.farm.maint(&["queue", "list", "--json"]).exits(0).json();
        list["counts"][state].as_u64().unwrap()
    }

    /// The last run of a job.
    fn last(&self, job: &str) -> Value {
        let runs = self.farm.maint(&["history", "--json"]).exits(0).json();
        runs.as_array().unwrap().iter().find(|run| run["job"] == job).cloned().unwrap_or_default()
    }

    fn maintains(&self) {
        self.fill();
        assert!(self.press("#trim-logs").contains("logs/app.log"));
        assert!(fs::metadata(self.farm.site.path("logs/app.log")).unwrap().len() < 20_000);
        assert_eq!(self.last("trim-logs")["by"], "deployer");
        self.press("#queue-clean-finished");
        assert_eq!([self.count("finished"), self.count("failed"), self.count("queued")], [0, 0, 4]);
        self.press("#queue-clear");
        assert_eq!(self.count("queued"), 0);
        let size = || fs::metadata(self.farm.site.path("bot.db")).unwrap().len();
        let before = size();
        self.press("#vacuum-db");
        assert!(size() < before / 10, "{before}");
    }

    fn deploys(&self) {
        let new = self.checkout.publish(&[("api/version.txt", "v2\n")]);
        self.press("#deploy-pull");
        assert_eq!(self.checkout.head(), new);
        for (button, call) in
            [("#deploy-rebuild", " build"), ("#deploy-restart", " up "), ("#deploy-full", " build")]
        {
            let before = self.docker.changes().len();
            self.checkout.publish(&[("worker/version.txt", button)]);
            self.press(button);
            let calls = self.docker.changes().split_off(before);
            assert!(calls.iter().any(|made| made.contains(call)), "{button}: {calls:?}");
        }
        self.browser.choose("#deploy-service", "worker");
        let before = self.docker.changes().len();
        self.press("#deploy-restart");
        let calls = self.docker.changes().split_off(before);
        assert!(calls.iter().all(|call| !call.contains("api")), "{calls:?}");
    }

    /// The emergency stop wants its word, and then empties the queue.
    fn stops(&self) {
        self.farm.enqueue(&json!([{"id": "wait-1", "func": "ok"}, {"id": "wait-2", "func": "ok"}]));
        self.browser.click("#queue-stop");
        self.browser.wait_for("#typed");
        assert!(!self.browser.is_enabled("#confirm"));
        self.browser.fill("#typed", self.language.of("STOPP", "ARRÊTE"));
        self.browser.press(ENTER);
        assert!(
            !self.browser.is_enabled("#confirm") && self.count("queued") == 2,
            "another word has stopped it"
        );
        self.browser.fill("#typed", self.language.of("STOP", "ARRÊT"));
        self.browser.click("#confirm");
        self.sees_success();
        self.closes("#queue-stop");
        assert_eq!((self.count("queued"), &self.last("queue-stop")["by"]), (0, &json!("deployer")));
    }

    /// What has nothing to do cannot be confirmed.
    fn does_nothing_in_vain(&self) {
        self.browser.click("#queue-clear");
        self.browser
            .wait_for_text("#nothing", self.language.of("There is nothing to do.", "Il n’y a rien à faire."));
        assert!(!self.browser.is_enabled("#confirm"));
        self.browser.press(ESCAPE);
        self.browser.wait_until_gone("#dialog");
        self.browser.wait_for_focus("#queue-clear");
    }

    /// A job of maint.toml: its plan alone runs nothing; its run is a mark with a log.
    fn runs_a_job(&self) {
        self.browser.click("#plan-hello");
        self.browser.wait_for_text("#plan", "echo hello from the shell");
        assert!(!self.browser.is_there("#confirm") && self.last("hello").is_null());
        self.closes("#plan-hello");
        self.press("#run-hello");
        let run = self.last("hello");
        assert_eq!((&run["status"], &run["by"]), (&json!("done"), &json!("deployer")));
        let mark = format!("#mark-{}", run["run"].as_str().unwrap());
        self.browser.wait_for(&mark);
        let label = self
            .browser
            .script("return document.querySelector(arguments[0]).ariaLabel", &[mark.as_str().into()]);
        assert!(label.as_str().unwrap().contains(self.language.of("done", "réussi")), "{label}");
        self.browser.click(&mark);
        self.browser.wait_for_text("#log", "hello from the shell");
        self.sees_success();
        self.closes(&mark);
    }

    /// A run of somebody else: it is shown, in nobody's way, and can be ended.
    fn cancels(&self) {
        let child = self.farm.command(&["run", "wait"]).spawn().unwrap();
        wait_until("the job has started", || self.farm.site.path("started").exists());
        let run = self.last("wait")["run"].as_str().unwrap().to_owned();
        self.browser.click("#run-wait");
        self.browser.click("#confirm");
        self.browser.wait_for_text(
            "#dialog-content .trouble",
            self.language.of("Another run", "Une autre exécution"),
        );
        self.browser.wait_for("#again");
        self.closes("#run-wait");
        let cancel = format!("#cancel-{run}");
        // In English it is waited for: the page looks again by itself.
        if self.language == Language::French {
            self.browser.click("#refresh");
        }
        self.browser.click(&cancel);
        self.browser.click("#confirm");
        self.sees_success();
        self.browser.click("#dialog-close");
        assert_ne!(finish(child).code, 0);
        let ended = self.server.get(&format!("/api/v1/runs/{run}")).is(200).json();
        assert_eq!(ended["status"], "interrupted");
        fs::remove_file(self.farm.site.path("started")).unwrap();
    }

    /// Where Redis is away, its part says so, and the others go on.
    fn does_without_redis(&mut self) {
        self.farm.redis.stop();
        self.browser.click("#refresh");
        let why = self.browser.wait_for_text("#queue .trouble", "Redis");
        assert!(why.contains(self.language.of("Not up to date:", "Pas à jour\u{a0}:")), "{why}");
        assert!(self.browser.is_there("#queue .stale .states"), "what was seen last is gone");
        self.browser.wait_for_text("#services", "redis");
        assert!(!self.browser.is_there("#jobs .trouble") && !self.browser.is_there("#runs .trouble"));
        self.browser.click("#run-hello");
        self.browser.click("#confirm");
        self.sees_success();
        self.browser.click("#dialog-close");
        self.browser.click("#queue-clear");
        for _ in 0..2 {
            self.browser.wait_for_text("#dialog-content .trouble", "Redis");
            // Trying again takes the trouble away until there is another answer.
            self.browser.click("#again");
        }
        self.browser.press(ESCAPE);
    }

    /// Whoever signs out sees nothing any more, and a key that is wrong lets nobody in.
    fn signs_out(&self) {
        self.browser.click("#sign-out");
        self.browser.wait_for("#login");
        self.browser.wait_for_focus("#key");
        self.browser.fill("#key", "a-key-that-nobody-has-ever-seen-here");
        self.browser.press(ENTER);
        self.browser
            .wait_for_text("#login-trouble", self.language.of("not known here", "n’est pas connue ici"));
        self.sign_in("read");
        let about = self.browser.text("#version");
        assert!(about.contains("reader"), "{about}");
        self.browser.wait_for("#jobs tbody");
        for gone in ["#trim-logs", "#deploy-full", "#queue-stop", "#run-hello", "#plan-hello"] {
            assert!(!self.browser.is_there(gone), "{gone} is there for a key that may read");
        }
        self.browser
            .wait_for_text("#maintenance", self.language.of("the role operate is needed", "il faut le rôle"));
    }

    /// Nothing came from elsewhere, and the browser had nothing to complain about.
    #[track_caller]
    fn is_alone(&self) {
        let script = "return performance.getEntriesByType('resource').map(one => one.name)";
        let names = self.browser.script(script, &[]);
        let foreign = names
            .as_array()
            .unwrap()
            .iter()
            .find(|name| !name.as_str().unwrap().starts_with(&self.server.url()));
        assert_eq!(foreign, None);
        // What the server refuses is told in the browser's log, too; that is how the page asks who is there.
        let is_refusal = |line: &String| line.contains("Failed to load resource");
        let complaints: Vec<String> =
            self.browser.complaints().into_iter().filter(|line| !is_refusal(line)).collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

fn goes_round(language: Language) {
    let Some(mut stage) = Stage::new(language) else { return };
    assert_eq!(stage.browser.script("return document.documentElement.lang", &[]), language.of("en", "fr"));
    stage.browser.wait_for_text("#services-title", "Services");
    stage.browser.wait_for_text("#queue-title", language.of("RQ jobs", "Tâches RQ"));
    stage.maintains();
    stage.deploys();
    stage.stops();
    stage.does_nothing_in_vain();
    stage.runs_a_job();
    stage.cancels();
    stage.does_without_redis();
    stage.signs_out();
    stage.is_alone();
}

#[test]
fn every_button_of_the_page_does_what_it_says_in_english() {
    goes_round(Language::English);
}

#[test]
fn every_button_of_the_page_does_what_it_says_in_french() {
    goes_round(Language::French);
}

/// What the pictures show.
const PICTURED: &str = r#"
[compose]
project = "bot"
[trim-logs]
paths = ["logs/*.log"]
[services]
names = { redis = "Redis Bot", workers = "Bot Worker", api = "API", worker = "Worker" }
[jobs.backup-db]
schedule = "0 3 * * *"
shell = "test ! -e full || { echo no space left on device; exit 1; }"
description = "a copy of the database, checked; seven days are kept"
[jobs.monitor]
schedule = "0 * * * *"
shell = "echo 48 °C, 61 % of the memory, 40 % of the disk"
description = "temperature, memory, disk"
[jobs.trim-logs]
schedule = "30 1 * * *"
command = "trim-logs"
description = "the last 1000 lines of each log stay"
"#;

impl Stage {
    /// Some days on which the jobs have run, one of them with a full disk.
    fn lives(&self) {
        let now = chrono::Utc::now();
        for day in (0..16).rev() {
            let full = self.farm.site.path("full");
            if day == 6 {
                fs::write(&full, "").unwrap();
            } else {
                let _ = fs::remove_file(&full);
            }
            for job in ["trim-logs", "backup-db", "monitor"] {
                let time = (now - chrono::Duration::hours(24 * day)).to_rfc3339();
                let _ = self.farm.site.maint_at(&time, &["run", job]);
            }
        }
    }

    fn picture(&self, name: &str, size: (u32, u32), theme: &str) {
        self.browser.resize(size.0, size.1);
        self.browser.colours(theme);
        self.browser.wait_for("#jobs tbody");
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), self.browser.screenshot()).unwrap();
    }
}

#[test]
fn pictures_are_taken_when_they_are_asked_for() {
    if std::env::var_os("MAINT_PICTURES").is_none() {
        return;
    }
    for language in [Language::English, Language::French] {
        let Some(stage) = Stage::with(language, PICTURED) else { return };
        stage.fill();
        stage.lives();
        stage.fill();
        stage.browser.goto(&stage.server.url());
        stage.browser.wait_for("#services tbody");
        if language == Language::English {
            stage.picture("dashboard.png", (1100, 900), "light");
            continue;
        }
        stage.picture("dashboard-phone.png", (360, 740), "light");
        stage.browser.click("#queue-stop");
        stage.browser.wait_for("#typed");
        stage.picture("dashboard-stop.png", (680, 500), "dark");
    }
}
