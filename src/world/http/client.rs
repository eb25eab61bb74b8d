//! The program's own client, made when it is first needed.

use super::address::is_loopback;
use reqwest::Url;
use reqwest::blocking::Client;
use std::sync::OnceLock;
use std::time::Duration;

const AGENT: &str = concat!("maint/", env!("CARGO_PKG_VERSION"));
/// The longest that a connection may take; a machine that is away is known sooner than one that is slow.
const CONNECT: Duration = Duration::from_secs(5);

/// What TLS is made of, for the whole program; the second of two that install it finds it there.
pub(in crate::world) fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The client for an address, made when it is first needed: that takes milliseconds, which most runs can spare.
/// None is ever dropped: at the end of the program that would wait for a name server that is silent.
pub(super) fn client(url: &Url) -> reqwest::Result<&'static Client> {
    static CLIENTS: [OnceLock<Client>; 3] = [const { OnceLock::new() }; 3];
    let (kind, is_plain) = match (url.scheme(), is_loopback(url)) {
        ("http", _) => (0, true),
        (_, true) => (1, false),
        _ => (2, false),
    };
    if let Some(client) = CLIENTS[kind].get() {
        return Ok(client);
    }
    install_tls();
    let mut builder = Client::builder()
        .user_agent(AGENT)
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none());
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    if is_plain {
        // Without TLS the certificates of the system need not be read, nor be there.
        builder = builder.tls_certs_only([]);
    }
    let made = builder.build()?;
    Ok(CLIENTS[kind].get_or_init(|| made))
}
