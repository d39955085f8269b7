//! The authorities that sign the certificates of servers.

use std::path::Path;

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// The authorities in the PEM `file`. A problem names the file.
pub(crate) fn read(file: &Path) -> Result<RootCertStore, String> {
    let problem = |problem: &dyn std::fmt::Display| format!("{}: {problem}", file.display());
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| problem(&error))? {
        let certificate = certificate.map_err(|error| problem(&error))?;
        authorities.add(certificate).map_err(|error| problem(&error))?;
    }
    if authorities.is_empty() {
        return Err(problem(&"holds no certificate"));
    }
    Ok(authorities)
}
