//! TLS: verified against the name that the user gave, unless he says that it must not be.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

use super::options::ConnectOptions;
use super::secret::Secret;
use super::transport::Transport;
use crate::error::{Code, Error, Result};

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// A client certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate, and those between it and its authority.
    pub certificate: String,
    /// The private key.
    pub key: Secret,
}

/// Asked for each attempt for the client certificate, with the server's URL. It is polled on the
/// connection's own task, within the connect timeout, so it must wait asynchronously.
pub type IdentityCallback =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<Identity>> + Send>> + Send + Sync>;

impl ConnectOptions {
    /// Whether options ask for TLS, whatever URL and server say.
    pub(crate) fn wants_tls(&self) -> bool {
        self.tls_required
            || self.tls_first
            || self.tls_ca.is_some()
            || self.tls_ca_file.is_some()
            || self.tls_cert.is_some()
            || self.tls_cert_file.is_some()
            || self.tls_identity.is_some()
            || self.tls_config.is_some()
    }
}

/// Upgrades a connection. Files are read anew, and the callback is asked anew.
pub(crate) async fn upgrade<T: Transport>(
    stream: T,
    options: &ConnectOptions,
    name: &str,
    url: &str,
) -> Result<TlsStream<T>> {
    let name = options.tls_server_name.as_deref().unwrap_or(name);
    let server = ServerName::try_from(name.to_owned())
        .map_err(|_| Error::new(Code::Tls, format!("\"{name}\" is no name for a certificate")))?;
    let config = match &options.tls_config {
        Some(config) => Arc::clone(config),
        None => {
            let mut options = options.clone();
            if let Some(callback) = options.tls_identity.take() {
                let Identity { certificate, key } = callback(url.to_owned()).await?;
                (options.tls_cert, options.tls_key) = (Some(certificate), Some(key));
            }
            // Files may take their time.
            let made = tokio::task::spawn_blocking(move || config(&options)).await;
            made.map_err(|error| Error::new(Code::Tls, error.to_string()))??
        }
    };
    let shaken = TlsConnector::from(config).connect(server, stream).await;
    shaken.map_err(|error| explained(error, &format!("handshake with {name}")))
}

/// An error of a socket that speaks TLS, or is to.
pub(crate) fn explained(error: io::Error, doing: &str) -> Error {
    let Some(reason) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
    else {
        return Error::from(error).context(doing);
    };
    let text = match reason {
        rustls::Error::InvalidCertificate(reason) => certificate_text(reason),
        rustls::Error::AlertReceived(alert) => alert_text(*alert),
        _ => return Error::new(Code::Tls, format!("{doing}: {reason}")),
    };
    Error::new(Code::Tls, format!("{doing}: {text} ({reason})"))
}

fn certificate_text(reason: &CertificateError) -> &'static str {
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is for another name"
        }
        CertificateError::UnknownIssuer => {
            "the server's certificate is self-signed, or its authority is not trusted"
        }
        CertificateError::Revoked => "the server's certificate was revoked",
        _ => "the server's certificate is not acceptable",
    }
}

fn alert_text(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRequired => "the server wants a client certificate",
        AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::UnsupportedCertificate => "the server refuses the client certificate",
        AlertDescription::ProtocolVersion => "the server speaks no version of TLS that is accepted",
        _ => "the server ended the handshake",
    }
}

fn config(options: &ConnectOptions) -> Result<Arc<ClientConfig>> {
    let failed = |error: &dyn fmt::Display| Error::new(Code::Tls, error.to_string());
    // The provider is named explicitly: with several compiled into one program there is no default.
    let provider = Arc::new(provider());
    let versions: &[_] = match options.tls_min_version {
        TlsVersion::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        TlsVersion::Tls13 => &[&rustls::version::TLS13],
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| failed(&error))?;
    let builder = if options.tls_insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
    } else {
        let roots = Arc::new(roots(options)?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider);
        builder.with_webpki_verifier(verifier.build().map_err(|error| failed(&error))?)
    };
    let config = match identity(options)? {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| failed(&format!("client certificate and key: {error}")))?,
    };
    Ok(Arc::new(config))
}

#[cfg(not(feature = "aws-lc-rs"))]
use rustls::crypto::ring::default_provider as provider;

#[cfg(all(feature = "aws-lc-rs", not(feature = "fips")))]
use rustls::crypto::aws_lc_rs::default_provider as provider;

#[cfg(feature = "fips")]
use rustls::crypto::default_fips_provider as provider;

/// The authorities to trust: those that were given, or else those of the system.
fn roots(options: &ConnectOptions) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let mut add = |pem: &[u8], from: &str| {
        for certificate in certificates(pem, from)? {
            let added = roots.add(certificate);
            added.map_err(|error| Error::new(Code::Tls, format!("{from}: {error}")))?;
        }
        Ok::<(), Error>(())
    };
    if let Some(pem) = &options.tls_ca {
        add(pem.as_bytes(), "tls_ca")?;
    }
    if let Some(path) = &options.tls_ca_file {
        let from = format!("CA file {}", path.display());
        add(&read(path, &from)?, &from)?;
    }
    if options.tls_ca.is_none() && options.tls_ca_file.is_none() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let text = "the system has no root certificates; name a CA file";
            return Err(Error::new(Code::Tls, text));
        }
    }
    Ok(roots)
}

type Chain = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The client's certificate, if there is one.
fn identity(options: &ConnectOptions) -> Result<Option<Chain>> {
    let certificate = either("tls_cert", options.tls_cert.as_deref(), &options.tls_cert_file)?;
    let key = options.tls_key.as_ref().map(Secret::expose);
    let key = either("tls_key", key, &options.tls_key_file)?;
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        // One file may hold both.
        (Some(both), None) => (both.clone(), both),
        (None, Some(_)) => {
            return Err(Error::new(Code::Tls, "there is a key without a client certificate"));
        }
    };
    let chain = certificates(&certificate, "client certificate")?;
    // The error of the parser does not show what it has read.
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| {
        Error::new(Code::Tls, format!("key of the client certificate: {error}"))
    })?;
    Ok(Some((chain, key)))
}

fn either(
    option: &str,
    text: Option<&str>,
    file: &Option<std::path::PathBuf>,
) -> Result<Option<Zeroizing<Vec<u8>>>> {
    match (text, file) {
        (Some(text), _) => Ok(Some(text.as_bytes().to_vec().into())),
        (None, Some(path)) => read(path, &format!("{option}_file {}", path.display())).map(Some),
        (None, None) => Ok(None),
    }
}

fn read(path: &Path, from: &str) -> Result<Zeroizing<Vec<u8>>> {
    let read = std::fs::read(path).map(Zeroizing::new);
    read.map_err(|error| Error::new(Code::Tls, format!("{from}: {error}")))
}

fn certificates(pem: &[u8], from: &str) -> Result<Vec<CertificateDer<'static>>> {
    let failed = |what: &dyn fmt::Display| Error::new(Code::Tls, format!("{from}: {what}"));
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| failed(&error))?;
    if read.is_empty() {
        return Err(failed(&"it holds no PEM certificate"));
    }
    Ok(read)
}

/// Believes every certificate, for who asked for it by name. Signatures are checked all the same.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
