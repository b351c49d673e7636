//! TLS: always verified, against the name that the user gave.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::{Code, Error, Result};

/// The client configuration: the CA file when there is one, else the roots of the system.
pub(crate) fn config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let roots = match ca_file {
        Some(path) => roots_from_file(path)?,
        None => system_roots()?,
    };
    // The provider is named explicitly: with several compiled into one program there is no default.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Code::Tls, error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Upgrades a connected socket.
pub(crate) async fn upgrade(
    stream: TcpStream,
    config: Arc<ClientConfig>,
    name: &str,
) -> Result<Box<TlsStream<TcpStream>>> {
    let server = ServerName::try_from(name.to_owned())
        .map_err(|_| Error::new(Code::Tls, format!("\"{name}\" is no name for a certificate")))?;
    let stream = TlsConnector::from(config)
        .connect(server, stream)
        .await
        .map_err(|error| Error::new(Code::Tls, format!("handshake with {name}: {error}")))?;
    Ok(Box::new(stream))
}

fn roots_from_file(path: &Path) -> Result<RootCertStore> {
    let failed =
        |what: String| Error::new(Code::Tls, format!("CA file {}: {what}", path.display()));
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("it holds no PEM certificate".into()));
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(Error::new(Code::Tls, "the system has no root certificates; name a CA file"));
    }
    Ok(roots)
}
