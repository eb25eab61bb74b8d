//! Pure knowledge of cron: when schedules fire, what is odd about them, how other schedulers say them.

pub mod entry;
pub mod lint;
pub mod render;
pub mod schedule;
