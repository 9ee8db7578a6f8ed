//! The TLS client's settings: roots, provider, and the protocols offered.
//!
//! A WebSocket begins as an HTTP/1.1 exchange (RFC 6455, section 4.1), so a connection for one offers nothing else.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_rustls::TlsConnector;

use crate::{config::FetchConfig, error::BuildError};

/// Connectors that trust the built-in roots and the operator's.
pub(crate) struct Tls {
    /// Offers HTTP/2 before HTTP/1.1.
    pub(crate) any: TlsConnector,
    /// Offers HTTP/1.1 alone.
    pub(crate) http1: TlsConnector,
}

/// The connectors under this configuration.
pub(crate) fn connectors(config: &FetchConfig) -> Result<Tls, BuildError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in &config.extra_roots {
        roots.add(certificate.clone())?;
    }
    if let Some(path) = &config.extra_roots_pem {
        let unreadable = |source| BuildError::Roots { path: path.clone(), source };
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            roots.add(certificate.map_err(unreadable)?)?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut any = tls.clone();
    any.alpn_protocols.insert(0, b"h2".to_vec());
    Ok(Tls { any: Arc::new(any).into(), http1: Arc::new(tls).into() })
}
