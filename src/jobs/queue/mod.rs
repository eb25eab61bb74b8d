//! `maint queue …`: what changes the queue of RQ.

pub mod clean_finished;
pub mod clear;
pub mod stop;
