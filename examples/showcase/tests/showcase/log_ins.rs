//! The settings of log-ins, each seen to take effect. The program has the system's clock, so the values are of a second or two.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tokio::time::sleep;

use crate::visit::{EMAIL, PASSWORD, SQLITE, Visit, json_of, presenting};

/// Between two requests: others need the machine, too.
const PAUSE: Duration = Duration::from_millis(50);

/// The refresh token in an answer of `jwt-tracked`.
fn refresh_token(body: &Value) -> String {
    body["refresh_token"]
        .as_str()
        .expect("a refresh token")
        .to_owned()
}

impl Visit {
    /// The refresh token of a new log-in.
    async fn refreshable(&self) -> String {
        let log_in = self.ask(self.tracked(false), EMAIL, PASSWORD);
        refresh_token(&json_of(log_in, 200).await)
    }

    /// The next refresh token, if `token` is valid.
    async fn refresh(&self, token: &str) -> Option<String> {
        let call = self.request(Method::POST, "/auth/jwt-tracked/refresh");
        let response = call.form(&[("refresh_token", token)]).send().await;
        let response = response.expect("an answer");
        match response.status().as_u16() {
            200 => Some(refresh_token(&response.json().await.expect("JSON"))),
            401 => None,
            other => panic!("{other}"),
        }
    }

    /// The `Max-Age` of the refresh token's cookie at a log-in.
    async fn age_of_refresh_cookie(&self) -> u64 {
        let age = self.attribute_of_refresh_cookie("Max-Age").await;
        age.parse().expect("seconds")
    }

    /// The status of a request with `token`, and the next token if the answer brings it.
    async fn using(&self, token: &str) -> (u16, Option<String>) {
        let request = presenting(self.get("/protected/jwt-tracked"), self.tracked(false), token);
        let response = request.send().await.expect("an answer");
        let next = response.headers().get("x-access-token");
        let next = next.map(|next| next.to_str().expect("text").to_owned());
        (response.status().as_u16(), next)
    }
}

#[tokio::test]
async fn max_sessions_is_the_number_of_log_ins_of_a_user_at_each_backend() {
    for (max_sessions, status_of_first) in [("1", 401), ("2", 200), ("0", 200)] {
        let visit = Visit::with_user(SQLITE, &[("MAX_SESSIONS", max_sessions)]).await;
        let first = visit.log_in_everywhere().await;
        let second = visit.log_in_everywhere().await;
        for ((backend, first), (_, second)) in first.into_iter().zip(second) {
            // Nobody knows of a plain JWT.
            let expected = if backend.has_logout { status_of_first } else { 200 };
            let name = backend.name;
            assert_eq!(
                visit.enters(backend, &first).await,
                expected,
                "{max_sessions} {name}"
            );
            assert_eq!(visit.enters(backend, &second).await, 200, "{max_sessions} {name}");
        }
        visit.end().await;
    }
}

#[tokio::test]
async fn refresh_grace_is_how_long_a_replaced_refresh_token_yields_its_successor() {
    for (grace, seconds) in [("0", 0), ("1", 1)] {
        let visit = Visit::with_user(SQLITE, &[("REFRESH_GRACE", grace)]).await;
        let first = visit.refreshable().await;
        let before = Instant::now();
        let second = visit.refresh(&first).await.expect("the present one");
        let after = Instant::now();
        let mut repeats = 0;
        loop {
            let late = after.elapsed() >= Duration::from_secs(seconds);
            let Some(successor) = visit.refresh(&first).await else {
                break;
            };
            assert!(!late && successor == second, "{grace}: {repeats}");
            repeats += 1;
            sleep(PAUSE).await;
        }
        assert!(
            before.elapsed() >= Duration::from_secs(seconds),
            "{grace}: {repeats}"
        );
        assert_eq!(visit.refresh(&second).await, None, "the log-in has ended");
        visit.end().await;
    }
}

#[tokio::test]
async fn refresh_idle_ends_a_log_in_that_is_not_refreshed_and_no_other() {
    let visit = Visit::with_user(SQLITE, &[("REFRESH_IDLE", "5")]).await;
    assert_eq!(visit.age_of_refresh_cookie().await, 5);
    let (mut used, idle) = (visit.refreshable().await, visit.refreshable().await);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        sleep(PAUSE).await;
        used = visit.refresh(&used).await.expect("refreshed in time");
    }
    sleep(Duration::from_secs(5).saturating_sub(start.elapsed())).await;
    assert_eq!(visit.refresh(&idle).await, None);
    assert!(visit.refresh(&used).await.is_some());
    visit.end().await;
}

#[tokio::test]
async fn refresh_token_lifetime_ends_a_log_in_however_often_it_is_refreshed() {
    let settings = [("ACCESS_TOKEN_LIFETIME", "1"), ("REFRESH_TOKEN_LIFETIME", "2")];
    let visit = Visit::with_user(SQLITE, &settings).await;
    // It ends with a whole second.
    assert!((1..=2).contains(&visit.age_of_refresh_cookie().await));
    let before = Instant::now();
    let mut token = visit.refreshable().await;
    let after = Instant::now();
    loop {
        let is_over = after.elapsed() >= Duration::from_secs(2);
        let Some(next) = visit.refresh(&token).await else {
            break;
        };
        assert!(!is_over, "it lasts longer than it may");
        token = next;
        sleep(PAUSE).await;
    }
    assert!(before.elapsed() >= Duration::from_secs(1));
    visit.end().await;
}

#[tokio::test]
async fn rotate_after_is_the_age_at_which_a_tracked_jwt_is_replaced() {
    let visit = Visit::with_user(SQLITE, &[("ROTATE_AFTER", "2")]).await;
    let before = Instant::now();
    let token = visit.log_in(visit.tracked(false), EMAIL, PASSWORD).await;
    let after = Instant::now();
    let next = loop {
        let is_due = after.elapsed() >= Duration::from_secs(2);
        let (status, next) = visit.using(&token).await;
        assert_eq!(status, 200);
        if let Some(next) = next {
            break next;
        }
        assert!(!is_due, "it is older than that");
        sleep(PAUSE).await;
    };
    // It is as old as the whole second in which it was issued.
    assert!(before.elapsed() >= Duration::from_secs(1));
    assert_eq!(visit.using(&next).await.0, 200);
    visit.end().await;
}

#[tokio::test]
async fn rotation_grace_is_how_long_a_replaced_tracked_jwt_is_good() {
    let settings = [("ROTATE_AFTER", "0"), ("ROTATION_GRACE", "2")];
    let visit = Visit::with_user(SQLITE, &settings).await;
    let token = visit.log_in(visit.tracked(false), EMAIL, PASSWORD).await;
    let before = Instant::now();
    let (_, next) = visit.using(&token).await;
    let after = Instant::now();
    let next = next.expect("at an age of 0 it is replaced at once");
    loop {
        let is_over = after.elapsed() >= Duration::from_secs(2);
        match visit.using(&token).await.0 {
            200 => assert!(!is_over, "it is good for longer"),
            401 => break,
            other => panic!("{other}"),
        }
        sleep(PAUSE).await;
    }
    assert!(before.elapsed() >= Duration::from_secs(2));
    assert_eq!(visit.using(&next).await.0, 200, "the log-in goes on");
    visit.end().await;
}
