use std::{borrow::Cow, path::PathBuf, time::Duration};

use auth_core::unreadable_url;
use percent_encoding::percent_decode_str;
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

use crate::server::credentials;

/// The requirements for the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verify {
    Nothing,
    Authority,
    AuthorityAndName,
}

/// A server, and how its certificate is verified.
#[derive(Debug)]
pub(super) struct Location {
    pub(super) server: Config,
    pub(super) verify: Verify,
    /// A PEM file; if there is none, the platform's authorities.
    pub(super) authorities: Option<PathBuf>,
}

/// A connection is given up after about this time without a sign of its peer.
const DEAD_PEER_TIMEOUT: Duration = Duration::from_secs(10);

/// No problem repeats a part of the URL: that part may belong to the password.
const NO_URL: &str =
    "is not a PostgreSQL URL, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, or has an unknown parameter";
const NO_MODE: &str = "has an `sslmode` other than disable, prefer, require, verify-ca and verify-full";
const NO_VERIFICATION: &str =
    "has an `sslrootcert`, which has no effect without an `sslmode` of require, verify-ca or verify-full";

/// The problem of a URL, with its most likely cause.
pub(super) fn explained(problem: &'static str) -> String {
    match problem {
        NO_URL => unreadable_url(NO_URL),
        other => other.to_owned(),
    }
}

impl Location {
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
        {
            return Err(NO_URL);
        }
        let (mut mode, mut authorities, mut others) = (Cow::Borrowed("prefer"), None, Vec::new());
        // A password may contain a question mark.
        let authority = url.find('@').unwrap_or_default();
        let question = url[authority..].find('?').map_or(url.len(), |at| authority + at);
        let (address, parameters) = (&url[..question], url.get(question + 1..).unwrap_or_default());
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = decoded(value)?,
                Some(("sslrootcert", value)) => authorities = Some(PathBuf::from(&*decoded(value)?)),
                _ => others.push(parameter),
            }
        }
        let mut server: Config = format!("{address}?{}", others.join("&"))
            .parse()
            .map_err(|_repeats_the_url| NO_URL)?;
        // The part of a password after an `@` would be read as the host, and appear in messages.
        let is_cut = |host: &Host| matches!(host, Host::Tcp(name) if name.contains('@'));
        if credentials::are_cut_short(url) || server.get_hosts().iter().any(is_cut) {
            return Err(NO_URL);
        }
        let (mode, verify) = match &*mode {
            "disable" | "prefer" if authorities.is_some() => return Err(NO_VERIFICATION),
            "disable" => (SslMode::Disable, Verify::Nothing),
            "prefer" => (SslMode::Prefer, Verify::Nothing),
            "require" if authorities.is_none() => (SslMode::Require, Verify::Nothing),
            "require" | "verify-ca" => (SslMode::Require, Verify::Authority),
            "verify-full" => (SslMode::Require, Verify::AuthorityAndName),
            _ => return Err(NO_MODE),
        };
        server.ssl_mode(mode);
        let says = |name: &str| others.iter().any(|parameter| parameter.starts_with(name));
        if !says("keepalives_idle=") {
            server.keepalives_idle(DEAD_PEER_TIMEOUT);
        }
        if !says("tcp_user_timeout=") {
            server.tcp_user_timeout(DEAD_PEER_TIMEOUT);
        }
        Ok(Self {
            server,
            verify,
            authorities,
        })
    }
}

fn decoded(value: &str) -> Result<Cow<'_, str>, &'static str> {
    percent_decode_str(value).decode_utf8().map_err(|_error| NO_URL)
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::Host;

    use super::*;

    #[test]
    fn a_location_is_a_url_of_postgresql() {
        let url = "postgresql://ada:open%20sesame@db.example.com:5433/app?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fetc%2Fca.pem";
        let location = Location::parse(url).expect("a location");
        assert_eq!(location.server.get_user(), Some("ada"));
        assert_eq!(location.server.get_password(), Some(&b"open sesame"[..]));
        assert_eq!(location.server.get_hosts(), [Host::Tcp("db.example.com".into())]);
        assert_eq!(location.server.get_ports(), [5433]);
        assert_eq!(location.server.get_dbname(), Some("app"));
        assert!(location.server.get_connect_timeout().is_some());
        assert_eq!(location.authorities, Some("/etc/ca.pem".into()));
        let location = Location::parse("postgres://ada:open?sesame&sslmode=no@localhost/app?sslmode=require");
        let server = location.expect("a location").server;
        assert_eq!(server.get_password(), Some(&b"open?sesame&sslmode=no"[..]));
        for url in [
            "",
            "app.db",
            "mysql://ada:sesame@localhost/app",
            "postgres://ada:sesame@localhost:port/app",
            "postgres://ada:p@sesame@localhost/app",
            "postgres://ada:12/sesame@localhost/app",
            "postgres://ada:12#sesame@localhost/app",
            "postgres://ada:sesame@localhost/app?sesame=1",
            "postgres://ada:sesame@localhost/app?sslmode=sesame",
            "host=localhost password=sesame",
        ] {
            let problem = Location::parse(url).expect_err(url);
            assert!(!problem.contains("same"), "{problem}");
        }
    }

    #[test]
    fn a_mode_says_what_is_asked_of_the_server() {
        let at = |parameters: &str| Location::parse(&format!("postgres://localhost/app{parameters}"));
        for (parameters, mode, verify) in [
            ("", SslMode::Prefer, Verify::Nothing),
            ("?sslmode=disable", SslMode::Disable, Verify::Nothing),
            ("?sslmode=prefer", SslMode::Prefer, Verify::Nothing),
            ("?sslmode=require", SslMode::Require, Verify::Nothing),
            (
                "?sslmode=require&sslrootcert=ca.pem",
                SslMode::Require,
                Verify::Authority,
            ),
            ("?sslmode=verify-ca", SslMode::Require, Verify::Authority),
            ("?sslmode=verify-full", SslMode::Require, Verify::AuthorityAndName),
        ] {
            let location = at(parameters).expect(parameters);
            assert_eq!(
                (location.server.get_ssl_mode(), location.verify),
                (mode, verify),
                "{parameters}"
            );
        }
        for mode in ["allow", "", "REQUIRE", "verify-full "] {
            let refused = at(&format!("?sslmode={mode}"));
            assert_eq!(refused.expect_err("another mode"), NO_MODE, "{mode:?}");
        }
        for mode in ["", "sslmode=disable", "sslmode=prefer"] {
            let refused = at(&format!("?sslrootcert=ca.pem&{mode}"));
            assert_eq!(refused.expect_err("no verification"), NO_VERIFICATION, "{mode:?}");
        }
    }
}
