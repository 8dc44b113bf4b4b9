//! TLS: certificate and key from PEM files, read again when asked.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// Where certificate and key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the certificate, and behind it those that vouch for it.
    pub certificates: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

/// Why certificate and key cannot be used.
#[derive(Debug)]
pub enum TlsError {
    /// The file cannot be read, or holds nothing of what it should.
    File(PathBuf, pem::Error),
    /// There is no certificate in it.
    NoCertificate(PathBuf),
    /// The two do not go together, or are of a kind that is not supported.
    Unusable(PathBuf, rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::NoCertificate(path) => write!(f, "{} has no certificate", path.display()),
            Self::Unusable(path, error) => {
                write!(f, "the certificate in {} cannot be used: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for TlsError {}

/// Certificate and key in use.
#[derive(Clone)]
pub struct Certificates {
    files: Arc<TlsFiles>,
    used: Arc<Mutex<Arc<ServerConfig>>>,
}

impl Certificates {
    pub(super) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let used = Arc::new(Mutex::new(read(&files)?));
        Ok(Self { files: Arc::new(files), used })
    }

    /// Reads the files again. New connections use what was read; open ones go on as they are.
    ///
    /// # Errors
    /// What cannot be used; then what was in use stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = read(&self.files)?;
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&used))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.files)
    }
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let TlsFiles { certificates: path, key } = files;
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |error| TlsError::File(path, error)
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(fault(path))?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(fault(path))?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(path.clone()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(fault(key))?;
    let unusable = |error| TlsError::Unusable(path.clone(), error);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
