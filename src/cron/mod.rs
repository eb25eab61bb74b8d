//! Pure knowledge of cron: when a schedule fires and what is odd about it, and how a job is told from another.

pub mod entry;
pub mod lint;
pub mod schedule;
