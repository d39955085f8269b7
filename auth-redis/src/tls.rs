use std::sync::Arc;

use fred::{
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs},
    rustls_native_certs::load_native_certs,
    types::config::{TlsConfig, TlsConnector},
};

/// TLS 1.2 and 1.3 with the root certificates of this machine.
///
/// It names its crypto provider: a process with two linked in has no default.
pub(crate) fn config() -> Result<TlsConfig, &'static str> {
    let mut roots = RootCertStore::empty();
    let (usable, _unusable) = roots.add_parsable_certificates(load_native_certs().certs);
    if usable == 0 {
        return Err("asks for TLS, but this machine has no root certificates");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| "asks for TLS, which the crypto provider does not support")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(config).into())
}
