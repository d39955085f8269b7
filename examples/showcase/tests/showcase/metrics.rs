//! `/metrics`, at an address of its own.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use crate::visit::{EMAIL, PASSWORD, SQLITE, Visit, answer};

pub(crate) async fn scrape(visit: &Visit) -> String {
    let response = reqwest::get(visit.showcase.metrics_url())
        .await
        .expect("an answer");
    assert_eq!(response.status(), 200);
    response.text().await.expect("text")
}

/// A service that somebody has logged in to, and somebody else has not.
async fn used() -> Visit {
    let visit = Visit::with_user(SQLITE, &[("METRICS_BIND", "127.0.0.1:0")]).await;
    for (password, status) in [(PASSWORD, 200), ("a wrong password", 400)] {
        answer(visit.ask(crate::backend::DB, EMAIL, password), status).await;
    }
    visit
}

#[tokio::test]
async fn metrics_are_served_at_their_own_address_alone() {
    let visit = used().await;
    answer(visit.get("/metrics"), 404).await;
    let text = scrape(&visit).await;
    for line in [
        r#"portcullis_log_ins_total{backend="db",outcome="success"} 1"#,
        r#"portcullis_log_ins_total{backend="db",outcome="wrong_password"} 1"#,
        r#"portcullis_store_call_duration_seconds_count{store="sqlite",operation="access_tokens.insert"} 1"#,
        "# TYPE portcullis_store_call_duration_seconds histogram",
        "# HELP portcullis_password_hashes_waiting ",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    visit.end().await;
}

#[tokio::test]
async fn without_an_address_there_are_none() {
    let visit = Visit::start(SQLITE, &[]).await;
    answer(visit.get("/metrics"), 404).await;
    assert!(!visit.showcase.log().contains("metrics at"));
}

#[tokio::test]
#[ignore = "needs promtool"]
async fn promtool_finds_nothing_wrong_with_a_scrape() {
    let visit = used().await;
    let text = scrape(&visit).await;
    let mut check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool");
    let mut stdin = check.stdin.take().expect("its input");
    stdin.write_all(text.as_bytes()).expect("written");
    drop(stdin);
    let done = check.wait_with_output().expect("its end");
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(done.status.success() && said.is_empty(), "{said}\n{text}");
    visit.end().await;
}
