//! `POST /deployment/deploy`: new code, new images, new containers.

use super::body::{Faults, Fields};
use super::maintenance::unknown;
use super::wait::{self, Waited, entries, is_done, why};
use crate::config::serve::Role;
use crate::server::Shared;
use crate::server::answer::Refusal;
use crate::server::gate::Caller;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Characters of what a deploy says.
const LONGEST_OUTPUT: usize = 16_000;
/// Docker's own limit for a name.
const LONGEST_SERVICE: usize = 63;

/// What became of a deploy.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Deployed {
    action: String,
    /// `success`, `error`, or `running` with the status 202.
    status: &'static str,
    message: String,
    output: Option<String>,
    /// Where it can be looked up while it goes on: /api/v1/runs/ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

/// What is asked for.
#[derive(Debug)]
struct Wish {
    action: String,
    service: Option<String>,
}

pub(super) async fn deploy(
    State(server): State<Shared>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, Refusal> {
    caller.may(Role::Deploy)?;
    let wish = match Wish::read(&body) {
        Ok(wish) => wish,
        Err(faults) => return Ok(faults.into_response()),
    };
    let options = wish.options()?;
    let told = match wait::run(&server, &caller, "deploy", &options).await {
        Ok(Waited::Ended(report)) => wish.told(&report),
        Ok(Waited::Running(run)) => {
            let message = format!("Déploiement en cours (run {run})");
            let told = Deployed { run: Some(run), ..wish.says("running", message, None) };
            return Ok((StatusCode::ACCEPTED, Json(told)).into_response());
        }
        Err(refusal) if refusal.status == StatusCode::CONFLICT => return Err(refusal),
        Err(refusal) => wish.error(&refusal.detail, None),
    };
    Ok(Json(told).into_response())
}

impl Wish {
    fn read(body: &[u8]) -> Result<Wish, Faults> {
        let mut fields = Fields::read(body, &["action", "service"])?;
        let wish = Wish { action: fields.text("action"), service: fields.text_if_any("service") };
        fields.end().map(|()| wish)
    }

    /// The same on the command line. The name of a service is part of one word, and can be nothing else.
    fn options(&self) -> Result<Vec<String>, Refusal> {
        let what = match self.action.as_str() {
            "pull" => "pull",
            "rebuild" => "rebuild",
            "restart" => "restart",
            "full_deploy" => "full",
            other => return Err(unknown(other)),
        };
        let service = self.service.as_deref().map(|service| {
            if is_name(service) { Ok(format!("--service={service}")) } else { Err(no_service(service)) }
        });
        Ok(std::iter::once(what.to_owned()).chain(service.transpose()?).collect())
    }

    fn told(&self, report: &Value) -> Deployed {
        let output = Some(output(report)).filter(|output| !output.is_empty());
        if is_done(report) {
            return self.says("success", self.message(), output);
        }
        match self.action.as_str() {
            _ if report["status"] == "timed-out" => {
                let message = "Timeout lors de l'exécution de la commande".to_owned();
                self.says("error", message, output)
            }
            "pull" => self.says("error", "Erreur lors du git pull".to_owned(), output),
            _ => self.error(&why(report), output),
        }
    }

    fn message(&self) -> String {
        match (self.action.as_str(), &self.service) {
            ("pull", _) => "Code mis à jour depuis Git".to_owned(),
            ("rebuild", None) => "Images reconstruites et services redémarrés".to_owned(),
            ("rebuild", Some(service)) => format!("Image de {service} reconstruite et service redémarré"),
            ("restart", None) => "Services redémarrés".to_owned(),
            ("restart", Some(service)) => format!("Service {service} redémarré"),
            _ => "Déploiement complet effectué".to_owned(),
        }
    }

    fn error(&self, why: &str, output: Option<String>) -> Deployed {
        self.says("error", format!("Erreur lors du déploiement: {why}"), output)
    }

    fn says(&self, status: &'static str, message: String, output: Option<String>) -> Deployed {
        let hide = |text: String| crate::logging::redacted(&text).into_owned();
        let (message, output) = (hide(message), output.map(hide));
        Deployed { action: self.action.clone(), status, message, output, run: None }
    }
}

/// A name that Compose allows, and that no program takes for an option or a path.
fn is_name(service: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    service.len() <= LONGEST_SERVICE
        && service.bytes().all(is_plain)
        && service.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
}

fn no_service(service: &str) -> Refusal {
    let shown = crate::text::cut(&crate::text::escape(service), LONGEST_SERVICE);
    Refusal::new(StatusCode::BAD_REQUEST, format!("Service inconnu: {shown}"))
}

/// What a terminal would show.
fn output(report: &Value) -> String {
    let steps = entries(report, "steps").filter_map(|step| step["text"].as_str()).map(str::to_owned);
    let lines = |key: &'static str, word: &'static str| {
        entries(report, key).filter_map(Value::as_str).map(move |line| format!("{word}: {line}"))
    };
    let all: Vec<String> = steps.chain(lines("notes", "note")).chain(lines("failures", "failed")).collect();
    crate::text::cut(&all.join("\n"), LONGEST_OUTPUT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn options(action: &str, service: Option<&str>) -> Result<Vec<String>, String> {
        let wish = Wish { action: action.to_owned(), service: service.map(str::to_owned) };
        wish.options().map_err(|refusal| refusal.detail)
    }

    #[test]
    fn the_name_of_a_service_is_never_an_option_or_a_path() {
        assert_eq!(options("restart", Some("bot-worker")).unwrap(), ["restart", "--service=bot-worker"]);
        assert_eq!(options("full_deploy", None).unwrap(), ["full"]);
        let odd =
            ["", "; rm -rf /", "--help", "-x", "../x", ".", "a/b", "a b", "a,b", "é", "a\nb", "$(id)", "a\0"];
        for service in odd {
            assert!(
                options("restart", Some(service)).unwrap_err().starts_with("Service inconnu: "),
                "{service}"
            );
        }
        assert!(options("restart", Some(&"x".repeat(10_000))).unwrap_err().len() < 100);
        assert_eq!(options("nope", None).unwrap_err(), "Action inconnue: nope");
    }

    #[test]
    fn a_deploy_is_told_with_what_it_did() {
        let wish = Wish { action: "pull".to_owned(), service: None };
        let step = json!({ "outcome": "done", "text": "done: move main from a to b" });
        let told = wish.told(&json!({ "status": "done", "steps": [step], "notes": ["x"] }));
        let expected = r#"{"action":"pull","status":"success","message":"Code mis à jour depuis Git","output":"done: move main from a to b\nnote: x"}"#;
        assert_eq!(serde_json::to_string(&told).unwrap(), expected);
        let told = wish.told(&json!({ "status": "failed", "failures": ["diverged"] }));
        let expected = r#"{"action":"pull","status":"error","message":"Erreur lors du git pull","output":"failed: diverged"}"#;
        assert_eq!(serde_json::to_string(&told).unwrap(), expected);
    }
}
