//! A certificate authority for one test, with a server and a client certificate.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tempfile::TempDir;

use crate::{Error, Result};

/// PEM files in a temporary directory, which is removed with the last clone of this value.
///
/// The server certificate is for `localhost`, `127.0.0.1` and `::1`.
#[derive(Clone, Debug)]
pub struct Certificates(Arc<TempDir>);

impl Certificates {
    /// Generates everything anew.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn generate() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("nats-harness-tls-").tempdir()?;
        write(dir.path()).map_err(|e| Error::because("cannot make certificates", e))?;
        Ok(Self(Arc::new(dir)))
    }

    /// The authority that signed the server and the client certificate.
    pub fn ca(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// An authority that signed nothing here, for tests that must fail.
    pub fn foreign_ca(&self) -> PathBuf {
        self.file("foreign-ca.pem")
    }

    /// The server's certificate.
    pub fn server_cert(&self) -> PathBuf {
        self.file("server.pem")
    }

    /// The server's private key.
    pub fn server_key(&self) -> PathBuf {
        self.file("server-key.pem")
    }

    /// The client's certificate, for servers that verify it.
    pub fn client_cert(&self) -> PathBuf {
        self.file("client.pem")
    }

    /// The client's private key.
    pub fn client_key(&self) -> PathBuf {
        self.file("client-key.pem")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

type Generated<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn write(dir: &Path) -> Generated<()> {
    let ca = authority("Harness CA")?;
    fs::write(dir.join("ca.pem"), ca.pem())?;
    fs::write(dir.join("foreign-ca.pem"), authority("Foreign CA")?.pem())?;
    let hosts = ["localhost", "127.0.0.1", "::1"];
    leaf(dir, &ca, "server", &hosts, ExtendedKeyUsagePurpose::ServerAuth)?;
    leaf(dir, &ca, "client", &["client.test"], ExtendedKeyUsagePurpose::ClientAuth)
}

fn authority(name: &str) -> Generated<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn leaf(
    dir: &Path,
    ca: &CertifiedIssuer<'_, KeyPair>,
    name: &str,
    hosts: &[&str],
    usage: ExtendedKeyUsagePurpose,
) -> Generated<()> {
    let mut params =
        CertificateParams::new(hosts.iter().map(|h| h.to_string()).collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let cert = params.signed_by(&key, ca)?;
    fs::write(dir.join(format!("{name}.pem")), cert.pem())?;
    fs::write(dir.join(format!("{name}-key.pem")), key.serialize_pem())?;
    Ok(())
}
