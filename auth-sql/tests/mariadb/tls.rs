//! TLS, with the certificate whose authority `TEST_MARIADB_CA` names.

use std::{
    env,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use portcullis_support::address_of;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::backend::{number, pool, server};

const ENCRYPTED: &str = "SELECT count(*) AS number FROM information_schema.session_status \
    WHERE variable_name = 'SSL_VERSION' AND variable_value LIKE 'TLSv1.%'";

/// What a server's greeting says where it has TLS: a bit of the lower byte pair of its abilities.
const CLIENT_SSL: u8 = 0x08;

fn authority() -> String {
    env::var("TEST_MARIADB_CA").expect("TEST_MARIADB_CA names the authority of the server's certificate")
}

/// Whether a connection to `location`, with `parameters`, is encrypted, or why there is none.
async fn encrypted(location: &str, parameters: &str) -> Result<bool, String> {
    let end = if location.contains('?') { '&' } else { '?' };
    let pool = pool(&format!("{location}{end}{parameters}"), 1);
    let mut connection = pool.get().await.map_err(|error| error.to_string())?;
    Ok(number(&mut connection, ENCRYPTED).await == 1)
}

#[test]
#[ignore = "needs MariaDB"]
fn tls_knows_the_authority_unless_the_url_says_otherwise() {
    auth_core::conformance::run(async {
        let known = authority();
        let folder = tempfile::tempdir().expect("a folder");
        let stranger = folder.path().join("stranger.pem");
        std::fs::write(&stranger, crate::server::stranger::AUTHORITY).expect("a file");
        let stranger = stranger.display();
        for (parameters, is_encrypted) in [
            (String::new(), false),
            (format!("ssl_ca={known}"), true),
            (format!("require_ssl=true&ssl_ca={known}"), true),
            ("require_ssl=true&verify_ca=false".to_owned(), true),
        ] {
            let answer = encrypted(&server(), &parameters).await;
            assert_eq!(answer, Ok(is_encrypted), "{parameters}");
        }
        for parameters in ["require_ssl=true".to_owned(), format!("ssl_ca={stranger}")] {
            let problem = encrypted(&server(), &parameters).await.expect_err(&parameters);
            assert!(problem.contains("certificate"), "{problem}");
        }
    });
}

/// One in between, at `host`, who says for the server that it has no TLS if it `strips`, and knows whether a client then
/// said anything.
async fn between(host: &str, strips: bool) -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind((host, 0)).await.expect("a port");
    let own_address = listener.local_addr().expect("an address");
    let heard = Arc::<AtomicBool>::default();
    let hears = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(address_of(&server()))
                .await
                .expect("the server is there");
            let mut head = [0; 4];
            server.read_exact(&mut head).await.expect("a greeting");
            let mut greeting = vec![0; usize::from(head[0])];
            server.read_exact(&mut greeting).await.expect("a greeting");
            if strips {
                // Behind the protocol and the version: a connection's number, 8 bytes of salt and a zero.
                let end_of_version = greeting.iter().position(|byte| *byte == 0).expect("a version");
                greeting[end_of_version + 1 + 4 + 8 + 1 + 1] &= !CLIENT_SSL;
            }
            client.write_all(&head).await.expect("a client");
            client.write_all(&greeting).await.expect("a client");
            let Ok(first) = client.read_u8().await else {
                continue;
            };
            hears.store(true, Ordering::SeqCst);
            server.write_all(&[first]).await.expect("a server");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    (own_address, heard)
}

#[test]
#[ignore = "needs MariaDB"]
fn who_requires_tls_says_nothing_to_a_server_without() {
    auth_core::conformance::run(async {
        let (stripper, heard) = between("127.0.0.1", true).await;
        let server = server();
        let through = server.replacen(address_of(&server), &stripper.to_string(), 1);
        for parameters in [
            "require_ssl=true".to_owned(),
            "require_ssl=true&verify_ca=false".to_owned(),
            format!("ssl_ca={}", authority()),
        ] {
            let refused = encrypted(&through, &parameters).await;
            refused.expect_err(&parameters);
            assert!(!heard.load(Ordering::SeqCst), "{parameters}");
        }
        assert_eq!(
            (encrypted(&through, "").await, heard.load(Ordering::SeqCst)),
            (Ok(false), true)
        );
    });
}

/// The certificate is of 127.0.0.1 and of localhost, and of no other name of this machine.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs MariaDB"]
fn tls_knows_the_name() {
    auth_core::conformance::run(async {
        let (other_name, _) = between("127.0.0.2", false).await;
        let server = server();
        let through = server.replacen(address_of(&server), &other_name.to_string(), 1);
        let known = format!("ssl_ca={}", authority());
        let problem = encrypted(&through, &known).await.expect_err("another name");
        assert!(problem.contains("certificate"), "{problem}");
        let lax = encrypted(&through, "require_ssl=true&verify_ca=false").await;
        assert_eq!(lax, Ok(true));
    });
}
