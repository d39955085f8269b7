//! A certificate for 127.0.0.1, with its own authority, for tests of TLS.

use std::fs;
use std::path::{Path, PathBuf};

use crate::services::server::{prepare, words};
use crate::{Fallible, process};

const CURVE: &str = "ec_paramgen_curve:prime256v1";

/// Longer than any run.
const DAYS: &str = "30";

/// The files of a server's certificate.
pub(super) struct Certificate {
    /// The authority, which a client must trust.
    pub(super) authority: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

pub(super) fn is_possible() -> bool {
    openssl().is_some()
}

fn openssl() -> Option<PathBuf> {
    process::find(&["openssl"])
}

/// Creates an authority, and a certificate that it signed, in `folder`.
pub(super) fn make(folder: &Path) -> Fallible<Certificate> {
    let openssl = openssl().ok_or("no openssl")?.display().to_string();
    let file = |name: &str| folder.join(name).display().to_string();
    // Two certificates, because rustls refuses a server whose certificate is an authority's.
    let extensions = "basicConstraints=critical,CA:FALSE\nsubjectAltName=IP:127.0.0.1,DNS:localhost\n";
    fs::write(folder.join("extensions"), extensions)?;
    let request = |more: &[&str]| {
        let mut line = words(&[
            &openssl, "req", "-newkey", "ec", "-pkeyopt", CURVE, "-nodes", "-sha256",
        ]);
        line.extend(words(more));
        prepare(&line, folder)
    };
    let (ca_key, ca, key) = (file("ca.key"), file("ca.crt"), file("server.key"));
    let (wanted, certificate) = (file("server.csr"), file("server.crt"));
    let authority = ["-x509", "-days", DAYS, "-subj", "/CN=Servers for tests"];
    request(&[&authority[..], &["-keyout", &ca_key, "-out", &ca]].concat())?;
    request(&["-subj", "/CN=127.0.0.1", "-keyout", &key, "-out", &wanted])?;
    let mut sign = words(&[&openssl, "x509", "-req", "-sha256", "-days", DAYS, "-in", &wanted]);
    sign.extend(words(&["-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial"]));
    sign.extend(words(&["-extfile", &file("extensions"), "-out", &certificate]));
    prepare(&sign, folder)?;
    Ok(Certificate {
        authority: folder.join("ca.crt"),
        certificate: folder.join("server.crt"),
        key: folder.join("server.key"),
    })
}
