//! Pure knowledge of cron: when a schedule fires, and how a job is told from another.

pub mod entry;
pub mod schedule;
