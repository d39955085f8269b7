//! A value that cannot be used keeps the program from starting, and the error names its variable.

use std::{
    fs::{self, File},
    net::TcpListener,
    process::Command,
    thread,
};

use serde_json::json;

use portcullis_support::until;

use crate::{
    process::Showcase,
    visit::{EMAIL, PASSWORD, answer, client},
};

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
        ("CACHE", &["", "on", "near", "redis"]),
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
                "mysql://localhost/app?require_ssl=perhaps",
                "mongodb://",
                "mongodb://localhost:port/app",
                "mongodb://localhost/app?tls=perhaps",
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
                "redis-replica://localhost",
                "redis-cluster://localhost?node=nowhere:port",
                "redis-sentinel://localhost",
                "redis-sentinel://localhost:port?sentinelServiceName=main",
            ],
        ),
        (
            "EMAIL_DOMAINS",
            &["", "@camelot.example", "camelot.example,,other.example"],
        ),
        ("EVENTS_FILE", &["", "no/such/folder/events"]),
        ("DATABASE_URL", &["sqlite:///no/such/folder/showcase.db"]),
        (
            "AUTH_SECRET",
            &[
                "",
                "short",
                "31 bytes are one too few for it",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "your-256-bit-secret-your-256-bit-secret",
            ],
        ),
        (
            "TOKEN_LIFETIME",
            &["", "0", "-1", "1.5", "an hour", "3155760001000"],
        ),
        ("ACCESS_TOKEN_LIFETIME", &["", "0", "half an hour"]),
        ("REFRESH_TOKEN_LIFETIME", &["", "0", "899"]),
        ("REFRESH_IDLE", &["", "0", "a week"]),
        ("REFRESH_GRACE", &["", "-1", "61"]),
        ("ROTATE_AFTER", &["", "-1", "900"]),
        // The last one is for a rotation, and nothing asks for one.
        ("ROTATION_GRACE", &["", "-1", "10"]),
        ("MAX_SESSIONS", &["", "-1", "one", "4294967296"]),
        (
            "TRUSTED_ORIGINS",
            &["", "*", "app.example.com", "https://app.example.com,"],
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
        ("THROTTLE", &["", "ON", "false"]),
        (
            "PUBLIC_URL",
            &[
                "",
                "example.com",
                "/api",
                "ftp://example.com",
                "https://example.com/api?x",
                "https://example.com/#x",
                "https://user:password@example.com",
            ],
        ),
        ("TRUSTED_PROXIES", &["", "proxy.internal", "10.0.0.0/33"]),
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
async fn a_grace_of_a_rotation_has_bounds() {
    let with = |lifetime, grace| {
        [
            ("ACCESS_TOKEN_LIFETIME", lifetime),
            ("ROTATE_AFTER", "0"),
            ("ROTATION_GRACE", grace),
        ]
    };
    for (lifetime, grace) in [("900", "0"), ("900", "61"), ("5", "5")] {
        let error = refusal(&with(lifetime, grace)).await;
        assert!(error.starts_with("error: ROTATION_GRACE: "), "{error}");
    }
    Showcase::start(&with("5", "4")).await;
    // The default is too long for such a token, too.
    let error = refusal(&with("5", "4")[..2]).await;
    assert!(error.starts_with("error: ROTATION_GRACE: is 10 s, "), "{error}");
}

#[tokio::test]
async fn n10_an_address_that_is_taken_is_an_error_at_start() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("an address");
    let address = taken.local_addr().expect("its address").to_string();
    let error = refusal(&[("BIND", &address)]).await;
    assert!(error.starts_with(&format!("error: BIND: {address}: ")), "{error}");
    assert!(error.contains("choose another port"), "{error}");
}

#[tokio::test]
async fn without_an_address_it_is_port_8080_of_this_machine_alone() {
    // Whoever has it, nobody else gets it.
    let _taken = TcpListener::bind("127.0.0.1:8080");
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let mut process = Command::new(env!("CARGO_BIN_EXE_showcase"))
        .env_clear()
        .current_dir(folder.path())
        .stderr(File::create(&log).expect("a log"))
        .spawn()
        .expect("the program");
    until("it refuses to start", async || {
        process.try_wait().expect("its state").is_some()
    })
    .await;
    let log = fs::read_to_string(log).expect("the log");
    let error = log.lines().last().unwrap_or_default();
    assert!(error.starts_with("error: BIND: 127.0.0.1:8080: "), "{log}");
}

#[tokio::test]
async fn what_is_not_set_has_its_default() {
    let showcase = Showcase::start(&[]).await;
    showcase.until_ready().await;
    for made in ["showcase.db", "outbox"] {
        assert!(showcase.folder().join(made).exists(), "{made}");
    }
    let threads = thread::available_parallelism().expect("a count");
    assert!(
        showcase.log().contains(&format!("starting {threads} workers")),
        "{}",
        showcase.log()
    );
    // Nobody asks for a verified e-mail, and a log-in is good for an hour.
    let user = json!({ "email": EMAIL, "password": PASSWORD });
    let client = client();
    answer(client.post(showcase.url("/auth/register")).json(&user), 201).await;
    let form = [("username", EMAIL), ("password", PASSWORD)];
    let log_in = client.post(showcase.url("/auth/cookie/login")).form(&form);
    let cookie = answer(log_in, 204).await.headers()["set-cookie"].clone();
    let attributes = cookie.to_str().expect("text").split("; ");
    assert!(
        attributes.into_iter().any(|part| part == "Max-Age=3600"),
        "{cookie:?}"
    );
    // There is no Redis.
    let form = client.post(showcase.url("/auth/redis/login")).form(&form);
    answer(form, 404).await;
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
        ("REDIS_URL", "redis-cluster://root:hunter2@localhost?node=:port"),
        ("REDIS_URL", "redis-sentinel://root:hunter2@localhost"),
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
async fn n13_without_a_secret_one_is_made_with_a_warning() {
    let log = Showcase::start(&[]).await.log();
    let warning = log.lines().find(|line| line.contains("AUTH_SECRET"));
    let warning = warning.expect("a warning");
    for part in [
        "WARN portcullis: AUTH_SECRET is not set",
        "end with this process",
        "openssl rand -base64 32",
    ] {
        assert!(warning.contains(part), "{warning}");
    }
    let showcase = Showcase::start(&[("AUTH_SECRET", "32 bytes are just enough for it.")]).await;
    assert!(!showcase.log().contains("AUTH_SECRET"), "{}", showcase.log());
}

#[tokio::test]
async fn it_has_as_many_workers_as_it_is_told() {
    let showcase = Showcase::start(&[("WORKERS", "3")]).await;
    assert!(
        showcase.log().contains("starting 3 workers"),
        "{}",
        showcase.log()
    );
}

#[tokio::test]
async fn the_log_follows_rust_log() {
    let showcase = Showcase::start(&[("RUST_LOG", "warn,showcase=info")]).await;
    showcase.until_ready().await;
    let log = showcase.log();
    assert!(log.contains("INFO showcase"), "{log}");
    assert!(!log.contains("INFO actix_server"), "{log}");
}
