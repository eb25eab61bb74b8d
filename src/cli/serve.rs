//! `maint serve …`: the words of the subcommand, and what each starts.

use crate::config::serve::Listen;
use crate::exit::Exit;
use crate::server;
use crate::text;
use crate::ui::Ui;
use crate::world::{World, token};
use anyhow::Result;
use clap::{Args, Subcommand};

/// Serves the REST API and the dashboard
#[derive(Args, Clone, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_long_help = "\
Examples:
  maint serve                                 at the address of [serve], else 127.0.0.1:8000
  maint serve --listen unix:/run/maint.sock   behind a proxy
  maint serve key                             a new key"
)]
pub(super) struct ServeArgs {
    /// Where to listen: ADDRESS:PORT, or unix:PATH [default: `serve.listen`]
    #[arg(long, value_name = "ADDR")]
    listen: Option<Listen>,
    /// What else to do
    #[command(subcommand)]
    command: Option<ServeCommand>,
}

/// What else to do for the server.
#[derive(Subcommand, Clone, Debug)]
enum ServeCommand {
    /// Makes a key and prints it
    Key,
}

impl ServeArgs {
    /// True for what needs no site.
    pub(super) fn makes_key(&self) -> bool {
        matches!(self.command, Some(ServeCommand::Key))
    }
}

/// Starts the server.
pub(super) fn dispatch(world: World, args: &ServeArgs, ui: &Ui) -> Result<Exit> {
    server::serve(world, args.listen.as_ref(), &|line| ui.note(line))
}

/// `maint serve key`: the key alone, so that it can be put into a file.
pub(super) fn print_key(ui: &Ui) -> Result<Exit> {
    let key = token::new()?;
    if ui.is_json() {
        ui.out(&text::json(&serde_json::json!({ "key": key }))?)?;
        return Ok(Exit::Done);
    }
    ui.out(&format!("{key}\n"))?;
    if ui.is_terminal() {
        ui.note("keep it in a file that only you can read, or in the `env_file` of the site, and name it in maint.toml:");
        ui.note("[serve.keys.dashboard] key = \"file:PATH\" or \"env:NAME\", and role = \"operate\"");
    }
    Ok(Exit::Done)
}
