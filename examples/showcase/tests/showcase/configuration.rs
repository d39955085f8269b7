//! A value that cannot be used keeps the program from starting, and the error names its variable.

use crate::process::Showcase;

/// What the program says of `settings`, with which it must not start.
async fn refusal(settings: &[(&str, &str)]) -> String {
    match Showcase::try_start(settings).await {
        Ok(_) => panic!("it starts with {settings:?}"),
        Err(ended) => {
            assert_eq!(ended.status.code(), Some(1), "{settings:?}: {ended:?}");
            let error = ended.log.lines().last().unwrap_or_default().to_owned();
            assert!(!ended.log.contains("panicked"), "{settings:?}: {ended:?}");
            error
        }
    }
}

#[tokio::test]
async fn a_bad_value_is_an_error_at_start_that_names_its_variable() {
    for (variable, values) in [
        (
            "BIND",
            &[
                "",
                "8080",
                "nowhere",
                "127.0.0.1",
                "127.0.0.1:99999",
                "256.0.0.1:80",
            ][..],
        ),
        (
            "DATABASE_URL",
            &[
                "",
                "showcase.db",
                "oracle://localhost/app",
                "sqlite:showcase.db",
                "sqlite://",
                "sqlite://:memory:",
                "postgres://localhost:port/app",
                "postgres://localhost/app?sslmode=perhaps",
                "mysql://",
                "mysql://localhost:port/app",
                "mongodb://",
                "mongodb://localhost:port/app",
            ],
        ),
        (
            "REDIS_URL",
            &[
                "",
                "localhost:6379",
                "http://localhost:6379",
                "redis://",
                "redis://localhost:port",
            ],
        ),
        ("DATABASE_URL", &["sqlite:///no/such/folder/showcase.db"]),
        ("AUTH_SECRET", &["", "short", "31 bytes are one too few for it"]),
        (
            "TOKEN_LIFETIME",
            &["", "0", "-1", "1.5", "an hour", "3155760001000"],
        ),
        ("REQUIRES_VERIFICATION", &["", "yes", "1", "TRUE"]),
        (
            "SUPERUSER",
            &[
                "",
                "root@camelot.example",
                "root:a grail of many words",
                ":a grail of many words",
            ],
        ),
        ("OUTBOX_DIR", &["", "/dev/null/outbox"]),
        ("WORKERS", &["", "0", "-1", "many", "65536"]),
        ("RUST_LOG", &["showcase=loud"]),
    ] {
        for value in values {
            let error = refusal(&[(variable, value)]).await;
            assert!(
                error.starts_with(&format!("error: {variable}: ")),
                "{value:?}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_at_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("an address");
    let address = taken.local_addr().expect("its address").to_string();
    let error = refusal(&[("BIND", &address)]).await;
    assert!(error.starts_with("error: BIND: "), "{error}");
}

#[tokio::test]
async fn an_error_never_repeats_a_password() {
    for (variable, value) in [
        ("DATABASE_URL", "oracle://root:hunter2@localhost/app"),
        ("DATABASE_URL", "sqlite:root:hunter2"),
        ("DATABASE_URL", "postgres://root:hunter2@localhost:port/app"),
        ("DATABASE_URL", "mysql://root:hunter2@localhost:port/app"),
        ("DATABASE_URL", "mongodb://root:hunter2@localhost:port/app"),
        ("REDIS_URL", "http://root:hunter2@localhost"),
        ("REDIS_URL", "redis://root:hunter2@localhost:port"),
        ("SUPERUSER", "nobody:hunter2"),
        ("SUPERUSER", "root@camelot.example:hunter2"),
        ("AUTH_SECRET", "hunter2"),
    ] {
        let error = refusal(&[(variable, value)]).await;
        assert!(error.starts_with(&format!("error: {variable}: ")), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn without_a_secret_one_is_made_with_a_warning() {
    let showcase = Showcase::start(&[]).await;
    assert!(
        showcase
            .log()
            .contains("WARN showcase::settings: AUTH_SECRET is not set")
    );
    let showcase = Showcase::start(&[("AUTH_SECRET", "32 bytes are just enough for it.")]).await;
    assert!(!showcase.log().contains("AUTH_SECRET"), "{}", showcase.log());
}

#[tokio::test]
async fn the_log_follows_rust_log() {
    let showcase = Showcase::start(&[("RUST_LOG", "warn,showcase=info")]).await;
    showcase.until_ready().await;
    let log = showcase.log();
    assert!(log.contains("INFO showcase"), "{log}");
    assert!(!log.contains("INFO actix_server"), "{log}");
}
