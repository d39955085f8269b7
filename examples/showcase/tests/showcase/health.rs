//! `/live`, `/ready`, what is not there, and the end.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use futures_util::future::join_all;
use reqwest::{Method, header::ALLOW};
use serde_json::json;

use portcullis_support::until;

use crate::{
    process::Showcase,
    visit::{EMAIL, SQLITE, Visit, answer, client, json_of},
};

#[tokio::test]
async fn it_lives_and_is_ready_and_no_cache_keeps_that() {
    let visit = Visit::start(SQLITE, &[]).await;
    for (path, body) in [
        ("/live", json!({ "status": "live" })),
        ("/ready", json!({ "status": "ready" })),
    ] {
        let response = answer(visit.get(path), 200).await;
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.json::<serde_json::Value>().await.expect("JSON"), body);
    }
}

#[tokio::test]
async fn another_path_is_404_and_another_method_405() {
    let visit = Visit::start(SQLITE, &[]).await;
    for path in [
        "/",
        "/protected/nobody",
        "/protected/",
        "/live/",
        "/auth/nobody/login",
    ] {
        assert_eq!(
            json_of(visit.get(path), 404).await,
            json!({ "detail": "Not Found" }),
            "{path}"
        );
    }
    for path in ["/live", "/ready", "/protected"] {
        let response = answer(visit.request(Method::POST, path), 405).await;
        assert_eq!(response.headers()[ALLOW], "GET", "{path}");
        assert_eq!(
            response.json::<serde_json::Value>().await.expect("JSON"),
            json!({ "detail": "Method Not Allowed" }),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_store_that_fails_is_503_with_nothing_of_the_cause_and_the_process_lives() {
    let visit = Visit::start(SQLITE, &[]).await;
    let file = visit.database_url().replace("sqlite://", "");
    let mut database = SqliteConnection::establish(&file).expect("the database");
    let mut rename = |from, to| {
        let statement = format!("PRAGMA busy_timeout = 5000; ALTER TABLE {from} RENAME TO {to}");
        database.batch_execute(&statement).expect("renamed");
    };
    rename("access_tokens", "elsewhere");
    let response = answer(visit.get("/ready"), 503).await;
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(
        response.json::<serde_json::Value>().await.expect("JSON"),
        json!({ "detail": "Service Unavailable" })
    );
    assert!(
        visit.showcase.log().contains("access_tokens"),
        "the cause is in the log"
    );
    answer(visit.get("/live"), 200).await;
    rename("elsewhere", "access_tokens");
    answer(visit.get("/ready"), 200).await;
}

#[tokio::test]
async fn with_a_server_that_is_down_it_starts_and_is_not_ready_and_its_log_says_why() {
    // Nobody listens there as long as nobody else may.
    let port = TcpListener::bind("127.0.0.1:0").expect("an address");
    let at = port.local_addr().expect("its address").to_string();
    drop(port);
    let down = [
        (
            "DATABASE_URL",
            format!("postgres://root:hunter2@{at}/app"),
            "postgresql",
        ),
        ("DATABASE_URL", format!("mysql://root:hunter2@{at}/app"), "mysql"),
        (
            "DATABASE_URL",
            format!("mongodb://root:hunter2@{at}/app"),
            "mongodb",
        ),
        ("REDIS_URL", format!("redis://root:hunter2@{at}"), "redis"),
        (
            "REDIS_URL",
            format!("redis-cluster://root:hunter2@{at}?node={at}"),
            "redis",
        ),
        (
            "REDIS_URL",
            format!("redis-sentinel://root:hunter2@{at}?sentinelServiceName=main"),
            "redis",
        ),
    ];
    join_all(down.map(async |(variable, url, store)| {
        let showcase = Showcase::start(&[(variable, &url)]).await;
        let client = client();
        until("its log says why", async || {
            answer(client.get(showcase.url("/live")), 200).await;
            let ready = answer(client.get(showcase.url("/ready")), 503).await;
            assert_eq!(ready.headers()["retry-after"], "1", "{url}");
            let body = ready.text().await.expect("text");
            assert_eq!(body, r#"{"detail":"Service Unavailable"}"#, "{url}");
            showcase.log().contains(&format!("origin=\"{store}\""))
        })
        .await;
        assert!(!showcase.log().contains("hunter2"), "{}", showcase.log());
    }))
    .await;
}

#[tokio::test]
async fn sigterm_ends_it_in_order_and_the_address_is_free_again() {
    let mut showcase = Showcase::start(&[]).await;
    let address = showcase.base_url().replace("http://", "");
    assert_eq!(showcase.stop().await.code(), Some(0), "{}", showcase.log());
    TcpListener::bind(address).expect("the address is free");
    showcase.start_again().await;
    showcase.until_ready().await;
}

#[tokio::test]
async fn sigterm_lets_a_request_end_that_has_begun() {
    let mut visit = Visit::with_user(SQLITE, &[]).await;
    let address = visit.showcase.base_url().replace("http://", "");
    let mut connection = TcpStream::connect(address).expect("a connection");
    let body = json!({ "email": EMAIL }).to_string();
    let (first, rest) = body.split_at(5);
    let head = format!(
        "POST /auth/forgot-password HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).expect("sent");
    // The handler has begun to read.
    let mut answer = [0; 25];
    connection.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.write_all(first.as_bytes()).expect("sent");
    visit.showcase.terminate();
    until("it is told to stop", async || {
        visit.showcase.log().contains("SIGTERM received")
    })
    .await;
    connection.write_all(rest.as_bytes()).expect("sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert_eq!(
        visit.showcase.end().await.code(),
        Some(0),
        "{}",
        visit.showcase.log()
    );
    assert_eq!(visit.showcase.mails().len(), 1);
}
