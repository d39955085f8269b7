use std::{borrow::Cow, fs, path::Path};

use auth_core::unreadable_url;
use mysql_async::{Opts, OptsBuilder, SslOpts};
use percent_encoding::percent_decode_str;
use rustls::crypto::{CryptoProvider, aws_lc_rs};

use crate::{authorities, server::credentials};

/// No problem repeats a part of the URL: that part may belong to the password.
const NO_URL: &str =
    "is not a MySQL URL, `mysql://USER:PASSWORD@HOST:PORT/DATABASE`, or has an unknown parameter";

const NO_DATABASE: &str = "names no database, `mysql://USER:PASSWORD@HOST:PORT/DATABASE`";
const NO_TLS: &str = "says how to verify the server, which also needs `require_ssl=true`";
/// The driver compares rustls's message with an outdated text, and so refuses another name all the same.
const NO_OTHER_NAME: &str =
    "has `verify_identity=false`, which the driver supports only with `verify_ca=false`";

/// The parameters of the driver that have no effect without TLS.
const TLS_PARAMETERS: [&str; 3] = ["verify_ca", "verify_identity", "built_in_roots"];

/// - Commits each statement, whatever the server's default.
/// - Makes a value that does not fit an error, instead of cutting it.
/// - Sets the language by which a deadlock is recognised.
/// - Limits the wait for a lock: the server does not notice that a call has closed its connection at the deadline.
const SETUP: &str = "SET SESSION autocommit = 1, \
    SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_TRANS_TABLES'), SESSION lc_messages = 'en_US', \
    SESSION innodb_lock_wait_timeout = 10, SESSION lock_wait_timeout = 10";

/// The time without traffic after which TCP checks whether the peer is still there.
const DEAD_PEER_TIMEOUT_MS: u32 = 10_000;

/// The server of `url`, with the set-up of its connections.
pub(super) fn parse(url: &str) -> Result<Opts, String> {
    let unreadable = || unreadable_url(NO_URL);
    if credentials::are_cut_short(url) {
        return Err(unreadable());
    }
    let address = ["mysql://", "mariadb://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let (address, parameters) = address
        .map(|address| address.split_once('?').unwrap_or((address, "")))
        .ok_or_else(unreadable)?;
    let (mut ca, mut prefers_socket, mut others) = (None, false, Vec::new());
    let (mut says_whether_tls, mut says_how) = (false, false);
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("ssl_ca", file)) => {
                ca = Some(
                    percent_decode_str(file)
                        .decode_utf8()
                        .map_err(|_error| unreadable())?,
                );
                continue;
            }
            Some(("prefer_socket", value)) => {
                prefers_socket = value == "true";
                continue;
            }
            Some(("require_ssl", _)) => says_whether_tls = true,
            Some((name, _)) if TLS_PARAMETERS.contains(&name) => says_how = true,
            _ => {}
        }
        others.push(parameter);
    }
    if ca.is_some() && !says_whether_tls {
        others.push("require_ssl=true");
    }
    let server = Opts::from_url(&format!("mysql://{address}?{}", others.join("&")))
        .map_err(|_repeats_the_url| unreadable())?;
    if server.db_name().is_none_or(str::is_empty) {
        return Err(NO_DATABASE.to_owned());
    }
    let tls = match server.ssl_opts().cloned() {
        None if says_how || ca.is_some() => return Err(NO_TLS.to_owned()),
        Some(asked) if asked.skip_domain_validation() && !asked.accept_invalid_certs() => {
            return Err(NO_OTHER_NAME.to_owned());
        }
        asked => asked.map(|asked| trusting(asked, ca)).transpose()?,
    };
    if tls.is_some() && CryptoProvider::get_default().is_none() {
        // The driver uses the process-wide provider, and rustls panics if two are linked in and none is installed.
        let _lost_to_another = aws_lc_rs::default_provider().install_default();
    }
    let keepalive = server.tcp_keepalive().unwrap_or(DEAD_PEER_TIMEOUT_MS);
    let server = OptsBuilder::from_opts(server)
        .init(vec![SETUP])
        .prefer_socket(prefers_socket)
        .tcp_keepalive(Some(keepalive))
        .ssl_opts(tls)
        // Diesel has its own cache of statements, and needs the number of matched rows.
        .stmt_cache_size(0)
        .client_found_rows(true);
    Ok(server.into())
}

/// TLS as it was `asked` for, with the authorities in the file `ca` instead of the well-known ones.
fn trusting(asked: SslOpts, ca: Option<Cow<'_, str>>) -> Result<SslOpts, String> {
    let Some(file) = ca else {
        return Ok(asked);
    };
    // Once, here: the driver would read the file for each connection.
    authorities::read(Path::new(&*file)).map_err(|problem| format!("ssl_ca {problem}"))?;
    let pem = fs::read(&*file).map_err(|problem| format!("ssl_ca {file}: {problem}"))?;
    Ok(asked
        .with_root_certs(vec![pem.into()])
        .with_disable_built_in_roots(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_url_of_mysql_or_mariadb() {
        for scheme in ["mysql", "mariadb"] {
            let server =
                parse(&format!("{scheme}://ada:open%20sesame@db.example.com:3307/app")).expect(scheme);
            assert_eq!(server.user(), Some("ada"));
            assert_eq!(server.pass(), Some("open sesame"));
            assert_eq!(
                (server.ip_or_hostname(), server.tcp_port()),
                ("db.example.com", 3307)
            );
            assert_eq!(server.db_name(), Some("app"));
            assert!(!server.prefer_socket());
            assert_eq!(server.ssl_opts(), None);
        }
        assert!(
            parse("mysql://localhost/app?prefer_socket=true")
                .expect("a server")
                .prefer_socket()
        );
        for url in [
            "",
            "app.db",
            "postgres://ada:sesame@localhost/app",
            "mysql://ada:se?same@localhost/app",
            "mysql://ada:sesame@localhost:port/app",
            "mysql://ada:12/sesame@localhost/app",
            "mysql://ada:12#sesame@localhost/app",
            "mysql://ada:sesame@localhost/app?sesame=1",
            "mysql://ada:sesame@localhost/app?require_ssl=sesame",
        ] {
            let problem = parse(url).expect_err(url);
            assert!(!problem.contains("same"), "{problem}");
        }
    }

    #[test]
    fn tls_verifies_the_server_unless_the_url_says_otherwise() {
        let server = parse("mysql://localhost/app?require_ssl=true").expect("a server");
        assert_eq!(server.ssl_opts(), Some(&SslOpts::default()));
        let lax = parse("mysql://localhost/app?require_ssl=true&verify_ca=false").expect("a server");
        assert!(lax.ssl_opts().expect("TLS").accept_invalid_certs());
        let problem = parse("mysql://localhost/app?ssl_ca=%2Fno%2Fsuch.pem").expect_err("no file");
        assert!(problem.starts_with("ssl_ca /no/such.pem"), "{problem}");
        for parameters in [
            "ssl_ca=ca.pem&require_ssl=false",
            "verify_ca=true",
            "verify_identity=false",
            "require_ssl=false&built_in_roots=false",
        ] {
            let refused = parse(&format!("mysql://localhost/app?{parameters}"));
            assert_eq!(refused.expect_err("no TLS"), NO_TLS, "{parameters}");
        }
        for url in ["mysql://localhost", "mysql://localhost/?require_ssl=true"] {
            assert_eq!(parse(url).expect_err("no database"), NO_DATABASE, "{url}");
        }
        let refused = parse("mysql://localhost/app?require_ssl=true&verify_identity=false");
        assert_eq!(refused.expect_err("another name"), NO_OTHER_NAME);
    }
}
