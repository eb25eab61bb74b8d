//! `maint serve`: a second front door to the same jobs and queries. Async stays in here.
//!
//! A look is a query, asked in a thread of this process. What is planned or run is `maint` itself, started once more: the
//! locks, the plans, the reports and the history are those of the command line, and no run can harm the server.

mod about;
mod answer;
mod bot;
mod commands;
mod door;
mod gate;
mod listen;
mod looks;
mod offers;
mod openapi;
mod page;
mod queries;
mod runs;
mod site;

use crate::config::serve::Listen;
use crate::exit::Exit;
use crate::world::World;
use crate::world::sockets::{self, Sockets};
use anyhow::{Context as _, Result};
use axum::Router;
use door::Door;
use looks::Looks;
use site::Site;
use std::sync::Arc;

/// Threads that answer; looks and runs have their own.
const WORKERS: usize = 2;
/// Threads for looks, each of which may take seconds.
const LOOKERS: usize = 8;

/// What every answer is made from.
pub(crate) struct Server {
    site: Site,
    looks: Looks,
    door: Door,
    pulse: bot::Pulse,
}

/// The same server, for each request.
type Shared = Arc<Server>;

/// Serves until a signal ends it; `tell` says where.
pub(crate) fn serve(world: World, typed: Option<&Listen>, tell: &dyn Fn(&str)) -> Result<Exit> {
    world.site_file()?;
    let gate = gate::Gate::of(&world)?;
    let listen = place(&world, typed);
    let sockets = Sockets::open(&listen)?;
    for socket in &sockets.all {
        tell(&format!("listening on {socket}"));
        if socket.is_public() {
            log::warn!(
                "keys travel over {socket} as they are: let a proxy encrypt them, and listen on 127.0.0.1"
            );
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(LOOKERS)
        .thread_keep_alive(std::time::Duration::from_secs(60))
        .enable_all()
        .build()
        .context("cannot start the threads of the server")?;
    let server = Arc::new(Server {
        site: Site::new(world),
        looks: Looks::default(),
        door: Door::default(),
        pulse: bot::Pulse::default(),
    });
    let routes = gate::guard(routes(&server), gate);
    let outcome = runtime.block_on(listen::serve(routes, sockets.all)).context("the server has ended");
    // A look that waits for another machine is not waited for.
    runtime.shutdown_background();
    if let Some(path) = &sockets.own {
        sockets::remove(path);
    }
    outcome.map(|()| Exit::Done)
}

/// Where to listen: what was typed is relative to the current folder, what is configured to the site.
fn place(world: &World, typed: Option<&Listen>) -> Listen {
    match (typed, &world.config.serve.listen) {
        (Some(Listen::Unix(path)), _) => Listen::Unix(world.here(path)),
        (None, Listen::Unix(path)) => Listen::Unix(world.root.join(path)),
        (Some(Listen::Tcp(address)), _) | (None, Listen::Tcp(address)) => Listen::Tcp(*address),
    }
}

/// Everything that can be asked, before the gate.
fn routes(server: &Shared) -> Router {
    Router::new()
        .merge(page::routes())
        .merge(bot::routes())
        .merge(about::routes())
        .merge(openapi::routes())
        .merge(commands::routes())
        .merge(queries::routes())
        .merge(runs::routes())
        .with_state(Arc::clone(server))
}
