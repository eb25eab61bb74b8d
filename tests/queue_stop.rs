//! `maint queue stop`: real workers with real jobs of a minute, which end within two seconds, and rq agrees.

use crate::support::redis::Farm;
use crate::support::{finish, wait_until};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[track_caller]
fn status(view: &Value, id: &str) -> String {
    view["jobs"][id]["status"].as_str().unwrap_or("gone").to_owned()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().map_or(Vec::new(), |all| all.iter().map(|one| one.as_str().unwrap()).collect())
}

#[test]
fn a_job_that_runs_is_ended_within_two_seconds_and_rq_lists_it_as_stopped() {
    Farm::each("", |farm| {
        let mut worker = farm.worker("one");
        farm.napping("nap");
        farm.enqueue(&json!([
            {"id": "wait-0", "func": "ok"}, {"id": "wait-1", "func": "ok"}, {"id": "child", "func": "ok", "after": ["nap"]},
        ]));
        assert!(farm.still_naps("nap"));
        let begin = Instant::now();
        let report = farm.maint(&["queue", "stop", "--force", "--json"]).exits(0).json();
        let taken = begin.elapsed();
        assert!(!farm.still_naps("nap"), "it goes on");
        assert!(taken < Duration::from_secs(2), "{taken:?}");
        let view = farm.view();
        assert_eq!(status(&view, "nap"), "stopped", "{view}");
        assert_eq!(strings(&view["queues"]["bot"]["failed"]), ["nap"]);
        assert_eq!(strings(&view["queues"]["bot"]["started"]), [""; 0]);
        assert_eq!(strings(&view["queues"]["bot"]["queued"]), [""; 0]);
        assert!(report.to_string().contains("nap"), "it does not say what was stopped: {report}");
        assert!(worker.is_alive(), "the worker goes on");
    });
}

#[test]
fn a_rehearsal_names_what_would_stop_and_stops_nothing() {
    Farm::each("", |farm| {
        let _worker = farm.worker("one");
        farm.napping("nap");
        farm.enqueue(&json!([{"id": "wait", "func": "ok"}]));
        let shown = farm.maint(&["queue", "stop", "-n", "--json"]).exits(0);
        assert!(shown.stdout.contains("nap"), "{}", shown.stdout);
        assert!(farm.still_naps("nap"));
        let view = farm.view();
        assert_eq!(
            (status(&view, "nap"), status(&view, "wait")),
            ("started".to_owned(), "queued".to_owned())
        );
        let suspended: i64 = farm.redis.ask(&["EXISTS", "rq:suspended"]);
        assert_eq!(suspended, 0);
    });
}

#[test]
fn several_workers_are_stopped_and_no_job_slips_through() {
    Farm::each("", |farm| {
        let _workers = ["one", "two", "three"].map(|name| farm.worker(name));
        for id in ["nap-1", "nap-2", "nap-3"] {
            farm.napping(id);
        }
        // What waits must not start when a worker gets free.
        let marks = farm.site.around().join("late").display().to_string();
        let late: Vec<Value> = (0..20)
            .map(|number| json!({"id": format!("late-{number}"), "func": "nap", "args": [marks, 60]}))
            .collect();
        farm.enqueue(&late.into());
        let report = farm.maint(&["queue", "stop", "--force", "--json"]).exits(0).json();
        std::thread::sleep(Duration::from_millis(1_500));
        let view = farm.view();
        for id in ["nap-1", "nap-2", "nap-3"] {
            assert_eq!(status(&view, id), "stopped");
            assert!(!farm.still_naps(id) && report.to_string().contains(id), "{report}");
        }
        assert!(!farm.site.around().join("late.begun").exists(), "a job that waited has begun");
        assert_eq!(strings(&view["queues"]["bot"]["queued"]), [""; 0]);
        assert_eq!(strings(&view["queues"]["bot"]["started"]), [""; 0]);
    });
}

/// The worker was killed, and what it ran goes on by itself: nobody listens, so it has not stopped.
#[test]
fn a_job_whose_worker_is_dead_has_not_stopped() {
    Farm::each("", |farm| {
        let mut worker = farm.worker("one");
        farm.napping("nap");
        worker.behead();
        let begin = Instant::now();
        let ended = farm.maint(&["queue", "stop", "--force"]).exits(1);
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
        assert!(ended.stderr.contains("nap"), "{}", ended.stderr);
        let report = farm.maint(&["queue", "stop", "--force", "--json"]);
        let report = (report.code == 1).then(|| report.json());
        assert!(report.is_none_or(|report| report["status"] == "failed"));
        // It is still seen: nothing hides what goes on.
        let started: Vec<String> = farm.redis.ask(&["ZRANGE", "rq:wip:bot", "0", "-1"]);
        assert!(started.iter().any(|one| one.starts_with("nap")), "{started:?}");
    });
}

#[test]
fn what_stopped_and_what_did_not_are_told_apart() {
    Farm::each("", |farm| {
        let mut dead = farm.worker("dead");
        farm.napping("lost");
        dead.kill(farm);
        let _alive = farm.worker("alive");
        farm.napping("nap");
        let report = farm.maint(&["queue", "stop", "--force", "--json"]).exits(1).json();
        let outcome = |id: &str| -> Vec<String> {
            let steps = report["steps"].as_array().unwrap().iter();
            steps
                .filter(|step| step.to_string().contains(id))
                .map(|step| step["outcome"].to_string())
                .collect()
        };
        assert!(outcome("nap").iter().any(|one| one.contains("done")), "{report}");
        assert!(outcome("lost").iter().any(|one| one.contains("failed")), "{report}");
        assert_eq!(status(&farm.view(), "nap"), "stopped");
    });
}

#[test]
fn with_nothing_to_stop_it_is_done() {
    Farm::each("", |farm| {
        farm.enqueue(&json!([{"id": "wait", "func": "ok"}]));
        let _ = farm.maint(&["queue", "stop", "--force"]).exits(0);
        let view = farm.view();
        assert!(view["jobs"]["wait"].is_null(), "{view}");
        let _ = farm.maint(&["queue", "stop", "--force"]).exits(0);
    });
}

#[test]
fn other_queues_and_their_jobs_go_on() {
    Farm::each("", |farm| {
        farm.enqueue(&json!([
            {"id": "wait", "func": "ok"}, {"id": "foreign", "func": "ok", "queue": "other"},
            {"id": "later", "func": "ok", "in": 3_600},
        ]));
        let _ = farm.maint(&["queue", "stop", "--force"]).exits(0);
        let view = farm.view();
        assert_eq!(status(&view, "foreign"), "queued");
        assert_eq!(strings(&view["queues"]["other"]["queued"]), ["foreign"]);
    });
}

/// Whatever keeps workers from taking new jobs must end by itself, or be told of.
#[test]
fn afterwards_the_worker_works_again_or_it_is_said_how() {
    Farm::each("", |farm| {
        let _worker = farm.worker("one");
        farm.napping("nap");
        let ended = farm.maint(&["queue", "stop", "--force", "--json"]).exits(0);
        let end: i64 = farm.redis.ask(&["TTL", "rq:suspended"]);
        if end != -2 {
            assert!(end > 0, "workers are suspended for ever");
            assert!(
                ended.stdout.contains("suspend"),
                "nobody is told that workers are suspended: {}",
                ended.stdout
            );
            let _: i64 = farm.redis.ask(&["DEL", "rq:suspended"]);
        }
        farm.enqueue(&json!([{"id": "after", "func": "ok"}]));
        wait_until("the worker takes the next job", || {
            farm.redis.ask::<Option<String>>(&["HGET", "rq:job:after", "status"]).as_deref()
                == Some("finished")
        });
    });
}

#[test]
fn a_job_that_ends_by_itself_meanwhile_counts_as_stopped() {
    Farm::each("", |farm| {
        let _worker = farm.worker("one");
        let marks = farm.site.around().join("short").display().to_string();
        farm.enqueue(&json!([{"id": "short", "func": "nap", "args": [marks, 0.4]}]));
        wait_until("it has begun", || farm.site.around().join("short.begun").exists());
        std::thread::sleep(Duration::from_millis(330));
        let _ = farm.maint(&["queue", "stop", "--force"]).exits(0);
        let status = status(&farm.view(), "short");
        assert!(["stopped", "finished"].contains(&status.as_str()), "{status}");
    });
}

#[test]
fn ended_by_a_signal_it_tells_so() {
    Farm::each("", |farm| {
        let mut worker = farm.worker("one");
        farm.napping("nap");
        worker.behead();
        let mut stop = farm.command(&["queue", "stop", "--force"]);
        let child =
            stop.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        crate::support::send(&child, rustix::process::Signal::INT);
        let ended = finish(child);
        assert!(matches!(ended.code, 130 | 1), "{} {}", ended.code, ended.stderr);
    });
}
