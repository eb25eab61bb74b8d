//! The dashboard: one page and what belongs to it, in the binary.

use super::Shared;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{MethodRouter, get};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const ICON: &str = "image/svg+xml";
const SCRIPT: &str = "text/javascript; charset=utf-8";

pub(super) fn routes() -> Router<Shared> {
    let page = Router::new()
        .route("/", file(HTML, include_str!("page/index.html")))
        .route("/assets/dashboard.css", file(CSS, include_str!("page/dashboard.css")))
        .route("/assets/icon.svg", file(ICON, include_str!("page/icon.svg")));
    SCRIPTS.iter().fold(page, |page, (path, script)| page.route(path, file(SCRIPT, script)))
}

/// Each is a module; `dashboard.js` is the one that the page begins with.
const SCRIPTS: [(&str, &str); 15] = [
    ("/assets/act.js", include_str!("page/act.js")),
    ("/assets/actions.js", include_str!("page/actions.js")),
    ("/assets/ask.js", include_str!("page/ask.js")),
    ("/assets/dashboard.js", include_str!("page/dashboard.js")),
    ("/assets/dialog.js", include_str!("page/dialog.js")),
    ("/assets/english.js", include_str!("page/english.js")),
    ("/assets/french.js", include_str!("page/french.js")),
    ("/assets/jobs.js", include_str!("page/jobs.js")),
    ("/assets/language.js", include_str!("page/language.js")),
    ("/assets/log.js", include_str!("page/log.js")),
    ("/assets/looks.js", include_str!("page/looks.js")),
    ("/assets/plan.js", include_str!("page/plan.js")),
    ("/assets/role.js", include_str!("page/role.js")),
    ("/assets/show.js", include_str!("page/show.js")),
    ("/assets/words.js", include_str!("page/words.js")),
];

fn file(kind: &'static str, content: &'static str) -> MethodRouter<Shared> {
    get(move || async move { ([(CONTENT_TYPE, kind)], content) })
}
