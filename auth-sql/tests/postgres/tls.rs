//! TLS, with the certificate whose authority `TEST_POSTGRES_CA` names.

use std::env;

use auth_sql::postgres::{Database, PostgresUserStore};

use crate::backend::{number, pool, server};

const ENCRYPTED: &str = "SELECT count(*) AS number FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl AND version LIKE 'TLSv1.%'";

/// An authority that signed nothing here.
const STRANGER: &str = "-----BEGIN CERTIFICATE-----
MIIBfDCCASOgAwIBAgIUH0ws31NCsn1Vs90Y2JkxPlO8tOAwCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIU3RyYW5nZXIwIBcNMjYxMTIyMjAwODIxWhgPMjEyNjEwMjky
MDA4MjFaMBMxETAPBgNVBAMMCFN0cmFuZ2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEXiZcx9rM+k7bjdsCVXLtcr5kgf/U2dhhoHB5rgrxGO+CyWDBVrk9Tppv
QU2GbT4iFGAcHgD7b5knScghgzXwEaNTMFEwHQYDVR0OBBYEFDYY5GOkRFy0Sam6
sXH3shtSKYu9MB8GA1UdIwQYMBaAFDYY5GOkRFy0Sam6sXH3shtSKYu9MA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgVdrVyNLox7H8xtv5tlHlHALq
acyVH2c7SLABfI74KP8CIGX5tPbahiUKGbQmQu8s3nF0EdH8pNVF4BVGy86ivUQT
-----END CERTIFICATE-----
";

fn authority() -> String {
    env::var("TEST_POSTGRES_CA").expect("TEST_POSTGRES_CA names the authority of the server's certificate")
}

/// The server, under the name or address `host`, with `parameters`.
fn location(host: &str, parameters: &str) -> String {
    let server = server();
    let end = if server.contains('?') { '&' } else { '?' };
    format!("{}{end}{parameters}", server.replacen("127.0.0.1", host, 1))
}

/// Whether a connection to `location` is encrypted, or why there is none.
async fn encrypted(location: &str) -> Result<bool, String> {
    let pool = pool(location, 1);
    let mut connection = pool.get().await.map_err(|error| error.to_string())?;
    Ok(number(&mut connection, ENCRYPTED).await == 1)
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_mode_without_verification_encrypts_for_anyone() {
    auth_core::conformance::run(async {
        for (mode, is_encrypted) in [("disable", false), ("prefer", true), ("require", true)] {
            let location = location("127.0.0.1", &format!("sslmode={mode}"));
            assert_eq!(encrypted(&location).await, Ok(is_encrypted), "{mode}");
        }
        assert_eq!(encrypted(&server()).await, Ok(true), "encryption is preferred");
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_mode_with_verification_knows_the_authority_and_the_name() {
    auth_core::conformance::run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let stranger = folder.path().join("stranger.pem");
        std::fs::write(&stranger, STRANGER).expect("a file");
        let (known, stranger) = (authority(), stranger.display().to_string());
        // The certificate is of 127.0.0.1 and of localhost, and of no other name of this machine.
        for (host, mode, authority, accepted) in [
            ("127.0.0.1", "require", &known, true),
            ("127.0.0.1", "verify-ca", &known, true),
            ("127.0.0.1", "verify-full", &known, true),
            ("localhost", "verify-full", &known, true),
            ("127.0.0.2", "require", &known, true),
            ("127.0.0.2", "verify-ca", &known, true),
            ("127.0.0.2", "verify-full", &known, false),
            ("127.0.0.1", "require", &stranger, false),
            ("127.0.0.1", "verify-ca", &stranger, false),
            ("127.0.0.1", "verify-full", &stranger, false),
        ] {
            // The server listens on one address, whatever the name that is asked for.
            let parameters = format!("hostaddr=127.0.0.1&sslmode={mode}&sslrootcert={authority}");
            let answer = encrypted(&location(host, &parameters)).await;
            assert_eq!(
                answer.is_ok_and(|encrypted| encrypted),
                accepted,
                "{host} {mode} {authority}"
            );
        }
        for mode in ["verify-ca", "verify-full"] {
            let refused = encrypted(&location("127.0.0.1", &format!("sslmode={mode}"))).await;
            let problem = refused.expect_err("the platform does not know the authority");
            assert!(problem.contains("certificate"), "{problem}");
        }
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn the_stores_work_over_tls() {
    auth_core::conformance::run(async {
        let location = location(
            "localhost",
            &format!("sslmode=verify-full&sslrootcert={}", authority()),
        );
        let place = crate::backend::Place::migrated().await;
        let end = place
            .url()
            .split_once("options=")
            .map(|(_, path)| path.to_owned())
            .expect("a search path");
        let users = PostgresUserStore::new(Database::new(pool(&format!("{location}&options={end}"), 1)));
        let user = auth_core::UserStore::insert(&users, crate::server::sample::new_user("ada", ())).await;
        let user: auth_core::User = user.expect("a user");
        let found = auth_core::UserStore::find(&users, &user.id)
            .await
            .expect("an answer");
        assert!(found.is_some());
    });
}
