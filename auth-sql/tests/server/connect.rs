//! Locations, and servers that are not there.

use std::time::{Duration, Instant};

use auth_core::{StoreErrorKind, UserStore as _};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::backend::{Database, Place, Users, connect, database, migrate, server};

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
        let error = connect(&location).err().expect(&location);
        assert_eq!(error.setting(), "database URL", "{location}");
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
    let pool = connect(&url).expect("a pool without a connection");
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
            error.kind() == StoreErrorKind::Unreachable && !format!("{error} {error:?}").contains("sesame"),
            "{error}"
        );
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

/// A server's URL in its parts: scheme, user and password with the `@` behind them, host and port, parameters.
fn parts(url: &str) -> [&str; 4] {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = place.split('/').next().unwrap_or_default();
    let host = authority.rfind('@').map_or(0, |at| at + 1);
    [scheme, &authority[..host], &authority[host..], parameters]
}

pub(crate) async fn n10_a_server_that_cannot_be_used_is_named_with_the_cause_and_the_next_step() {
    let url = server();
    let [scheme, user, host, parameters] = parts(&url);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed = listener.local_addr().expect("an address").to_string();
    drop(listener);
    for (user, host, name, next_step) in [
        ("ada:open-sesame@", &*closed, "app", "Is the server running"),
        (
            "ada:open-sesame@",
            "no-such-host.invalid:7",
            "app",
            "Is the host spelt correctly?",
        ),
        (user, host, "no_such_database", "Create the database"),
        (
            "no_such_user:open-sesame@",
            host,
            "app",
            "Check the user and the password",
        ),
        ("no_such_user:open-sesame@", host, "app", "`@` is `%40`"),
    ] {
        let url = format!("{scheme}://{user}{host}/{name}?{parameters}");
        let pool = connect(&url).expect("a pool without a connection");
        let found = Users::new(database(&pool)).find(&Uuid::now_v7()).await;
        let error = found.expect_err("there is no such server");
        let message = error.to_string();
        let place = format!("database URL: no connection to `{host}`, database `{name}`, user `");
        assert!(message.contains(&place), "{message}");
        assert!(message.contains(next_step), "{message}");
        assert!(!format!("{message} {error:?}").contains("sesame"), "{message}");
    }
}

pub(crate) async fn n10_a_password_that_is_not_percent_encoded_is_told_and_not_repeated() {
    let url = server();
    let [scheme, ..] = parts(&url);
    for password in ["12/sesame", "12#sesame", "p/sesame", "p#sesame"] {
        let url = format!("{scheme}://ada:{password}@localhost/app");
        let error = connect(&url).err().expect(&url);
        assert_eq!(error.setting(), "database URL");
        let message = error.to_string();
        assert!(message.contains("`@` is `%40`"), "{message}");
        assert!(!message.contains("sesame"), "{message}");
    }
    // An `@` is read as a part of the password, or told.
    let url = format!("{scheme}://ada:p@sesame@127.0.0.1:1/app");
    let message = match connect(&url) {
        Err(error) => error.to_string(),
        Ok(pool) => {
            let found = Users::new(database(&pool)).find(&Uuid::now_v7()).await;
            found.expect_err("nobody listens").to_string()
        }
    };
    assert!(!message.contains("sesame"), "{message}");
}

pub(crate) async fn n10_tables_that_are_not_there_or_are_anothers_are_told_with_the_next_step() {
    let place = Place::new().await;
    let users = Users::new(place.database(1));
    let error = users.find(&Uuid::now_v7()).await.expect_err("no table");
    assert!(error.to_string().contains("run `migrate`"), "{error}");
    place.run("CREATE TABLE users (id integer PRIMARY KEY)").await;
    let error = users.find(&Uuid::now_v7()).await.expect_err("another's table");
    assert!(error.to_string().contains("run `migrate`"), "{error}");
    let error = migrate(&place.pool(1)).await.expect_err("another's table");
    assert!(error.to_string().contains("`user_store!`"), "{error}");
}
