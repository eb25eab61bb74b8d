//! `certificate`: how long the certificate of a server, or in a file, is still valid.

mod validity;

use super::row::{Row, Unit};
use super::{Sight, within};
use crate::config::units::Length;
use crate::error::plain;
use crate::text;
use crate::world::http::install_tls;
use anyhow::{Context as _, Result, anyhow};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};
use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use validity::Validity;

/// What must be left, unless something else is asked for: a week longer than a renewal that fails takes to be noticed.
const USUAL_DAYS: u64 = 14;
/// What a server may take to show its certificate, and its name server to find it.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);
const PORT: u16 = 443;
/// A file holds a chain of certificates.
const LARGEST: u64 = 1 << 20;

/// How much time is left.
pub(super) fn row(sight: &Sight<'_>, place: &str) -> Result<Row> {
    let least = sight.check.min_left.unwrap_or_else(|| Length::from_hours(USUAL_DAYS * 24)).duration();
    let (certificate, host) = if let Some(path) = file(sight, place) {
        (in_file(sight, &path)?, None)
    } else {
        let (host, port) = host_and_port(place)?;
        (shown_by(&host, port)?, Some(host))
    };
    let validity = Validity::of(&certificate).ok_or_else(|| anyhow!("its certificate cannot be read"))?;
    Ok(judged(sight, &validity, least, host.and_then(|host| wrong_name(&certificate, &host))))
}

fn judged(sight: &Sight<'_>, validity: &Validity, least: Duration, wrong_name: Option<String>) -> Row {
    let now = sight.now();
    let left = (validity.until - now).as_seconds_f64();
    let row = sight.row("", Unit::Seconds).value(left).least(least.as_secs_f64());
    let show = |time| sight.world.clock.show(time);
    if left <= 0.0 {
        return row.bad(&format!("it has expired at {}", show(validity.until)));
    }
    if now < validity.from {
        return row.bad(&format!("it is valid only from {}: is the clock right?", show(validity.from)));
    }
    let words = format!("it expires at {}", show(validity.until));
    match wrong_name {
        Some(why) => row.bad(&why),
        None => row.detail(&words),
    }
}

/// A path, rather than a machine.
fn file(sight: &Sight<'_>, place: &str) -> Option<std::path::PathBuf> {
    let path = sight.world.root.join(place);
    let is_path = place.contains('/') && !place.contains("://");
    (is_path || sight.world.files.is_file(&path)).then_some(path)
}

/// The first certificate of a file: that of the server, when there are more.
fn in_file(sight: &Sight<'_>, path: &Path) -> Result<CertificateDer<'static>> {
    let bytes = sight.world.files.read(path, LARGEST)?;
    let shown = text::path(path);
    CertificateDer::from_pem_slice(&bytes).map_err(|_| anyhow!("there is no certificate in {shown}"))
}

/// `example.org:443`, `example.org`, `[::1]:443`.
fn host_and_port(place: &str) -> Result<(String, u16)> {
    let bare = place.trim_start_matches("https://").trim_end_matches('/');
    let (host, port) = match bare.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            let port = port.parse().ok();
            (host, port.ok_or_else(|| anyhow!("`{}` has no port that can be", text::escape(place)))?)
        }
        _ => (bare, PORT),
    };
    Ok((host.trim_matches(['[', ']']).to_owned(), port))
}

/// The certificate that a server shows, whoever has signed it.
fn shown_by(host: &str, port: u16) -> Result<CertificateDer<'static>> {
    let (asked, name) = (host.to_owned(), format!("{}:{port}", text::escape(host)));
    let answer = within(PATIENCE, move || shake_hands(&asked, port));
    answer.ok_or_else(|| anyhow!("no answer within {}", text::duration(PATIENCE)))?.with_context(|| name)
}

fn shake_hands(host: &str, port: u16) -> Result<CertificateDer<'static>> {
    install_tls();
    let name = ServerName::try_from(host.to_owned()).map_err(|_| anyhow!("is no name of a machine"))?;
    let seen = Arc::new(Witness::default());
    let config =
        ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::<Witness>::clone(&seen));
    let mut client = ClientConnection::new(Arc::new(config.with_no_client_auth()), name)?;
    let mut stream = connect(host, port)?;
    // One that then refuses us has shown it all the same.
    let shaken = client.complete_io(&mut stream);
    let shown = seen.shown.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (shown, shaken) {
        (Some(certificate), _) => Ok(certificate),
        (None, Err(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Err(anyhow!("no answer within {}", text::duration(CONNECT)))
        }
        (None, Err(error)) => Err(anyhow!("{}", plain(&error.to_string()))),
        (None, Ok(_)) => Err(anyhow!("it shows no certificate")),
    }
}

fn connect(host: &str, port: u16) -> Result<TcpStream> {
    let addresses = (host, port).to_socket_addrs().context("its address cannot be found")?;
    let mut why = anyhow!("it has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(CONNECT))?;
                stream.set_write_timeout(Some(CONNECT))?;
                return Ok(stream);
            }
            Err(error) => why = anyhow::Error::new(error).context("cannot connect"),
        }
    }
    Err(why)
}

/// Why a certificate is not one of this machine.
fn wrong_name(certificate: &CertificateDer<'_>, host: &str) -> Option<String> {
    let name = ServerName::try_from(host).ok()?;
    let parsed = rustls::server::ParsedCertificate::try_from(certificate).ok()?;
    let is_wrong = rustls::client::verify_server_name(&parsed, &name).is_err();
    is_wrong.then(|| format!("it is not for the name {}", text::escape(host)))
}

/// Lets any certificate pass, and keeps it: nothing is told to that server.
#[derive(Debug, Default)]
struct Witness {
    shown: Mutex<Option<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = Some(certificate.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_named_with_or_without_its_port() {
        for (place, host, port) in [
            ("example.org:8443", "example.org", 8443),
            ("example.org", "example.org", 443),
            ("https://example.org/", "example.org", 443),
            ("[::1]:444", "::1", 444),
            ("::1", "::1", 443),
        ] {
            assert_eq!(host_and_port(place).unwrap(), (host.to_owned(), port), "{place}");
        }
        assert!(host_and_port("example.org:https").is_err());
    }
}
