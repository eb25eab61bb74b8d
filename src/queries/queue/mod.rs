//! `maint queue …`: what only looks at the queue of RQ.

pub mod list;
