//! Locations, and servers that are not there.

use std::time::{Duration, Instant};

use auth_core::UserStore as _;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::backend::{Database, Users, connect, migrate, server};

pub(crate) async fn a_location_that_cannot_be_used_names_the_setting_and_no_secret() {
    let (scheme, _) = server()
        .split_once("://")
        .map(|(scheme, rest)| (scheme.to_owned(), rest.to_owned()))
        .expect("a URL");
    for location in [
        String::new(),
        "sqlite://app.db".to_owned(),
        "redis://ada:open-sesame@localhost/1".to_owned(),
        format!("{scheme}://ada:open-sesame@localhost:port/app"),
        format!("{scheme}://ada:open-sesame@localhost/app?no-such-parameter=1"),
        format!(
            "{scheme}://ada:open-sesame@localhost/app?ssl_ca=/no/such.pem&sslmode=verify-ca&sslrootcert=/no/such.pem"
        ),
    ] {
        let error = connect("DATABASE_URL", &location).err().expect(&location);
        assert_eq!(error.setting(), "DATABASE_URL", "{location}");
        assert!(!error.to_string().contains("sesame"), "{error}");
    }
}

pub(crate) async fn a_server_that_is_down_is_a_store_error_and_no_error_at_start() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let (scheme, _) = server()
        .split_once("://")
        .map(|(scheme, rest)| (scheme.to_owned(), rest.to_owned()))
        .expect("a URL");
    let url = format!("{scheme}://ada:open-sesame@{address}/app");
    let pool = connect("DATABASE_URL", &url).expect("a pool without a connection");
    let users = Users::new(
        Database::new(pool.clone())
            .deadline(Duration::from_secs(20))
            .expect("a deadline"),
    );
    let start = Instant::now();
    for error in [
        migrate(&pool).await.expect_err("nobody is there"),
        users.find(&Uuid::now_v7()).await.expect_err("nobody is there"),
    ] {
        assert!(
            !error.is_timeout() && !format!("{error} {error:?}").contains("sesame"),
            "{error}"
        );
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
