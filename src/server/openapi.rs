//! The description of the API for programs, made from the types that are sent and the options of the command line.

use super::offers::{self, Offer};
use super::{Shared, about};
use crate::config::serve::Role;
use crate::engine::history::Run;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

pub(super) fn routes() -> Router<Shared> {
    // It is the same as long as the program runs.
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().to_string().into());
    let kind = [(CONTENT_TYPE, "application/json")];
    Router::new().route("/api/v1/openapi.json", get(move || async move { (kind, DOCUMENT.clone()) }))
}

/// Why something was not done, in one line.
#[derive(Serialize, JsonSchema)]
struct Detail {
    detail: String,
}

/// A run that has begun.
#[derive(Serialize, JsonSchema)]
struct Begun {
    /// Its id, for /api/v1/runs/RUN.
    run: String,
    job: String,
}

/// What a job would do, or has done.
#[derive(Serialize, JsonSchema)]
struct Report {
    job: String,
    /// None for a plan.
    run: Option<String>,
    status: String,
    exit_code: u8,
    summary: String,
    counts: Map<String, Value>,
    /// Each has its `text`, its `outcome`, and what belongs to its kind.
    steps: Vec<Map<String, Value>>,
    /// Steps beyond those that are shown.
    steps_left_out: u64,
    notes: Vec<String>,
    failures: Vec<String>,
}

/// A session of the page.
#[derive(Serialize, JsonSchema)]
struct Login {
    key: String,
}

/// What can be asked of one path, in the making.
pub(super) struct Operation(pub(super) Value);

impl Operation {
    pub(super) fn new(summary: &str, role: Option<Role>) -> Operation {
        let mut responses = json!({ "default": { "$ref": "#/components/responses/Refusal" } });
        let security =
            role.map_or_else(|| json!([]), |_| json!([{ "key": [] }, { "bearer": [] }, { "session": [] }]));
        if role.is_some() {
            for status in ["400", "401", "403", "429", "503"] {
                responses[status] = json!({ "$ref": "#/components/responses/Refusal" });
            }
        }
        let summary = role.map_or_else(
            || summary.to_owned(),
            |role| format!("{summary} [{}]", json!(role).as_str().unwrap_or_default()),
        );
        Operation(json!({ "summary": summary, "security": security, "responses": responses }))
    }

    fn parameters(mut self, parameters: impl Into<Value>) -> Operation {
        self.0["parameters"] = parameters.into();
        self
    }

    pub(super) fn body(mut self, schema: impl Into<Value>, is_required: bool) -> Operation {
        self.0["requestBody"] = json!({ "required": is_required, "content": { "application/json": { "schema": schema.into() } } });
        self
    }

    fn answers(mut self, status: &str, about: &str, kind: &str, schema: impl Into<Value>) -> Operation {
        self.0["responses"][status] =
            json!({ "description": about, "content": { kind: { "schema": schema.into() } } });
        self
    }

    pub(super) fn json(self, status: &str, about: &str, schema: impl Into<Value>) -> Operation {
        self.answers(status, about, "application/json", schema)
    }

    fn nothing(mut self, about: &str) -> Operation {
        self.0["responses"]["204"] = json!({ "description": about });
        self
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn list_of(schema: impl Into<Value>) -> Value {
    json!({ "type": "array", "items": schema.into() })
}

fn in_path(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
}

/// The whole document.
fn document() -> Value {
    let mut paths = Map::new();
    add_site(&mut paths);
    add_jobs(&mut paths);
    add_runs(&mut paths);
    offers::jobs().for_each(|offer| add_job(&mut paths, &offer));
    offers::queries().for_each(|offer| add_query(&mut paths, &offer));
    super::bot::describe(&mut paths);
    let refusal = json!({
        "description": "No, and why",
        "content": { "application/json": { "schema": reference("Detail") } },
    });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "maint",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Looks are queries of the command line; plans and runs are its jobs, with its locks, its history and its logs.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "responses": { "Refusal": refusal },
            "securitySchemes": {
                "key": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
                "bearer": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": "maint_session" },
            },
        },
    })
}

fn schemas() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator: SchemaGenerator = settings.into_generator();
    generator.subschema_for::<Detail>();
    generator.subschema_for::<Begun>();
    generator.subschema_for::<Report>();
    generator.subschema_for::<Login>();
    generator.subschema_for::<Run>();
    generator.subschema_for::<about::About>();
    Value::Object(generator.take_definitions(true))
}

fn add_site(paths: &mut Map<String, Value>) {
    let site = Operation::new("The site, and who asks", Some(Role::Read));
    let metrics = Operation::new("How the jobs fared, for Prometheus", Some(Role::Read));
    let login = Operation::new("Begins a session of the page", None).body(reference("Login"), true);
    let logout = Operation::new("Ends the session", None);
    let document = Operation::new("This document", None);
    paths.insert("/api/v1/site".into(), json!({ "get": site.json("200", "The site", reference("About")).0 }));
    let text = json!({ "type": "string" });
    paths.insert(
        "/metrics".into(),
        json!({ "get": metrics.answers("200", "The page", "text/plain", text).0 }),
    );
    let session = json!({
        "post": login.nothing("It has begun: the cookie says so").0,
        "delete": logout.nothing("It has ended").0,
    });
    paths.insert("/api/v1/session".into(), session);
    let any = json!({ "type": "object" });
    paths.insert(
        "/api/v1/openapi.json".into(),
        json!({ "get": document.json("200", "This document", any).0 }),
    );
}

fn add_jobs(paths: &mut Map<String, Value>) {
    let any = || list_of(json!({ "type": "object" }));
    let list = Operation::new("The jobs of maint.toml, and how they fare", Some(Role::Read));
    paths.insert("/api/v1/jobs".into(), json!({ "get": list.json("200", "Each job", any()).0 }));
    let list = Operation::new("The jobs of the command line, and their options", Some(Role::Read));
    paths.insert("/api/v1/commands".into(), json!({ "get": list.json("200", "Each command", any()).0 }));
    let plan = Operation::new("What a job of maint.toml would do", Some(Role::Operate));
    let run = Operation::new("Runs a job of maint.toml", Some(Role::Operate));
    add_plan_and_run(paths, "/api/v1/jobs/{job}", plan, run, &[in_path("job")]);
}

fn add_job(paths: &mut Map<String, Value>, offer: &Offer) {
    let plan = Operation::new(&format!("{}: what it would do", offer.about()), Some(offer.role));
    let run = Operation::new(&offer.about(), Some(offer.role));
    let (plan, run) = (plan.body(offer.schema(), false), run.body(offer.schema(), false));
    add_plan_and_run(paths, &format!("/api/v1/commands/{}", offer.name()), plan, run, &[]);
}

fn add_plan_and_run(
    paths: &mut Map<String, Value>,
    path: &str,
    plan: Operation,
    run: Operation,
    parameters: &[Value],
) {
    let plan = plan.json("200", "The report of a dry run", reference("Report")).parameters(parameters);
    let run = run
        .json("202", "It has begun", reference("Begun"))
        .json("200", "It was over before a run began: it only looked", reference("Report"))
        .parameters(parameters);
    paths.insert(format!("{path}/plan"), json!({ "post": plan.0 }));
    paths.insert(format!("{path}/runs"), json!({ "post": run.0 }));
}

fn add_query(paths: &mut Map<String, Value>, offer: &Offer) {
    let query = Operation::new(&offer.about(), Some(Role::Read)).parameters(offer.parameters());
    let answer = query.json("200", "The same JSON as on the command line", json!({}));
    paths.insert(format!("/api/v1/queries/{}", offer.name()), json!({ "get": answer.0 }));
}

fn add_runs(paths: &mut Map<String, Value>) {
    let read = |summary: &str| Operation::new(summary, Some(Role::Read));
    let run = || [in_path("run")];
    let which = json!([
        { "name": "job", "in": "query", "schema": { "type": "string" } },
        { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 0 } },
    ]);
    let list = read("Past runs, newest first").parameters(which);
    paths.insert(
        "/api/v1/runs".into(),
        json!({ "get": list.json("200", "The runs", list_of(reference("Run"))).0 }),
    );
    let show = read("A run, and what the history keeps of its report").parameters(run());
    paths.insert(
        "/api/v1/runs/{run}".into(),
        json!({ "get": show.json("200", "The run", reference("Run")).0 }),
    );
    let text = || json!({ "type": "string" });
    let log = read("The log of a run").parameters(run()).answers("200", "Its lines", "text/plain", text());
    paths.insert("/api/v1/runs/{run}/log".into(), json!({ "get": log.0 }));
    let events = read("The log of a run as it grows, and its end").parameters(run());
    let events = events.answers("200", "`line`, then `end`", "text/event-stream", text());
    paths.insert("/api/v1/runs/{run}/events".into(), json!({ "get": events.0 }));
    let cancel = Operation::new("Ends a run", Some(Role::Operate)).parameters(run());
    let cancel = cancel.json("202", "It is asked to end", reference("Begun"));
    paths.insert("/api/v1/runs/{run}/cancel".into(), json!({ "post": cancel.0 }));
}
