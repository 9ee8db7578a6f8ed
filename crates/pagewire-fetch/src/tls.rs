//! The TLS client's settings: roots, provider, and the protocols offered.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{config::FetchConfig, error::BuildError};

/// A connector that trusts the built-in roots and the operator's, and offers HTTP/2 before HTTP/1.1.
pub(crate) fn connector(config: &FetchConfig) -> Result<tokio_rustls::TlsConnector, BuildError> {
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
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(tls).into())
}
