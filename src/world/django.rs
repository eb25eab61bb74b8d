//! What a Django project says in its settings about its cron jobs. The settings are read, never run.

use super::World;
use super::command;
use super::programs;
use crate::cron::django::{DjangoJob, DjangoLine};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reading one file takes Python some 50 ms.
const PATIENCE: Duration = Duration::from_secs(10);

/// Settings are a few pages of text.
const LARGEST: u64 = 1 << 20;

/// Python reads its own language best: `CRONJOBS` as far as its entries are literals, each with its hash as
/// django-crontab makes it.
const READ_CRONJOBS: &str = r#"
import ast, hashlib, json, sys
found = []
for node in ast.parse(sys.stdin.buffer.read()).body:
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    if any(getattr(target, "id", None) == "CRONJOBS" for target in targets):
        found += getattr(node.value, "elts", [])
jobs = []
for entry in found:
    try:
        job = ast.literal_eval(entry)
        text = json.JSONEncoder(sort_keys=True, allow_nan=False).encode(job)
        jobs.append({"hash": hashlib.md5(text.encode()).hexdigest(), "job": list(job)})
    except (TypeError, ValueError):
        pass
print(json.dumps(jobs))
"#;

impl World {
    /// The jobs in the settings of the project that `line` belongs to; none when they cannot be read.
    #[must_use]
    pub fn django_jobs(&self, line: &DjangoLine) -> Vec<DjangoJob> {
        let Some((python, manage)) = line.program() else { return Vec::new() };
        let folder = Path::new(&manage).parent().unwrap_or(Path::new("/"));
        let module = line.settings().map_or_else(|| line.project.clone() + ".settings", str::to_owned);
        let base = folder.join(module.replace('.', "/"));
        let candidates = [base.with_extension("py"), base.join("__init__.py")];
        let Some(settings) = candidates.iter().find_map(|path| self.files.read(path, LARGEST).ok()) else {
            return Vec::new();
        };
        let pythons = [Some(PathBuf::from(python)), programs::find_here("python3")];
        let hidden = self.secrets().variables();
        let read = |python: PathBuf| {
            let said =
                command::ask(&python, &["-I", "-c", READ_CRONJOBS], &[], hidden, &settings, PATIENCE).ok()?;
            serde_json::from_slice(&said.stdout).ok().filter(|_| said.code == Some(0))
        };
        pythons.into_iter().flatten().find_map(read).unwrap_or_default()
    }
}
