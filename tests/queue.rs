//! `maint queue list|clear|clean-finished` on what the real python rq has put there, and what rq sees afterwards.

use crate::support::redis::{Farm, PASSWORD, Redis, Version};
use crate::support::{Run, Site, inside, leave_out, run};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// The states of `queue list`.
const STATES: [&str; 6] = ["queued", "started", "finished", "failed", "scheduled", "deferred"];

/// Some jobs of every kind: 12 finished, 3 failed, 4 that wait, one scheduled, one that waits for another.
fn fill(farm: &Farm) {
    let finished = (0..12).map(|number| {
        json!({"id": format!("ok-{number:02}"), "func": "ok", "meta": {"type": "birthday"}, "result_ttl": 500})
    });
    let failed = (0..3).map(|number| json!({"id": format!("ko-{number:02}"), "func": "fail"}));
    farm.enqueue(&finished.chain(failed).collect());
    farm.work_off();
    let waiting =
        (0..4).map(|number| json!({"id": format!("wait-{number}"), "func": "ok", "meta": {"n": number}}));
    let rest = [
        json!({"id": "later", "func": "ok", "in": 3_600}),
        json!({"id": "child", "func": "ok", "after": ["wait-0"]}),
        json!({"id": "grandchild", "func": "ok", "after": ["child"], "queue": "other"}),
        json!({"id": "foreign", "func": "ok", "queue": "other"}),
    ];
    farm.enqueue(&waiting.chain(rest).collect());
}

/// The ids of a state.
#[track_caller]
fn ids(list: &Value, state: &str) -> Vec<String> {
    let jobs = list[state].as_array().unwrap_or_else(|| panic!("no {state} in {list}"));
    jobs.iter().map(|job| job["job_id"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn strings(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The ids that rq sees in a state of a queue.
#[track_caller]
fn seen(view: &Value, queue: &str, state: &str) -> BTreeSet<String> {
    let queue = &view["queues"][queue];
    if queue.is_null() { BTreeSet::new() } else { strings(&queue[state]) }
}

/// The ids of all jobs that rq can fetch.
fn alive(view: &Value) -> BTreeSet<String> {
    let jobs = view["jobs"].as_object().unwrap().iter();
    jobs.filter(|(_, job)| job["error"].is_null()).map(|(id, _)| id.clone()).collect()
}

/// rq finds every job that its lists name, in the state of the list.
#[track_caller]
fn is_consistent(view: &Value) {
    for (name, queue) in view["queues"].as_object().unwrap() {
        for (list, status) in [
            ("queued", &["queued"][..]),
            ("finished", &["finished"]),
            ("failed", &["failed", "stopped"]),
            ("scheduled", &["scheduled"]),
            ("deferred", &["deferred"]),
            ("started", &["started"]),
        ] {
            for id in strings(&queue[list]) {
                let found = view["jobs"][&id]["status"].as_str();
                assert!(
                    found.is_some_and(|found| status.contains(&found)),
                    "{id} is in {list} of {name} and is {found:?}: {view}"
                );
            }
        }
    }
    for (id, job) in view["jobs"].as_object().unwrap() {
        for child in job["dependents"].as_array().into_iter().flatten() {
            let child = child.as_str().unwrap();
            assert!(view["jobs"][child]["status"].is_string(), "{id} has a dependent that is gone: {child}");
        }
    }
}

#[test]
fn the_list_has_the_recorded_form() {
    Farm::each("", |farm| {
        fill(farm);
        let before = farm.redis.snapshot();
        let list = farm.maint(&["queue", "list", "--json", "--limit", "100"]).exits(0).json();
        assert_eq!(farm.redis.snapshot(), before, "looking changed something");
        let sizes: Vec<usize> = STATES.iter().map(|state| ids(&list, state).len()).collect();
        assert_eq!(sizes, [4, 0, 12, 3, 1, 1], "{list}");
        assert_eq!(ids(&list, "queued"), ["wait-0", "wait-1", "wait-2", "wait-3"]);
        assert_eq!(
            (ids(&list, "scheduled"), ids(&list, "deferred")),
            (vec!["later".to_owned()], vec!["child".to_owned()])
        );
        let job = &list["finished"].as_array().unwrap()[0];
        for key in ["job_id", "status", "created_at", "started_at", "ended_at", "result", "exc_info", "meta"]
        {
            assert!(job.get(key).is_some(), "no {key} in {job}");
        }
        for (state, status) in [("queued", "queued"), ("finished", "finished"), ("failed", "failed")] {
            for job in list[state].as_array().unwrap() {
                assert_eq!(job["status"], status);
                assert!(is_time(&job["created_at"]), "{job}");
                assert_eq!(is_time(&job["ended_at"]), state != "queued", "{job}");
                assert_eq!(is_time(&job["started_at"]), state != "queued", "{job}");
            }
        }
        let failed = list["failed"].as_array().unwrap();
        for job in failed {
            let text = job["exc_info"].as_str().expect("a failed job tells why");
            assert!(text.contains("RuntimeError: session expirée (cookies LinkedIn)"), "{text}");
        }
        assert!(list["finished"].as_array().unwrap().iter().all(|job| job["exc_info"].is_null()));
    });
}

/// "2026-11-20T15:05:23.381072", with or without an offset.
fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        let bare = text.trim_end_matches('Z').trim_end_matches("+00:00");
        chrono::NaiveDateTime::parse_from_str(bare, "%Y-%m-%dT%H:%M:%S%.f").is_ok()
    })
}

#[test]
fn times_agree_with_what_rq_says() {
    Farm::each("", |farm| {
        fill(farm);
        let list = farm.maint(&["queue", "list", "--json", "--limit", "100"]).exits(0).json();
        let view = farm.view();
        for state in STATES {
            for job in list[state].as_array().unwrap() {
                let theirs = &view["jobs"][job["job_id"].as_str().unwrap()];
                let bare = |value: &Value| {
                    let text = value.as_str().unwrap_or_default();
                    text.trim_end_matches('Z')
                        .trim_end_matches("+00:00")
                        .trim_end_matches('0')
                        .trim_end_matches('.')
                        .to_owned()
                };
                assert_eq!(bare(&job["created_at"]), bare(&theirs["created_at"]), "{job} {theirs}");
                assert_eq!(bare(&job["ended_at"]), bare(&theirs["ended_at"]), "{job} {theirs}");
            }
        }
    });
}

#[test]
fn the_keys_are_those_of_the_recorded_answers() {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/linkedin/api/04-jobs.txt");
    let Ok(text) = std::fs::read_to_string(&recorded) else {
        return leave_out("the recorded jobs", "../shared/data/linkedin is not here");
    };
    let recorded: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    Farm::each("", |farm| {
        fill(farm);
        let list = farm.maint(&["queue", "list", "--json"]).exits(0).json();
        for (state, jobs) in recorded.as_object().unwrap() {
            let Some(theirs) = jobs.as_array().and_then(|jobs| jobs.first()) else { continue };
            let Some(ours) = list[state].as_array().unwrap().first() else { continue };
            for (key, value) in theirs.as_object().unwrap() {
                let own = ours.get(key).unwrap_or_else(|| panic!("no {key} in {ours}"));
                // Result and meta are pickled, and are never unpickled.
                if !["result", "meta"].contains(&key.as_str()) {
                    assert_eq!(own.is_string(), value.is_string(), "{key}: {own} and {value}");
                }
            }
        }
        assert!(list["finished"].as_array().unwrap().len() == recorded["finished"].as_array().unwrap().len());
    });
}

#[test]
fn the_newest_of_each_state_are_shown_up_to_a_limit() {
    Farm::each("", |farm| {
        fill(farm);
        let list = farm.maint(&["queue", "list", "--json"]).exits(0).json();
        assert_eq!(ids(&list, "finished").len(), 10);
        assert!(!ids(&list, "finished").contains(&"ok-00".to_owned()), "{list}");
        assert!(ids(&list, "finished").contains(&"ok-11".to_owned()), "{list}");
        let list = farm.maint(&["queue", "list", "--json", "--limit", "2"]).exits(0).json();
        assert_eq!((ids(&list, "finished").len(), ids(&list, "queued").len()), (2, 2));
        for wrong in ["-1", "x", "1.5", "99999999999"] {
            let _ = farm.maint(&["queue", "list", &format!("--limit={wrong}")]).exits(2);
        }
    });
}

#[test]
fn the_table_shows_states_ages_and_workers() {
    Farm::each("", |farm| {
        fill(farm);
        let _worker = farm.worker("worker-one");
        // It takes what waits; one job goes on.
        farm.napping("nap");
        let shown = farm.maint(&["queue", "list"]).exits(0).stdout;
        for word in ["ok-11", "ko-02", "nap", "later", "worker-one", "session expirée"] {
            assert!(shown.contains(word), "no {word} in {shown}");
        }
        let list = farm.maint(&["queue", "list", "--json"]).exits(0).json();
        assert_eq!(ids(&list, "started"), ["nap"]);
        assert!(list.to_string().contains("worker-one"), "{list}");
    });
}

#[test]
fn ghosts_and_foreign_things_in_a_list_break_nothing() {
    Farm::each("", |farm| {
        fill(farm);
        let _: i64 = farm.redis.ask(&["DEL", "rq:job:wait-1", "rq:job:ok-05"]);
        let _: i64 =
            farm.redis.ask(&["RPUSH", "rq:queue:bot", "ghost", "", "a:b:c", "\u{1b}[2J evil \n line"]);
        let _: i64 =
            farm.redis.ask(&["HSET", "rq:job:odd", "status", "\u{1b}]0;x\u{7}", "created_at", "yesterday"]);
        let _: i64 = farm.redis.ask(&["ZADD", "rq:failed:bot", "1", "odd"]);
        let _: String = farm.redis.ask(&["SET", "rq:job:text", "not a hash"]);
        let _: i64 = farm.redis.ask(&["ZADD", "rq:finished:bot", "1", "text"]);
        let list = farm.maint(&["queue", "list", "--json", "--limit", "100"]).exits(0).json();
        assert_eq!(ids(&list, "finished").iter().filter(|id| id.starts_with("ok-")).count(), 11, "{list}");
        let shown = farm.maint(&["queue", "list", "--limit", "100"]).exits(0);
        assert!(!shown.stdout.contains(['\u{1b}', '\u{7}']), "{:?}", shown.stdout);
    });
}

#[test]
fn clear_removes_what_waits_and_nothing_else() {
    Farm::each("", |farm| {
        fill(farm);
        let before = farm.view();
        let rehearsed = farm.redis.snapshot();
        let shown = farm.maint(&["queue", "clear", "-n"]).exits(0).stdout;
        assert!(shown.contains('4'), "{shown}");
        assert_eq!(farm.redis.snapshot(), rehearsed, "a rehearsal removed something");
        let report = farm.maint(&["queue", "clear", "--force", "--json"]).exits(0).json();
        assert_eq!(report["status"], "done", "{report}");
        let view = farm.view();
        is_consistent(&view);
        assert_eq!(seen(&view, "bot", "queued"), set(&[]));
        // Who waits for a removed job would wait for ever, in other queues too.
        let gone: BTreeSet<String> = alive(&before).difference(&alive(&view)).cloned().collect();
        assert_eq!(gone, set(&["wait-0", "wait-1", "wait-2", "wait-3", "child", "grandchild"]));
        for state in ["finished", "failed", "scheduled"] {
            assert_eq!(seen(&view, "bot", state), seen(&before, "bot", state), "{state}");
        }
        assert_eq!(seen(&view, "other", "queued"), set(&["foreign"]));
        assert!(report.to_string().contains('4'), "{report}");
        // Nothing of the removed jobs is left.
        let left: Vec<String> = farm.redis.keys().into_iter().filter(|key| key.contains("wait-")).collect();
        assert_eq!(left, [""; 0]);
        // A worker goes on with what comes.
        farm.enqueue(&json!([{"id": "after", "func": "ok"}]));
        farm.work_off();
        assert_eq!(farm.view()["jobs"]["after"]["status"], "finished");
    });
}

#[test]
fn clear_leaves_a_running_job_alone() {
    Farm::each("", |farm| {
        let _worker = farm.worker("one");
        farm.napping("nap");
        farm.enqueue(&json!([{"id": "next", "func": "ok"}, {"id": "child", "func": "ok", "after": ["nap"]}]));
        let _ = farm.maint(&["queue", "clear", "--force"]).exits(0);
        let view = farm.view();
        is_consistent(&view);
        assert_eq!(
            (&view["jobs"]["nap"]["status"], &view["jobs"]["child"]["status"]),
            (&"started".into(), &"deferred".into())
        );
        assert!(farm.still_naps("nap") && view["jobs"]["next"].is_null());
    });
}

#[test]
fn without_force_or_a_terminal_nothing_is_touched() {
    Farm::each("", |farm| {
        fill(farm);
        let before = farm.redis.snapshot();
        for command in ["clear", "clean-finished", "stop"] {
            let refused = farm.maint(&["queue", command]);
            assert_eq!(refused.code, 4, "{command}: {}{}", refused.stdout, refused.stderr);
            assert!(
                refused.stderr.contains("--force") || refused.stderr.contains("--yes"),
                "{}",
                refused.stderr
            );
            assert_eq!(farm.redis.snapshot(), before, "{command}");
        }
        let _ = farm.maint(&["--yes", "queue", "clear"]).exits(0);
        assert_ne!(farm.redis.snapshot(), before);
    });
}

#[test]
fn clean_finished_removes_jobs_that_have_ended_with_their_results() {
    Farm::each("", |farm| {
        fill(farm);
        let before = farm.view();
        let rehearsed = farm.redis.snapshot();
        let shown = farm.maint(&["queue", "clean-finished", "-n"]).exits(0).stdout;
        assert!(shown.contains("12") && shown.contains('3'), "{shown}");
        assert_eq!(farm.redis.snapshot(), rehearsed, "a rehearsal removed something");
        let report = farm.maint(&["queue", "clean-finished", "--force", "--json"]).exits(0).json();
        assert!(report.to_string().contains("12"), "{report}");
        let view = farm.view();
        is_consistent(&view);
        for state in ["finished", "failed"] {
            assert_eq!(seen(&view, "bot", state), set(&[]), "{state}");
        }
        for state in ["queued", "scheduled", "deferred"] {
            assert_eq!(seen(&view, "bot", state), seen(&before, "bot", state), "{state}");
        }
        // Neither hashes nor result streams nor executions are left.
        let left: Vec<String> =
            farm.redis.keys().into_iter().filter(|key| key.contains("ok-") || key.contains("ko-")).collect();
        assert_eq!(left, [""; 0]);
        let _ = farm.maint(&["queue", "clean-finished", "--force"]).exits(0);
    });
}

#[test]
fn clean_finished_removes_ghosts_and_orphaned_results() {
    Farm::each("", |farm| {
        fill(farm);
        // Redis has evicted the jobs; their ids and the results of failed ones stay for ever.
        let _: i64 = farm.redis.ask(&["DEL", "rq:job:ok-05", "rq:job:ko-01"]);
        let _: i64 = farm.redis.ask(&["ZREM", "rq:failed:bot", "ko-01"]);
        let _: i64 = farm.redis.ask(&["ZADD", "rq:failed:bot", "4000000000", "ghost"]);
        let _: String = farm.redis.ask(&["XADD", "rq:results:long-gone", "*", "type", "2"]);
        let _: String = farm.redis.ask(&["XADD", "rq:results:wait-1", "*", "type", "2"]);
        let _ = farm.maint(&["queue", "clean-finished", "--force"]).exits(0);
        let keys = farm.redis.keys();
        let results: Vec<&String> = keys.iter().filter(|key| key.starts_with("rq:results:")).collect();
        assert_eq!(results, ["rq:results:wait-1"], "the result of a job that is there stays, all others go");
        is_consistent(&farm.view());
        assert_eq!(farm.redis.ask::<i64>(&["ZCARD", "rq:failed:bot"]), 0);
    });
}

#[test]
fn a_job_that_was_queued_again_survives() {
    Farm::each("", |farm| {
        fill(farm);
        let _ = farm.drive(&["requeue", "ko-00"]);
        // And as it is for a moment, when another program has put it back in the queue but not out of the registry.
        let _: i64 = farm.redis.ask(&["HSET", "rq:job:ko-01", "status", "queued"]);
        let _: i64 = farm.redis.ask(&["RPUSH", "rq:queue:bot", "ko-01"]);
        let _: i64 = farm.redis.ask(&["HSET", "rq:job:ok-03", "status", "started"]);
        let _ = farm.maint(&["queue", "clean-finished", "--force"]).exits(0);
        let view = farm.view();
        is_consistent(&view);
        assert_eq!(view["jobs"]["ko-00"]["status"], "queued");
        assert_eq!(view["jobs"]["ko-01"]["status"], "queued");
        assert_eq!(view["jobs"]["ok-03"]["status"], "started");
        assert!(seen(&view, "bot", "queued").is_superset(&set(&["ko-00", "ko-01"])));
        assert!(view["jobs"]["ko-02"].is_null());
        farm.work_off();
        assert_eq!(farm.view()["jobs"]["ko-00"]["status"], "failed", "it can run once more");
    });
}

#[test]
fn who_waits_for_a_failed_job_is_told_of() {
    Farm::each("", |farm| {
        farm.enqueue(&json!([{"id": "ko", "func": "fail"}, {"id": "child", "func": "ok", "after": ["ko"]}]));
        farm.work_off();
        let report = farm.maint(&["queue", "clean-finished", "--force", "--json"]).exits(0).json();
        assert!(
            report.to_string().contains("child") || report.to_string().contains("wait"),
            "nobody is told: {report}"
        );
        is_consistent(&farm.view());
    });
}

#[test]
fn another_queue_may_be_named() {
    Farm::each("", |farm| {
        fill(farm);
        let list = farm.maint(&["queue", "list", "--queue", "other", "--json"]).exits(0).json();
        assert_eq!(
            (ids(&list, "queued"), ids(&list, "deferred")),
            (vec!["foreign".to_owned()], vec!["grandchild".to_owned()])
        );
        let _ = farm.maint(&["queue", "clear", "--queue=other", "--force"]).exits(0);
        let view = farm.view();
        assert_eq!(seen(&view, "other", "queued"), set(&[]));
        assert_eq!(seen(&view, "bot", "queued").len(), 4);
    });
}

#[test]
fn a_queue_that_is_not_there_is_an_error_that_names_those_that_are() {
    Farm::each("", |farm| {
        fill(farm);
        let before = farm.redis.snapshot();
        for command in
            [&["list"][..], &["clear", "--force"], &["clean-finished", "--force"], &["stop", "--force"]]
        {
            let args = [&["queue"], command, &["--queue", "bto"]].concat();
            let wrong = farm.maint(&args);
            assert!(matches!(wrong.code, 1 | 2), "{args:?}: {} {}", wrong.code, wrong.stderr);
            assert!(
                wrong.stderr.contains("bto") && wrong.stderr.contains("bot"),
                "{args:?}: {}",
                wrong.stderr
            );
            assert_eq!(farm.redis.snapshot(), before, "{args:?}");
        }
        for wrong in ["", "a\u{7}b", &"x".repeat(500)] {
            let _ = farm.maint(&["queue", "list", &format!("--queue={wrong}")]).exits(2);
        }
    });
}

/// One line that names the thing, and no secret.
#[track_caller]
fn is_told_in_a_line(ended: &Run, words: &[&str]) {
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "no {word:?} in {}", ended.stderr);
    }
    for wrong in ["os error", "panicked", PASSWORD, "Some(", "Os {"] {
        assert!(!ended.stderr.contains(wrong), "{wrong:?} in {}", ended.stderr);
    }
}

const COMMANDS: [&[&str]; 4] = [
    &["queue", "list"],
    &["queue", "clear", "--force"],
    &["queue", "clean-finished", "--force"],
    &["queue", "stop", "--force"],
];

#[test]
fn a_redis_that_is_down_is_told_in_a_line() {
    let port = crate::support::redis::free_port();
    let site = Site::new(&format!("[redis]\nurl = \"redis://127.0.0.1:{port}/0\"\nqueue = \"bot\"\n"));
    for args in COMMANDS {
        is_told_in_a_line(&site.maint(args).exits(1), &["Redis", &port.to_string()]);
    }
    let site = Site::new("[redis]\nurl = \"unix:///nowhere/redis.sock\"\nqueue = \"bot\"\n");
    for args in COMMANDS {
        is_told_in_a_line(&site.maint(args).exits(1), &["Redis", "/nowhere/redis.sock"]);
    }
    let json = site.maint(&["queue", "list", "--json"]).exits(1);
    assert!(json.stdout.is_empty() || serde_json::from_str::<Value>(&json.stdout).is_ok());
}

#[test]
fn a_redis_that_never_answers_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let site = Site::new(&format!(
        "[redis]\nurl = \"redis://127.0.0.1:{port}/0\"\nqueue = \"bot\"\ntimeout = \"1s\"\n"
    ));
    for args in COMMANDS {
        let begin = std::time::Instant::now();
        is_told_in_a_line(&site.maint(args).exits(1), &["Redis"]);
        assert!(begin.elapsed().as_secs() < 10, "{args:?}: {:?}", begin.elapsed());
    }
}

#[test]
fn something_that_is_no_redis_is_told_in_a_line() {
    let server =
        crate::support::http::Server::always(crate::support::http::Reply::new(200, "hello\u{1b}[2J"));
    let url = server.url("").replace("http://", "redis://");
    let site = Site::new(&format!("[redis]\nurl = \"{url}/0\"\nqueue = \"bot\"\ntimeout = \"1s\"\n"));
    for args in COMMANDS {
        let ended = site.maint(args).exits(1);
        is_told_in_a_line(&ended, &["Redis"]);
        assert!(!ended.stderr.contains('\u{1b}'));
    }
}

#[test]
fn a_password_that_is_wrong_or_missing_is_told_and_never_shown() {
    for version in [Version::One, Version::Two] {
        let Some(farm) = Farm::of(version, "", Redis::with_password()) else { return };
        fill(&farm);
        let before = farm.redis.snapshot();
        for args in COMMANDS {
            is_told_in_a_line(&farm.maint(args).exits(1), &["Redis", "password"]);
        }
        let url = farm.redis.url();
        let config = |url: &str| {
            let state = farm.site.state().display().to_string();
            farm.site.configure(&format!(
                "[site]\nname = \"test\"\n[state]\ndir = \"{state}\"\n[redis]\nurl = \"{url}\"\nqueue = \"bot\"\npassword = \"env:REDIS_PASSWORD\"\n"
            ));
        };
        config(&url);
        for args in COMMANDS {
            let wrong = run(farm.command(args).env("REDIS_PASSWORD", "hunter1-wrong")).exits(1);
            is_told_in_a_line(&wrong, &["Redis", "password"]);
            assert!(!wrong.stderr.contains("hunter1-wrong"), "{}", wrong.stderr);
        }
        assert_eq!(farm.redis.snapshot(), before, "a wrong password touched something");
        let right = run(farm.command(&["queue", "list", "-vv"]).env("REDIS_PASSWORD", PASSWORD)).exits(0);
        assert!(right.stdout.contains("wait-0"), "{}", right.stdout);
        assert!(!format!("{}{}", right.stdout, right.stderr).contains(PASSWORD));
        let right =
            run(farm.command(&["queue", "clear", "--force"]).env("REDIS_PASSWORD", PASSWORD)).exits(0);
        assert!(!format!("{}{}", right.stdout, right.stderr).contains(PASSWORD));
        // An address with a password in the configuration is a literal secret.
        config(&url.replace("unix://", &format!("redis://:{PASSWORD}@")));
        let refused = farm.maint(&["queue", "list"]).exits(2);
        assert!(!refused.stderr.contains(PASSWORD), "{}", refused.stderr);
    }
}

#[test]
fn the_address_may_come_from_the_environment_alone_and_over_a_port() {
    for version in [Version::One, Version::Two] {
        let Some(farm) = Farm::of(version, "", Redis::on_a_port()) else { return };
        fill(&farm);
        let state = farm.site.state().display().to_string();
        farm.site.configure(&format!("[site]\nname = \"test\"\n[state]\ndir = \"{state}\"\n"));
        let list = run(farm
            .command(&["queue", "list", "--queue=bot", "--json"])
            .env("REDIS_URL", farm.redis.port_url()));
        assert_eq!(ids(&list.exits(0).json(), "queued").len(), 4);
        // Another database of the same server is another world.
        let other = farm.redis.port_url().replace("/0", "/5");
        let list = run(farm.command(&["queue", "list", "--queue=bot"]).env("REDIS_URL", other));
        assert!(list.code != 0 || !list.stdout.contains("wait-0"), "{}", list.stdout);
    }
}

#[test]
fn a_queue_of_any_length_takes_no_memory() {
    for version in [Version::One, Version::Two] {
        let Some(farm) = Farm::of(version, "", Redis::start()) else { return };
        farm.enqueue(&json!([{"id": "ok", "func": "ok"}, {"id": "ko", "func": "fail"}]));
        farm.work_off();
        farm.enqueue(&json!([{"id": "wait", "func": "ok"}]));
        for (id, registry) in [("ok", "finished"), ("ko", "failed"), ("wait", "queued")] {
            let _ = farm.drive(&["clone", id, "20000", registry]);
        }
        let limited = ["sh", "-c", "ulimit -d 24000; exec \"$@\"", "sh"];
        let list = run(&mut inside(&limited, &farm.command(&["queue", "list", "--json"]))).exits(0).json();
        assert_eq!(ids(&list, "failed").len(), 10);
        let _ = run(&mut inside(&limited, &farm.command(&["queue", "clear", "--force"]))).exits(0);
        assert_eq!(farm.redis.ask::<i64>(&["LLEN", "rq:queue:bot"]), 0);
        let _ = run(&mut inside(&limited, &farm.command(&["queue", "clean-finished", "--force"]))).exits(0);
        let left: Vec<String> = farm.redis.keys().into_iter().filter(|key| key.contains("-00")).collect();
        assert_eq!(left, [""; 0]);
    }
}

/// Killed in the middle, no job is half there.
#[test]
fn a_kill_leaves_no_job_half_removed() {
    for version in [Version::One, Version::Two] {
        let Some(farm) = Farm::of(version, "", Redis::start()) else { return };
        farm.enqueue(&json!([{"id": "ok", "func": "ok"}]));
        farm.work_off();
        for (command, id, registry, key) in [
            ("clear", "wait", "queued", "rq:queue:bot"),
            ("clean-finished", "ok", "finished", "rq:finished:bot"),
        ] {
            for kill in 0..6_u64 {
                if farm.redis.ask::<i64>(&["EXISTS", &format!("rq:job:{id}")]) == 0 {
                    farm.enqueue(&json!([{"id": id, "func": "ok"}]));
                    if registry == "finished" {
                        farm.work_off();
                    }
                }
                let _ = farm.drive(&["clone", id, "5000", registry]);
                let mut child = farm.command(&["queue", command, "--force"]).spawn().unwrap();
                std::thread::sleep(std::time::Duration::from_millis(10 + kill * 12));
                child.kill().unwrap();
                child.wait().unwrap();
                let listed = if registry == "queued" {
                    farm.redis.ask::<Vec<String>>(&["LRANGE", key, "0", "-1"])
                } else {
                    farm.redis.ask::<Vec<String>>(&["ZRANGE", key, "0", "-1"])
                };
                let listed: BTreeSet<String> = listed.into_iter().collect();
                let begin = format!("rq:job:{id}-");
                let there: BTreeSet<String> = farm
                    .redis
                    .keys()
                    .iter()
                    .filter_map(|name| name.strip_prefix(&begin).map(|end| format!("{id}-{end}")))
                    .collect();
                let listed: BTreeSet<String> =
                    listed.into_iter().filter(|one| one.starts_with(&format!("{id}-"))).collect();
                assert_eq!(listed, there, "{command}, kill {kill}");
                let _ = farm.maint(&["queue", command, "--force"]).exits(0);
            }
        }
    }
}

#[test]
fn each_command_is_recorded_and_two_at_once_are_one() {
    Farm::each("[jobs.clean]\ncommand = \"queue clean-finished --force\"\n", |farm| {
        fill(farm);
        let _ = farm.maint(&["run", "clean"]).exits(0);
        assert_eq!(seen(&farm.view(), "bot", "finished"), set(&[]));
        let children: Vec<_> = (0..6)
            .map(|_| {
                farm.command(&["queue", "clear", "--force"])
                    .stderr(std::process::Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let codes: Vec<i32> = children.into_iter().map(|child| crate::support::finish(child).code).collect();
        assert!(codes.contains(&0) && codes.iter().all(|code| [0, 75].contains(code)), "{codes:?}");
        is_consistent(&farm.view());
    });
}
