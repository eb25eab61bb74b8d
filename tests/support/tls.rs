//! A server's end of a line, open or encrypted.

use crate::support::leave_out;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Result, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// A line to a client.
pub(crate) enum Line {
    Open(TcpStream),
    Encrypted(Box<StreamOwned<ServerConnection, TcpStream>>),
    /// While it changes from one to the other.
    Nowhere,
}

impl Line {
    /// From here on the line is encrypted.
    pub(crate) fn encrypt(&mut self, identity: &Identity) {
        if let Line::Open(stream) = std::mem::replace(self, Line::Nowhere) {
            let connection = ServerConnection::new(Arc::clone(&identity.config)).unwrap();
            *self = Line::Encrypted(Box::new(StreamOwned::new(connection, stream)));
        }
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match self {
            Line::Open(stream) => stream.read(buffer),
            Line::Encrypted(stream) => stream.read(buffer),
            Line::Nowhere => Ok(0),
        }
    }
}

impl Write for Line {
    fn write(&mut self, buffer: &[u8]) -> Result<usize> {
        match self {
            Line::Open(stream) => stream.write(buffer),
            Line::Encrypted(stream) => stream.write(buffer),
            Line::Nowhere => Ok(0),
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self {
            Line::Open(stream) => stream.flush(),
            Line::Encrypted(stream) => stream.flush(),
            Line::Nowhere => Ok(()),
        }
    }
}

/// Who a server is: its key, and a certificate that nobody else has signed.
#[derive(Clone)]
pub(crate) struct Identity {
    config: Arc<ServerConfig>,
    /// The file that makes a client trust it.
    pub(crate) certificate: PathBuf,
}

impl Identity {
    /// The identity of this machine, made in `folder`; nothing without openssl.
    pub(crate) fn make(folder: &Path) -> Option<Identity> {
        let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
        openssl.args([
            "-days",
            "30",
            "-subj",
            "/CN=a test of maint",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ]);
        openssl.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout"]);
        if !openssl.arg(&key).arg("-out").arg(&certificate).output().is_ok_and(|made| made.status.success()) {
            leave_out("encrypted lines", "openssl is missing");
            return None;
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        let chain = vec![CertificateDer::from_pem_file(&certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(&key).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        Some(Identity { config: Arc::new(config), certificate })
    }
}
