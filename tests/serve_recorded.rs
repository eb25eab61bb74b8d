//! Each recorded exchange with the bot's own program (system 004), repeated with `maint serve` on the same data.

use crate::support::http::{Reply, Server as Page};
use crate::support::redis::{Farm, Redis, Version, free_port};
use crate::support::server::{Answer, KEYS, Server};
use crate::support::{leave_out, wait_until};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A request, its recorded answer, and ours where it is another one. A text that ends in `…` begins so.
struct Exchange {
    file: &'static str,
    status: u16,
    recorded: &'static str,
    ours: Option<(u16, &'static str)>,
}

const fn same(file: &'static str, status: u16, recorded: &'static str) -> Exchange {
    Exchange { file, status, recorded, ours: None }
}

const fn other(
    file: &'static str,
    (status, recorded): (u16, &'static str),
    ours: (u16, &'static str),
) -> Exchange {
    Exchange { file, status, recorded, ours: Some(ours) }
}

/// A site with everything that the recorded one had, with 12 finished jobs, 3 failed ones, one of which only the
/// registry knows that it runs, 4 that wait, and a name in the queue that leads to no job.
struct Scene {
    farm: Farm,
    _api: Page,
}

const LOG: &str = "logs/linkedin_bot.log";

impl Scene {
    fn new() -> Option<Scene> {
        let api = Page::always(Reply::new(200, ""));
        let rest = format!(
            "{KEYS}[services.names]\nredis = \"Redis Bot\"\nworkers = \"Bot Worker\"\napi = \"API\"\ndashboard = \"Dashboard\"\n\
             [checks.api]\nhttp = \"{}\"\n[checks.dashboard]\nhttp = \"http://127.0.0.1:{}/\"\n\
             [trim-logs]\npaths = [\"{LOG}\"]\n[databases.app]\nurl = \"sqlite:app.db\"\n",
            api.url(""),
            free_port(),
        );
        let farm = Farm::of(Version::One, &rest, Redis::start())?;
        farm.site.folder("logs");
        let database = rusqlite::Connection::open(farm.site.path("app.db")).unwrap();
        database
            .execute_batch("CREATE TABLE contacts (name TEXT); INSERT INTO contacts VALUES ('x')")
            .unwrap();
        drop(database);
        let finished = (0..12).map(|number| {
            json!({"id": format!("ok-{number:02}"), "func": "ok", "meta": {"type": "birthday"}, "result_ttl": 500})
        });
        let failed = (0..3).map(|number| json!({"id": format!("ko-{number:02}"), "func": "fail"}));
        farm.enqueue(&finished.chain(failed).collect());
        farm.work_off();
        let scene = Scene { farm, _api: api };
        scene.wait_in_queue();
        scene.farm.enqueue(&json!([{"id": "run-0", "func": "ok"}]));
        scene.runs("run-0");
        Some(scene)
    }

    fn wait_in_queue(&self) {
        let waiting =
            (0..4).map(|number| json!({"id": format!("wait-{number}"), "func": "ok", "meta": {"n": number}}));
        self.farm.enqueue(&waiting.collect());
        let _: i64 = self.farm.redis.ask(&["RPUSH", "rq:queue:bot", "ghost"]);
    }

    /// From now on rq lists it as running, although no worker runs it.
    fn runs(&self, id: &str) {
        let redis = &self.farm.redis;
        let _: i64 = redis.ask(&["LREM", "rq:queue:bot", "0", id]);
        let _: i64 = redis.ask(&["ZADD", "rq:wip:bot", "4102444800", id]);
        let key = format!("rq:job:{id}");
        let began = "2026-11-20T10:00:00.000000Z";
        let _: i64 = redis.ask(&["HSET", &key, "status", "started", "started_at", began]);
    }

    fn server(&self) -> Server {
        Server::with(&self.farm.site, self.farm.command(&["serve", "--listen", "127.0.0.1:0"]))
    }

    /// A log of so many lines of 21 bytes.
    fn log(&self, lines: u32) {
        let lines: Vec<String> = (0..lines).map(|number| format!("a line, number {number:05}\n")).collect();
        fs::write(self.farm.site.path(LOG), lines.concat()).unwrap();
    }
}

/// The recorded answer and its status, when they are here.
fn recording(file: &str) -> Option<(String, u16)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/linkedin/api");
    let text = fs::read_to_string(folder.join(file).with_extension("txt")).ok()?;
    let lines: Vec<&str> = text.lines().collect();
    let [_, answer, status, ..] = lines[..] else { panic!("{file}: {text}") };
    Some((answer.to_owned(), status.strip_prefix("HTTP ")?.trim().parse().ok()?))
}

/// What is different: the keys of `expected` must come first, and in its order, with values of the same kind and text.
fn difference(at: &str, expected: &Value, found: &Value) -> Option<String> {
    let differs = || Some(format!("{at}: {found} instead of {expected}"));
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let keys: Vec<&String> = found.keys().take(expected.len()).collect();
            if !expected.keys().eq(keys.iter().copied()) {
                return Some(format!("{at}: the keys {keys:?}"));
            }
            expected.iter().find_map(|(key, value)| difference(&format!("{at}.{key}"), value, &found[key]))
        }
        (Value::Array(expected), Value::Array(found)) => {
            let lengths = (expected.len() != found.len()).then(|| format!("{at}: {} entries", found.len()));
            let mut pairs = expected.iter().zip(found).enumerate();
            lengths.or_else(|| {
                pairs.find_map(|(index, (one, other))| difference(&format!("{at}[{index}]"), one, other))
            })
        }
        (Value::String(expected), Value::String(found)) => {
            let is_same = match expected.strip_suffix('…') {
                Some(begin) => found.starts_with(begin),
                None => expected == found || is_time(expected) && is_time(found),
            };
            if is_same { None } else { differs() }
        }
        // Nothing was measured then.
        (Value::Null, _) => None,
        (expected, found) => {
            if expected == found {
                None
            } else {
                differs()
            }
        }
    }
}

/// As Python writes it: 2026-11-20T15:05:53.539849, or without the fraction.
fn is_time(text: &str) -> bool {
    let digits: String = text.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    ["0000-00-00T00:00:00", "0000-00-00T00:00:00.000000"].contains(&digits.as_str())
}

impl Exchange {
    /// Asks the same, and compares.
    #[track_caller]
    fn repeat(&self, server: &Server) {
        let recorded: Value = serde_json::from_str(self.recorded).unwrap();
        let answer = ask(server, self.file);
        let (status, expected) = match self.ours {
            Some((status, text)) => (status, serde_json::from_str(text).unwrap()),
            None => (self.status, recorded.clone()),
        };
        let file = self.file;
        assert_eq!(answer.status, status, "{file}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/json", "{file}");
        assert_eq!(difference("", &expected, &answer.json()), None, "{file}: {}", answer.body);
        if let Some((body, status)) = recording(file) {
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(status, self.status, "{file}: this is not what was recorded");
            assert_eq!(difference("", &recorded, &body), None, "{file}: this is not what was recorded");
        }
    }
}

/// The request that was recorded under this name.
fn ask(server: &Server, file: &str) -> Answer {
    let asker = match file.split('-').next().unwrap() {
        "01" => server.anonymous(),
        "02" => server.anonymous().header("X-API-Key", "nope"),
        _ => server.key("deploy"),
    };
    let (path, body) = request(file);
    match body {
        // As it was recorded: without a body, and without a type of one.
        None if path == "/stop" => asker.send("POST", path, None),
        None => asker.get(path),
        Some(body) => asker.post(path, &body),
    }
}

/// The path, and the body of a POST that has one.
fn request(file: &str) -> (&'static str, Option<Value>) {
    let (number, name) = file.split_once('-').unwrap();
    let maintenance = |action: &str| ("/deployment/maintenance", Some(json!({ "action": action })));
    match number {
        "03" | "21" | "23" => ("/deployment/services/status", None),
        "01" | "02" | "04" | "17" | "22" => ("/deployment/jobs", None),
        "05" | "06" | "07" | "08" | "09" => maintenance("clean_logs"),
        "10" => maintenance("clean_finished_jobs"),
        "11" | "24" => maintenance("clean_queue"),
        "12" => maintenance("nope"),
        "13" => ("/deployment/maintenance", Some(json!({}))),
        "14" => ("/deployment/deploy", Some(json!({ "action": name.split_once('-').unwrap().1 }))),
        "15" => ("/deployment/deploy", Some(json!({ "action": "restart", "service": "worker" }))),
        "16" => maintenance("vacuum_db"),
        _ => ("/stop", None),
    }
}

/// Without a worker. An uptime is a length of time, and what does not answer is an `error`.
const LOOKS: &[Exchange] = &[
    same("01-nokey", 403, r#"{"detail":"Missing API Key"}"#),
    same("02-badkey", 403, r#"{"detail":"Invalid API Key"}"#),
    other(
        "03-services",
        (
            200,
            r#"{"services":[{"name":"Redis Bot","status":"running","uptime":"N/A","memory_usage":null,"cpu_usage":null},{"name":"Bot Worker","status":"stopped","uptime":"Aucun worker actif","memory_usage":null,"cpu_usage":null},{"name":"API","status":"running","uptime":"Active","memory_usage":null,"cpu_usage":null},{"name":"Dashboard","status":"unknown","uptime":null,"memory_usage":null,"cpu_usage":null}],"timestamp":"2026-11-20T15:05:53.539849"}"#,
        ),
        (
            200,
            r#"{"services":[{"name":"Redis Bot","status":"running","uptime":null,"memory_usage":null,"cpu_usage":null},{"name":"Bot Worker","status":"stopped","uptime":"Aucun worker actif","memory_usage":null,"cpu_usage":null},{"name":"API","status":"running","uptime":null,"memory_usage":null,"cpu_usage":null},{"name":"Dashboard","status":"error","uptime":null,"memory_usage":null,"cpu_usage":null}],"timestamp":"2026-11-20T15:05:53.539849"}"#,
        ),
    ),
    same(
        "04-jobs",
        200,
        r#"{"queued":[{"job_id":"wait-0","status":"queued","created_at":"2026-11-20T15:05:23.584923","started_at":null,"ended_at":null,"result":null,"exc_info":null,"meta":{"n":0}},{"job_id":"wait-1","status":"queued","created_at":"2026-11-20T15:05:23.585475","started_at":null,"ended_at":null,"result":null,"exc_info":null,"meta":{"n":1}},{"job_id":"wait-2","status":"queued","created_at":"2026-11-20T15:05:23.585658","started_at":null,"ended_at":null,"result":null,"exc_info":null,"meta":{"n":2}},{"job_id":"wait-3","status":"queued","created_at":"2026-11-20T15:05:23.585785","started_at":null,"ended_at":null,"result":null,"exc_info":null,"meta":{"n":3}}],"started":[{"job_id":"run-0","status":"started","created_at":"2026-11-20T15:05:23.585913","started_at":"2026-11-20T10:00:00","ended_at":null,"result":null,"exc_info":null,"meta":{}}],"finished":[{"job_id":"ok-02","status":"finished","created_at":"2026-11-20T15:05:23.381072","started_at":"2026-11-20T15:05:23.388432","ended_at":"2026-11-20T15:05:23.388497","result":"{'success': True, 'messages_sent': 3, 'dry_run': True}","exc_info":null,"meta":{"type":"birthday"}},{"job_id":"ok-03","status":"finished","created_at":"2026-11-20T15:05:23.381245","started_at":"2026-11-20T15:05:23.389520","ended_at":"2026-11-20T15:05:23.389584","result":"{'success': True, 'messages_sent': 3, 'dry_run': True}","exc_info":null,"meta":{"type":"birthday"}},{"job_id":"ok-04","status":"finished","created_at":"2026-11-20T15:05:23.381391","started_at":"2026-11-20T15:05:23.390614","ended_at":"2026-11-20T15:05:23.390676","result":"{'success': True, 'messages_sent': 3, 'dry_run': True}","exc_info":null,"meta":{"type":"birthday"}},{"job_id":"ok-05","status":"finished","created_at":"2026-11-20T15:05:23.381531","started_at":"2026-11-20T15:05:23.391764","ended_at":"2026-11-20T15:05:23.391826","result":"{'success': True, 'messages_sent': 3, 'dry_run': True}","exc_info":null,"meta":{"type":"birthday"}},{"job_id":"ok-06","status":"finished","created_at":"2026-11-20T15:05:23.381673","started_at":"2026-11-20T15:05:23.392794","ended_at":"2026-11-20T15:05:23.392850","result":"{'success': True, 'messages_sent': 3, 'dry_run': True}","exc_info":null,"meta":{"type":"birthday"}},{"job_id":"ok-07","status":"finished","created_at":"2026-11-20T15:05:23.381817","started_at":"2026-11-20T15:05:23.393818","ended_at":"2026-11-20T15:05:23.393880","result":"{'success': True, 'messages_sent': 3, 'dry_run': True}","exc_info":null,"meta":{"type":"birthday"}},{"job_id":"ok-08","status":"finished","created_at":"2026-11-20T15:05:23.381964","started_at":"2026-11-20T15:05:23.394821","ended_at":"2026-11-20T15:05:23.394876","result":"{'success': True, 'messages_sent': 3, 'dry_run': True}","exc_info":null,"meta":{"type":"birthday"}},{"job_id":"ok-09","status":"finished","created_at":"2026-11-20T15:05:23.382097","started_at":"2026-11-20T15:05:23.395928","ended_at":"2026-11-20T15:05:23.395986","result":"{'success': True, 'messages_sent': 3, 'dry_run': True}","exc_info":null,"meta":{"type":"birthday"}},{"job_id":"ok-10","status":"finished","created_at":"2026-11-20T15:05:23.382220","started_at":"2026-11-20T15:05:23.396922","ended_at":"2026-11-20T15:05:23.396977","result":"{'success': True, 'messages_sent': 3, 'dry_run': True}","exc_info":null,"meta":{"type":"birthday"}},{"job_id":"ok-11","status":"finished","created_at":"2026-11-20T15:05:23.382338","started_at":"2026-11-20T15:05:23.397902","ended_at":"2026-11-20T15:05:23.397954","result":"{'success': True, 'messages_sent': 3, 'dry_run': True}","exc_info":null,"meta":{"type":"birthday"}}],"failed":[{"job_id":"ko-00","status":"failed","created_at":"2026-11-20T15:05:23.382477","started_at":"2026-11-20T15:05:23.398967","ended_at":"2026-11-20T15:05:23.399024","result":null,"exc_info":"Traceback (most recent call last):\n…","meta":{}},{"job_id":"ko-01","status":"failed","created_at":"2026-11-20T15:05:23.382609","started_at":"2026-11-20T15:05:23.401177","ended_at":"2026-11-20T15:05:23.401238","result":null,"exc_info":"Traceback (most recent call last):\n…","meta":{}},{"job_id":"ko-02","status":"failed","created_at":"2026-11-20T15:05:23.382731","started_at":"2026-11-20T15:05:23.402589","ended_at":"2026-11-20T15:05:23.402646","result":null,"exc_info":"Traceback (most recent call last):\n…","meta":{}}],"total":18}"#,
    ),
];

/// A log of 5,000 lines, which then has 1,000.
const LOGS: &[Exchange] = &[
    same(
        "05-clean_logs-5000",
        200,
        r#"{"action":"clean_logs","status":"success","message":"Logs nettoyés (5000 -> 1000 lignes)","details":{"size_before_mb":0.1,"size_after_mb":0.02,"lines_removed":4000}}"#,
    ),
    same(
        "06-clean_logs-1000",
        200,
        r#"{"action":"clean_logs","status":"success","message":"Logs nettoyés (1000 -> 1000 lignes)","details":{"size_before_mb":0.02,"size_after_mb":0.02,"lines_removed":0}}"#,
    ),
];

/// A short log stays as it is.
const SHORT_LOG: &[Exchange] = &[other(
    "07-clean_logs-10",
    (
        200,
        r#"{"action":"clean_logs","status":"success","message":"Logs nettoyés (10 -> 1000 lignes)","details":{"size_before_mb":0.0,"size_after_mb":0.0,"lines_removed":0}}"#,
    ),
    (
        200,
        r#"{"action":"clean_logs","status":"success","message":"Logs nettoyés (10 -> 10 lignes)","details":{"size_before_mb":0.0,"size_after_mb":0.0,"lines_removed":0}}"#,
    ),
)];

/// No log.
const NO_LOG: &[Exchange] = &[same(
    "08-clean_logs-absent",
    200,
    r#"{"action":"clean_logs","status":"error","message":"Fichier de logs introuvable","details":null}"#,
)];

/// Lines are lines in any encoding.
const ODD_LOG: &[Exchange] = &[other(
    "09-clean_logs-badutf8",
    (
        200,
        r#"{"action":"clean_logs","status":"error","message":"Erreur lors de la maintenance: 'utf-8' codec can't decode byte 0xff in position 4: invalid start byte","details":null}"#,
    ),
    (
        200,
        r#"{"action":"clean_logs","status":"success","message":"Logs nettoyés (2 -> 2 lignes)","details":{"size_before_mb":0.0,"size_after_mb":0.0,"lines_removed":0}}"#,
    ),
)];

/// What the buttons do. The original could neither vacuum nor deploy; here there is nothing to deploy.
const ACTIONS: &[Exchange] = &[
    same(
        "10-clean_finished",
        200,
        r#"{"action":"clean_finished_jobs","status":"success","message":"15 jobs nettoyés (terminés: 12, échoués: 3)","details":{"finished_removed":12,"failed_removed":3,"total_removed":15}}"#,
    ),
    same(
        "11-clean_queue",
        200,
        r#"{"action":"clean_queue","status":"success","message":"Queue vidée (5 jobs supprimés)","details":{"jobs_removed":5}}"#,
    ),
    same("12-unknown", 400, r#"{"detail":"Action inconnue: nope"}"#),
    same(
        "13-empty-body",
        422,
        r#"{"detail":[{"type":"missing","loc":["body","action"],"msg":"Field required","input":{}}]}"#,
    ),
    other(
        "14-deploy-pull",
        (
            200,
            r#"{"action":"pull","status":"error","message":"Erreur lors du déploiement: [Errno 2] No such file or directory: '/app'","output":null}"#,
        ),
        (200, r#"{"action":"pull","status":"error","message":"Erreur lors du déploiement: …"}"#),
    ),
    other(
        "14-deploy-rebuild",
        (
            200,
            r#"{"action":"rebuild","status":"error","message":"Rebuild doit être exécuté depuis l'hôte Docker. Utilisez: docker compose build","output":null}"#,
        ),
        (
            200,
            r#"{"action":"rebuild","status":"error","message":"Erreur lors du déploiement: there is no Compose file in …"}"#,
        ),
    ),
    other(
        "14-deploy-restart",
        (
            200,
            r#"{"action":"restart","status":"error","message":"Restart de tous les services doit être exécuté depuis l'hôte Docker. Utilisez: docker compose restart ","output":null}"#,
        ),
        (
            200,
            r#"{"action":"restart","status":"error","message":"Erreur lors du déploiement: there is no Compose file in …"}"#,
        ),
    ),
    other(
        "14-deploy-full_deploy",
        (
            200,
            r#"{"action":"full_deploy","status":"error","message":"Déploiement complet doit être exécuté depuis l'hôte Docker. Utilisez le script de déploiement.","output":null}"#,
        ),
        (
            200,
            r#"{"action":"full_deploy","status":"error","message":"Erreur lors du déploiement: there is no Compose file in …"}"#,
        ),
    ),
    other(
        "14-deploy-nope",
        (
            200,
            r#"{"action":"nope","status":"error","message":"Erreur lors du déploiement: 400: Action inconnue: nope","output":null}"#,
        ),
        (400, r#"{"detail":"Action inconnue: nope"}"#),
    ),
    other(
        "15-deploy-restart-worker",
        (
            200,
            r#"{"action":"restart","status":"error","message":"Restart de worker doit être exécuté depuis l'hôte Docker. Utilisez: docker compose restart worker","output":null}"#,
        ),
        (
            200,
            r#"{"action":"restart","status":"error","message":"Erreur lors du déploiement: there is no Compose file in …"}"#,
        ),
    ),
    other(
        "16-vacuum",
        (
            200,
            r#"{"action":"vacuum_db","status":"error","message":"Erreur lors de la maintenance: 'Database' object has no attribute 'conn'","details":null}"#,
        ),
        (
            200,
            r#"{"action":"vacuum_db","status":"success","message":"Base de données optimisée (VACUUM exécuté)","details":{"success":true}}"#,
        ),
    ),
    same(
        "17-jobs-after",
        200,
        r#"{"queued":[],"started":[{"job_id":"run-0","status":"started","created_at":"2026-11-20T15:05:23.585913","started_at":"2026-11-20T10:00:00","ended_at":null,"result":null,"exc_info":null,"meta":{}}],"finished":[],"failed":[],"total":1}"#,
    ),
];

/// Once more four that wait.
const STOP: &[Exchange] = &[same(
    "20-stop",
    200,
    r#"{"status":"success","message":"Arrêt d'urgence effectué avec succès (5 jobs arrêtés)","cancelled_jobs":1,"emptied_queue":4,"total_stopped":5}"#,
)];

/// With a worker.
const WORKER: &[Exchange] = &[other(
    "21-services-worker",
    (
        200,
        r#"{"services":[{"name":"Redis Bot","status":"running","uptime":"N/A","memory_usage":null,"cpu_usage":null},{"name":"Bot Worker","status":"running","uptime":"1 worker(s) actif(s)","memory_usage":null,"cpu_usage":null},{"name":"API","status":"running","uptime":"Active","memory_usage":null,"cpu_usage":null},{"name":"Dashboard","status":"unknown","uptime":null,"memory_usage":null,"cpu_usage":null}],"timestamp":"2026-11-20T15:06:26.181121"}"#,
    ),
    (
        200,
        r#"{"services":[{"name":"Redis Bot","status":"running","uptime":null,"memory_usage":null,"cpu_usage":null},{"name":"Bot Worker","status":"running","uptime":"1 worker(s) actif(s)","memory_usage":null,"cpu_usage":null},{"name":"API","status":"running","uptime":null,"memory_usage":null,"cpu_usage":null},{"name":"Dashboard","status":"error","uptime":null,"memory_usage":null,"cpu_usage":null}],"timestamp":"2026-11-20T15:06:26.181121"}"#,
    ),
)];

/// Without Redis: the same reasons, in our words, and 503 where it was 500.
const REDIS_DOWN: &[Exchange] = &[
    other(
        "22-jobs-redis-down",
        (
            500,
            r#"{"detail":"Failed to retrieve jobs: Error 111 connecting to 127.0.0.1:18379. Connection refused."}"#,
        ),
        (503, r#"{"detail":"Failed to retrieve jobs: Redis does not answer at …"}"#),
    ),
    other(
        "23-services-redis-down",
        (
            200,
            r#"{"services":[{"name":"Redis Bot","status":"error","uptime":null,"memory_usage":null,"cpu_usage":null},{"name":"Bot Worker","status":"error","uptime":null,"memory_usage":null,"cpu_usage":null},{"name":"API","status":"running","uptime":"Active","memory_usage":null,"cpu_usage":null},{"name":"Dashboard","status":"unknown","uptime":null,"memory_usage":null,"cpu_usage":null}],"timestamp":"2026-11-20T15:06:30.684969"}"#,
        ),
        (
            200,
            r#"{"services":[{"name":"Redis Bot","status":"error","uptime":null,"memory_usage":null,"cpu_usage":null},{"name":"Bot Worker","status":"error","uptime":null,"memory_usage":null,"cpu_usage":null},{"name":"API","status":"running","uptime":null,"memory_usage":null,"cpu_usage":null},{"name":"Dashboard","status":"error","uptime":null,"memory_usage":null,"cpu_usage":null}],"timestamp":"2026-11-20T15:06:30.684969"}"#,
        ),
    ),
    other(
        "24-clean_queue-redis-down",
        (
            200,
            r#"{"action":"clean_queue","status":"error","message":"Erreur lors de la maintenance: Error 111 connecting to 127.0.0.1:18379. Connection refused.","details":null}"#,
        ),
        (
            200,
            r#"{"action":"clean_queue","status":"error","message":"Erreur lors de la maintenance: Redis does not answer at …","details":null}"#,
        ),
    ),
    other(
        "25-stop-redis-down",
        (
            500,
            r#"{"detail":"Erreur lors de l'arrêt d'urgence: Error 111 connecting to 127.0.0.1:18379. Connection refused."}"#,
        ),
        (503, r#"{"detail":"Erreur lors de l'arrêt d'urgence: Redis does not answer at …"}"#),
    ),
];

#[track_caller]
fn repeat(server: &Server, exchanges: &[Exchange]) {
    for exchange in exchanges {
        exchange.repeat(server);
    }
}

#[test]
fn each_recorded_exchange_is_answered_as_it_was_but_for_its_defects() {
    let Some(mut scene) = Scene::new() else { return };
    if recording("04-jobs").is_none() {
        leave_out("a comparison with the recorded files", "../shared/data/linkedin is not here");
    }
    let server = scene.server();
    repeat(&server, LOOKS);
    scene.log(5_000);
    repeat(&server, LOGS);
    scene.log(10);
    repeat(&server, SHORT_LOG);
    fs::remove_file(scene.farm.site.path(LOG)).unwrap();
    repeat(&server, NO_LOG);
    fs::write(scene.farm.site.path(LOG), b"ok \xff\xfe bad\n1\n").unwrap();
    repeat(&server, ODD_LOG);
    repeat(&server, ACTIONS);
    scene.wait_in_queue();
    repeat(&server, STOP);
    let worker = scene.farm.worker("one");
    wait_until("the server sees the worker", || {
        server.get("/deployment/services/status").body.contains("1 worker(s)")
    });
    repeat(&server, WORKER);
    drop(worker);
    scene.farm.redis.stop();
    wait_until("the server misses Redis", || server.get("/deployment/jobs").status == 503);
    let services = "/deployment/services/status";
    wait_until("it is told", || server.get(services).json()["services"][0]["status"] == "error");
    repeat(&server, REDIS_DOWN);
}
