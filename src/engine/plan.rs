//! What a command would do, computed without changing anything.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Display;

/// What is to be done, in order, and what is worth saying about it.
#[derive(Debug)]
pub struct Plan<A> {
    /// What is to be done.
    pub actions: Vec<A>,
    /// What is left alone and why; estimates.
    pub notes: Vec<String>,
    /// What could not be looked at. The rest is done, but the run has failed in part.
    pub failures: Vec<String>,
    /// The state that was found, as a table.
    pub overview: Option<Overview>,
    /// What a job that checks has found of one thing and another.
    pub findings: Vec<Finding>,
}

/// What a job that checks has found of one thing: a run with one that is not well ends with exit code 3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at; it keeps its name from run to run.
    pub name: String,
    /// Whether nobody has to look after it.
    pub is_well: bool,
    /// How it is, in a few words.
    pub words: String,
}

impl<A> Default for Plan<A> {
    fn default() -> Plan<A> {
        Plan {
            actions: Vec::new(),
            notes: Vec::new(),
            failures: Vec::new(),
            overview: None,
            findings: Vec::new(),
        }
    }
}

impl<A> From<Vec<A>> for Plan<A> {
    fn from(actions: Vec<A>) -> Plan<A> {
        Plan { actions, ..Plan::default() }
    }
}

/// A table of the state that was found: text for people, a value for JSON, made from one thing.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// The key in the JSON report.
    #[serde(skip)]
    pub key: &'static str,
    /// What stands under that key.
    pub value: Value,
    /// What is printed.
    #[serde(skip)]
    pub text: String,
}

impl Overview {
    /// The overview of `found` under `key`.
    pub fn of(key: &'static str, found: &(impl Display + Serialize)) -> Result<Overview> {
        Ok(Overview { key, value: serde_json::to_value(found)?, text: found.to_string() })
    }
}
