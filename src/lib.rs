//! `maint` keeps small self-hosted sites healthy from plain system cron.
//!
//! The rooms, and where to look (docs/architecture.md tells why):
//!
//! | room | what is in it | may use |
//! |---|---|---|
//! | [`cli`] | the command line: clap, dispatch, help | everything |
//! | [`jobs`] | one file per subcommand that changes something | `engine`, `world`, `config`, `cron` |
//! | [`queries`] | one file per subcommand that only looks | `engine`, `world`, `config`, `cron` |
//! | `server` | the REST API and the dashboard: a second front door | `cli`, `queries`, `engine`, `world` |
//! | [`engine`] | plan, permit, apply; report, lock, history, alerts | `world`, `config` |
//! | [`world`] | files, programs, databases, clock, environment: only here | `config`, `cron`, one type of `engine`: `Permit` |
//! | [`config`] | `maint.toml` as structs | `cron`, `text` |
//! | [`cron`], [`text`], [`diff`], [`money`] | pure | nothing |
//! | [`ui`], [`logging`], [`error`], [`exit`] | what the user sees | `text`; `ui` prints `engine`'s reports |

pub mod cli;
pub mod config;
pub mod cron;
pub mod diff;
pub mod engine;
pub mod error;
pub mod exit;
pub mod jobs;
pub mod logging;
pub mod money;
pub mod queries;
pub(crate) mod server;
pub mod text;
pub mod ui;
pub mod world;
