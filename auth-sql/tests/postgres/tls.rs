//! TLS, with the certificate whose authority `TEST_POSTGRES_CA` names.

use std::{
    env,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use auth_sql::postgres::{Database, PostgresUserStore};
use portcullis_support::address_of;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::backend::{number, pool, server};

const ENCRYPTED: &str = "SELECT count(*) AS number FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl AND version LIKE 'TLSv1.%'";

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
        std::fs::write(&stranger, crate::server::stranger::AUTHORITY).expect("a file");
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
        let location = format!("{location}&options={}", place.options());
        let users = PostgresUserStore::new(Database::new(pool(&location, 1)));
        let user = auth_core::UserStore::insert(&users, crate::server::sample::new_user("ada", ())).await;
        let user: auth_core::User = user.expect("a user");
        let found = auth_core::UserStore::find(&users, &user.id)
            .await
            .expect("an answer");
        assert!(found.is_some());
    });
}

/// One in between who says for the server that it has no TLS, and knows whether a client then said anything.
async fn stripper() -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let heard = Arc::<AtomicBool>::default();
    let hears = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = [0; 8];
            client.read_exact(&mut request).await.expect("a request for TLS");
            client.write_all(b"N").await.expect("a client");
            let Ok(first) = client.read_u8().await else {
                continue;
            };
            hears.store(true, Ordering::SeqCst);
            let mut server = TcpStream::connect(address_of(&server()))
                .await
                .expect("the server is there");
            server.write_all(&[first]).await.expect("a server");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    (address, heard)
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_mode_that_requires_tls_says_nothing_to_a_server_without() {
    auth_core::conformance::run(async {
        let (address, heard) = stripper().await;
        let server = server();
        let through = server.replacen(address_of(&server), &address.to_string(), 1);
        let end = if server.contains('?') { '&' } else { '?' };
        let known = authority();
        for parameters in [
            "sslmode=require".to_owned(),
            "sslmode=verify-ca".to_owned(),
            format!("sslmode=require&sslrootcert={known}"),
            format!("sslmode=verify-full&sslrootcert={known}"),
        ] {
            let refused = encrypted(&format!("{through}{end}{parameters}")).await;
            let problem = refused.expect_err(&parameters);
            assert!(problem.contains("TLS"), "{parameters}: {problem}");
            assert!(!heard.load(Ordering::SeqCst), "{parameters}");
        }
        let preferred = encrypted(&format!("{through}{end}sslmode=prefer")).await;
        assert_eq!((preferred, heard.load(Ordering::SeqCst)), (Ok(false), true));
    });
}
