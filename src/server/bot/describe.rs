//! The routes of the bot's own API in the description of the API.

use super::deploy::Deployed;
use super::health::Health;
use super::maintenance::Maintained;
use super::stop::Stopped;
use crate::config::serve::Role;
use crate::server::openapi::Operation;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

pub(in crate::server) fn describe(paths: &mut Map<String, Value>) {
    let mut add = |path: &str, method: &str, operation: Operation| {
        paths.insert(path.to_owned(), json!({ method: operation.0 }));
    };
    let read = |summary: &str| Operation::new(summary, Some(Role::Read));
    add("/health", "get", {
        let health = Operation::new("Whether the server is well; always answered at once", None);
        health.json("200", "How it is", schema_of::<Health>())
    });
    add("/deployment/services/status", "get", {
        let status = read("How the services are");
        status.json(
            "200",
            "Each service; also while one is away",
            lists(&["services"], "timestamp", "string"),
        )
    });
    add("/deployment/jobs", "get", {
        let lists = lists(&["queued", "started", "finished", "failed"], "total", "integer");
        read("The jobs of the queue, at most ten of each state").json("200", "The jobs", lists)
    });
    add("/deployment/maintenance", "post", {
        let actions = ["clean_logs", "clean_queue", "clean_finished_jobs", "vacuum_db"];
        let press = Operation::new("A button of the bot's dashboard", Some(Role::Operate));
        told(press.body(body(&actions, &json!({})), true), &schema_of::<Maintained>())
    });
    add("/deployment/deploy", "post", {
        let actions = ["pull", "rebuild", "restart", "full_deploy"];
        let service = json!({ "type": ["string", "null"], "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$" });
        let deploy = Operation::new("New code, new images, new containers", Some(Role::Deploy));
        told(deploy.body(body(&actions, &json!({ "service": service })), true), &schema_of::<Deployed>())
    });
    add("/stop", "post", {
        let stop = Operation::new("The emergency stop of the queue", Some(Role::Operate));
        let stop = stop.json(
            "202",
            "It goes on",
            json!({ "type": "object", "required": ["status", "message", "run"] }),
        );
        stop.json("200", "What was stopped", schema_of::<Stopped>())
    });
}

fn schema_of<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.meta_schema = None;
    settings.into_generator().into_root_schema_for::<T>().into()
}

/// An object of lists, and one thing more.
fn lists(names: &[&str], last: &str, kind: &str) -> Value {
    let entries =
        |name: &&str| ((*name).to_owned(), json!({ "type": "array", "items": { "type": "object" } }));
    let mut properties: Map<String, Value> = names.iter().map(entries).collect();
    properties.insert(last.to_owned(), json!({ "type": kind }));
    let required: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

/// A body with one of these actions, and these further properties.
fn body(actions: &[&str], further: &Value) -> Value {
    let mut properties = further.clone();
    properties["action"] = json!({ "type": "string", "enum": actions });
    json!({ "type": "object", "required": ["action"], "properties": properties, "additionalProperties": false })
}

/// What an action answers: at its end, when it takes long, and when its body is wrong.
fn told(operation: Operation, schema: &Value) -> Operation {
    let fault = json!({ "type": "object", "required": ["type", "loc", "msg"] });
    let faults = json!({ "type": "array", "items": fault });
    let faults = json!({ "type": "object", "required": ["detail"], "properties": { "detail": faults } });
    operation
        .json("200", "What became of it; also `error`", schema.clone())
        .json("202", "It goes on, as the run that is named", schema.clone())
        .json("422", "The body is wrong", faults)
}
