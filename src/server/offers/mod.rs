//! What can be asked for from afar: each subcommand of the command line, and what the caller needs for it.

mod option;

use crate::cli;
use crate::config::serve::Role;
use clap::{Arg, ArgAction, Command};
use option::{key, or_null, schema_of, takes_value, values_of};
use serde_json::{Map, Value, json};
use std::any::TypeId;
use std::path::PathBuf;

/// The subcommands that change something, by their words.
const JOBS: [(&str, Role); 27] = [
    ("cleanup-temp", Role::Operate),
    ("notify-devis", Role::Operate),
    ("rebuild-paths", Role::Operate),
    ("cleanup-stuck", Role::Operate),
    ("expire-logs", Role::Operate),
    ("ascl-refresh", Role::Operate),
    ("update-fiches", Role::Operate),
    ("trim-logs", Role::Operate),
    ("vacuum-db", Role::Operate),
    ("queue clear", Role::Operate),
    ("queue clean-finished", Role::Operate),
    ("queue stop", Role::Operate),
    ("deploy", Role::Deploy),
    ("check", Role::Operate),
    ("backup db", Role::Operate),
    ("backup volumes", Role::Operate),
    ("backup configs", Role::Operate),
    ("backup all", Role::Operate),
    ("backup verify", Role::Operate),
    ("backup prune", Role::Deploy),
    ("backup fetch", Role::Operate),
    ("restore", Role::Deploy),
    ("docker-prune", Role::Deploy),
    ("archive-logs", Role::Operate),
    ("alerts test", Role::Operate),
    ("pause", Role::Operate),
    ("resume", Role::Operate),
];

/// Those that only look.
const QUERIES: [&str; 18] = [
    "services",
    "queue list",
    "backup list",
    "check export",
    "crontab show",
    "crontab check",
    "crontab status",
    "jobs",
    "status",
    "why",
    "doctor",
    "history",
    "audit",
    "logs",
    "locks",
    "config check",
    "config show",
    "config schema",
];

/// Those that only make sense where the files of the machine are at hand, and why.
#[cfg(test)]
const LEFT_OUT: [(&str, &str); 13] = [
    ("run", "a job of maint.toml is run at /api/v1/jobs/JOB/runs"),
    ("cancel", "a run is ended at /api/v1/runs/RUN/cancel, by who may run it"),
    ("crontab run", "as `run`"),
    ("crontab generate", "it writes files where its user is"),
    ("crontab add", "it changes the table of whoever types it"),
    ("crontab remove", "the same"),
    ("crontab restore", "the same"),
    ("crontab adopt", "the same"),
    ("crontab test", "it starts every job as cron would"),
    ("init", "it writes maint.toml"),
    ("serve", "it serves already"),
    ("serve key", "the key would go over the wire"),
    ("completions man help", "for shells and people"),
];

/// Options that are not taken from afar, of one subcommand or of all: they name files or programs of the machine, change
/// what kind of answer comes, or lift a limit that maint.toml sets.
const NOT_FROM_AFAR: [(&str, &str); 10] = [
    ("", "force"),
    ("", "auto"),
    ("", "watch"),
    ("", "source"),
    ("", "show_stats"),
    ("", "scan_only"),
    ("", "simulate"),
    ("", "answers"),
    ("update-fiches", "max_cost"),
    ("restore", "to"),
];

/// A subcommand that can be asked for.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    /// Its words, as they are typed.
    pub(super) words: &'static str,
    pub(super) role: Role,
    command: Command,
}

/// The subcommands that change something.
pub(super) fn jobs() -> impl Iterator<Item = Offer> {
    let all = cli::command();
    JOBS.into_iter().filter_map(move |(words, role)| Offer::of(&all, words, role))
}

/// Those that only look.
pub(super) fn queries() -> impl Iterator<Item = Offer> {
    let all = cli::command();
    QUERIES.into_iter().filter_map(move |words| Offer::of(&all, words, Role::Read))
}

/// What a job needs that runs this line: what its subcommand needs, read as `maint` reads it, with whatever spaces, quotes and
/// options there are. Whatever else a line may be, such as one for the shell, is for whoever operates.
pub(super) fn role_of_line(line: &str) -> Role {
    let subcommand = cli::subcommand_of(line).unwrap_or_default();
    JOBS.into_iter().find(|(words, _)| *words == subcommand).map_or(Role::Operate, |(_, role)| role)
}

/// What ends a run of this job with this line: as much as it takes to begin it. The line of a run that was typed has lost its
/// quotes, and its job is its subcommand.
pub(super) fn role_of_run(job: &str, line: &str) -> Role {
    let typed = JOBS.into_iter().find(|(words, _)| words.replace(' ', "-") == job);
    typed.map_or(Role::Operate, |(_, role)| role).max(role_of_line(line))
}

impl Offer {
    fn of(all: &Command, words: &'static str, role: Role) -> Option<Offer> {
        let command = words.split(' ').try_fold(all, |command, word| command.find_subcommand(word))?;
        Some(Offer { words, role, command: command.clone() })
    }

    /// Its name in addresses: "queue-clear".
    pub(super) fn name(&self) -> String {
        self.words.replace(' ', "-")
    }

    /// What it does, in a line.
    pub(super) fn about(&self) -> String {
        self.command.get_about().map(ToString::to_string).unwrap_or_default()
    }

    fn arguments(&self) -> impl Iterator<Item = &Arg> {
        self.command.get_arguments().filter(|argument| self.has(argument))
    }

    /// True for an option that is taken from afar. A path is for whoever sits at the machine; how long backups are kept is for
    /// who may remove them.
    fn has(&self, argument: &Arg) -> bool {
        let key = key(argument);
        let is_path = argument.get_value_parser().type_id() == TypeId::of::<PathBuf>();
        let is_help =
            matches!(argument.get_action(), ArgAction::Help | ArgAction::HelpLong | ArgAction::HelpShort);
        let is_left_out = NOT_FROM_AFAR
            .iter()
            .any(|(words, name)| *name == key && (words.is_empty() || *words == self.words));
        let is_retention = key.starts_with("keep_") && self.words != "backup prune";
        let is_hidden = argument.is_hide_set() || argument.is_global_set();
        !(is_path || is_help || is_left_out || is_retention || is_hidden)
    }

    /// A JSON schema of its options.
    pub(super) fn schema(&self) -> Value {
        let of = |argument: &Arg| {
            let schema = schema_of(argument);
            (key(argument), if argument.is_required_set() { schema } else { or_null(schema) })
        };
        let properties: Map<String, Value> = self.arguments().map(of).collect();
        let required = self.arguments().filter(|argument| argument.is_required_set());
        let required: Vec<String> = required.map(key).collect();
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        schema
    }

    /// The options as parameters of an address.
    pub(super) fn parameters(&self) -> Vec<Value> {
        let of = |argument: &Arg| {
            let schema = schema_of(argument);
            let (name, is_required) = (key(argument), argument.is_required_set());
            json!({ "name": name, "in": "query", "required": is_required, "schema": schema })
        };
        self.arguments().map(of).collect()
    }

    /// The words with these options, as they would be typed. No value can be taken for an option.
    pub(super) fn line(&self, options: &Map<String, Value>) -> Result<Vec<String>, String> {
        let mut words: Vec<String> = self.words.split(' ').map(str::to_owned).collect();
        let mut positional = Vec::new();
        for (name, value) in options {
            let shown = crate::text::escape(name);
            let unknown =
                || format!("there is no option `{shown}` of {}; its options: {}", self.words, self.known());
            let argument = self.arguments().find(|argument| key(argument) == *name).ok_or_else(unknown)?;
            let values = values_of(argument, value).map_err(|why| format!("`{shown}` {why}"))?;
            match argument.get_long() {
                None => positional.extend(values),
                Some(long) if takes_value(argument) => {
                    words.extend(values.iter().map(|value| format!("--{long}={value}")));
                }
                Some(long) => words.extend(values.iter().map(|_| format!("--{long}"))),
            }
        }
        if !positional.is_empty() {
            words.push("--".to_owned());
            words.extend(positional);
        }
        Ok(words)
    }

    fn known(&self) -> String {
        let known: Vec<String> = self.arguments().map(key).collect();
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(command: &Command, words: &str, found: &mut Vec<String>) {
        for sub in command.get_subcommands() {
            let words = format!("{words} {}", sub.get_name()).trim_start().to_owned();
            if sub.has_subcommands() { leaves(sub, &words, found) } else { found.push(words) }
        }
    }

    #[test]
    fn every_subcommand_is_offered_or_left_out_with_a_reason() {
        let mut all = Vec::new();
        leaves(&cli::command(), "", &mut all);
        let left_out: Vec<&str> = LEFT_OUT
            .iter()
            .flat_map(|(words, _)| {
                if words.starts_with("completions") { words.split(' ').collect() } else { vec![*words] }
            })
            .collect();
        for words in &all {
            let is_known = JOBS.iter().any(|(job, _)| job == words)
                || QUERIES.contains(&words.as_str())
                || left_out.contains(&words.as_str());
            assert!(is_known, "`{words}` is neither offered nor left out");
        }
        assert_eq!(jobs().count(), JOBS.len(), "each job there is");
        assert_eq!(queries().count(), QUERIES.len(), "each query there is");
    }

    fn offer(words: &str) -> Offer {
        jobs().chain(queries()).find(|offer| offer.words == words).unwrap()
    }

    #[test]
    fn options_become_words_and_no_value_an_option() {
        let options = json!({ "hours": 6, "restore_id": "--force" });
        let line = offer("cleanup-stuck").line(options.as_object().unwrap()).unwrap();
        assert_eq!(line, ["cleanup-stuck", "--hours=6", "--restore-id=--force"]);
        let options = json!({ "job": "--help" });
        let line = offer("resume").line(options.as_object().unwrap()).unwrap();
        assert_eq!(line, ["resume", "--", "--help"]);
    }

    #[test]
    fn paths_of_the_machine_and_limits_of_maint_toml_are_not_taken_from_afar() {
        for (words, name) in [
            ("trim-logs", "files"),
            ("vacuum-db", "databases"),
            ("cleanup-temp", "paths"),
            ("restore", "to"),
            ("backup db", "keep_daily"),
            ("update-fiches", "max_cost"),
        ] {
            let options = json!({ name: ["/etc/passwd"] });
            let why = offer(words).line(options.as_object().unwrap()).unwrap_err();
            assert!(why.starts_with(&format!("there is no option `{name}`")), "{why}");
        }
    }

    #[test]
    fn a_run_that_was_typed_is_ended_by_who_may_begin_it() {
        let line = "--config /srv/my site/maint.toml --announce --yes deploy restart";
        assert_eq!(role_of_run("deploy", line), Role::Deploy);
        assert_eq!(role_of_run("backup-prune", "backup prune"), Role::Deploy);
        assert_eq!(role_of_run("nightly", "--yes deploy pull"), Role::Deploy);
        assert_eq!(role_of_run("cleanup-temp", "cleanup-temp"), Role::Operate);
    }

    #[test]
    fn a_line_of_maint_toml_needs_the_role_of_its_subcommand() {
        assert_eq!(role_of_line("deploy pull"), Role::Deploy);
        assert_eq!(role_of_line("deployment.sh"), Role::Operate);
        assert_eq!(role_of_line("cleanup-temp --auto"), Role::Operate);
        for line in [
            "  deploy",
            "--yes deploy pull",
            "\"deploy\" pull",
            "dep'loy'\tpull",
            "backup  prune",
            "--yes backup prune",
        ] {
            assert_eq!(role_of_line(line), Role::Deploy, "{line}");
        }
        assert_eq!(role_of_line("pause deploy"), Role::Operate);
        assert_eq!(role_of_line("deploy 'not closed"), Role::Operate, "nothing runs such a line");
    }
}
