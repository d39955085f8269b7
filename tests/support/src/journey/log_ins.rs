//! Section 12: where a user is logged in.

use reqwest::Method;
use serde_json::Value;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::Case;
use crate::{Answer, PASSWORD, Pass, address};

crate::sentences! {
    s6_a_user_sees_where_they_are_logged_in_newest_first
    s6_a_list_has_public_ids_alone
    s6_a_log_in_is_one_entry_however_often_it_was_refreshed
    s6_a_user_ends_a_log_in_of_their_own_and_no_other
    s6_the_end_of_the_current_log_in_removes_its_cookie
    s6_a_user_ends_every_log_in_but_the_current_one
    s6_a_log_out_everywhere_ends_every_credential
    s6_log_ins_are_for_whom_one_may_read_oneself
    s6_a_superuser_sees_and_ends_the_log_ins_of_others
    s6_the_log_ins_of_others_are_for_superusers
}

const SESSIONS: &str = "/auth/sessions";

/// True if the service has a store that lists. Without one, these routes are unknown.
fn has_list(case: &Case) -> bool {
    case.kinds.iter().any(|kind| kind.is_revocable())
}

async fn sessions(case: &Case, pass: &Pass) -> Answer {
    case.get(SESSIONS).with(pass).send().await
}

/// The ids of the log-ins that `pass` sees, and whether each is the current one.
async fn listed(case: &Case, pass: &Pass) -> Vec<(String, bool)> {
    let answer = sessions(case, pass).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    ids(&answer)
}

fn ids(answer: &Answer) -> Vec<(String, bool)> {
    let entries = answer.json();
    let entry = |entry: &Value| {
        let id = entry["id"].as_str().expect("an id").to_owned();
        (id, entry["current"].as_bool().expect("a flag"))
    };
    entries.as_array().expect("a list").iter().map(entry).collect()
}

/// Another log-in of `lancelot`, later than those before.
async fn later(case: &Case) -> Pass {
    if case.clock.is_some() {
        case.advance(Duration::seconds(1));
    }
    case.pass(case.kind, &address("lancelot")).await
}

async fn delete(case: &Case, path: &str, pass: &Pass) -> Answer {
    case.delete(path).with(pass).send().await
}

/// The answer removes the cookie, if the credential is one.
#[track_caller]
fn removes_cookie(case: &Case, answer: &Answer) {
    answer.is(204, "");
    let cookies: Vec<_> = [case.kind.cookie(), case.kind.refresh_cookie()]
        .into_iter()
        .flatten()
        .collect();
    for name in &cookies {
        assert_eq!(
            answer.cookie(name).map(|cookie| cookie.value).as_deref(),
            Some(""),
            "{name}"
        );
    }
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), cookies.len());
}

async fn s6_a_user_sees_where_they_are_logged_in_newest_first(case: &Case) {
    case.seed(case.someone("lancelot")).await;
    let agent = format!("{}ü and more", "x".repeat(255));
    let log_in = case
        .post(&case.kind.login())
        .form(&[("username", &*address("lancelot")), ("password", PASSWORD)])
        .header("user-agent", &agent);
    let first = case.kind.issued(&log_in.send().await);
    let began = case.now();
    let second = later(case).await;
    // Of somebody else.
    case.member("gawain").await;

    let answer = sessions(case, &second).await;
    if !has_list(case) {
        answer.is_not_found();
        return;
    }
    assert_eq!(answer.status, 200, "{answer:?}");
    if !case.kind.is_revocable() {
        answer.is(200, "[]");
        return;
    }
    let entries = answer.json();
    let [newer, older] = &**entries.as_array().expect("a list") else {
        panic!("{entries}");
    };
    let names = [
        "id",
        "backend",
        "created_at",
        "last_used_at",
        "expires_at",
        "user_agent",
        "address",
        "label",
        "current",
    ];
    let places = names.map(|name| answer.text().find(&format!("\"{name}\":")).expect(name));
    assert!(places.is_sorted(), "{}", answer.text());
    for entry in [newer, older] {
        assert_eq!(
            entry.as_object().expect("an object").len(),
            names.len(),
            "{entry}"
        );
        assert_eq!(entry["backend"], case.kind.name());
        assert_eq!(entry["last_used_at"], entry["created_at"]);
        assert_eq!(
            (&entry["address"], &entry["label"]),
            (&"127.0.0.1".into(), &Value::Null)
        );
    }
    assert_eq!(
        (&newer["current"], &older["current"]),
        (&true.into(), &false.into())
    );
    assert_eq!(newer["user_agent"], Value::Null);
    assert_eq!(
        older["user_agent"],
        "x".repeat(255),
        "256 bytes, and no half of a character"
    );
    assert!(instant(&newer["created_at"]) > instant(&older["created_at"]));
    if case.clock.is_some() {
        assert_eq!(instant(&older["created_at"]), began);
        let lifetime = instant(&older["expires_at"]) - began;
        // A JWT tells its times in whole seconds, rounded down.
        let (most, least) = if case.kind.has_refresh() {
            (Duration::days(30), Duration::days(30) - Duration::seconds(1))
        } else {
            (Duration::hours(1), Duration::hours(1))
        };
        assert!((least..=most).contains(&lifetime), "{lifetime}");
    }
    assert_eq!(
        ids(&sessions(case, &first).await)[1],
        (older["id"].as_str().expect("an id").to_owned(), true)
    );
}

/// An instant in UTC.
#[track_caller]
fn instant(value: &Value) -> OffsetDateTime {
    let text = value.as_str().expect("an instant");
    assert!(text.ends_with('Z'), "{text}");
    OffsetDateTime::parse(text, &Rfc3339).expect(text)
}

async fn s6_a_list_has_public_ids_alone(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    if !has_list(case) || !case.kind.is_revocable() {
        return;
    }
    let answer = sessions(case, &pass).await;
    assert!(!answer.text().contains(&pass.token), "no token");
    for (id, _) in ids(&answer) {
        id.parse::<Uuid>().expect("a public id");
        case.me(&Pass::new(case.kind, id)).await.is_unauthorized();
    }
}

async fn s6_a_log_in_is_one_entry_however_often_it_was_refreshed(case: &Case) {
    let (_, other) = case.member("lancelot").await;
    let mut pass = later(case).await;
    if !case.kind.has_refresh() {
        return;
    }
    let before = listed(case, &pass).await;
    for _ in 0..2 {
        pass = case.kind.issued(&case.refreshed(&pass).await);
    }
    assert_eq!(listed(case, &pass).await, before);
    let (current, _) = &before[0];
    delete(case, &format!("{SESSIONS}/{current}"), &other)
        .await
        .is(204, "");
    case.me(&pass).await.is_unauthorized();
    case.refreshed(&pass).await.is_unauthorized();
}

async fn s6_a_user_ends_a_log_in_of_their_own_and_no_other(case: &Case) {
    let (_, old) = case.member("lancelot").await;
    let (_, stranger) = case.member("gawain").await;
    let current = later(case).await;
    let own = |id: &str| format!("{SESSIONS}/{id}");
    if !has_list(case) {
        delete(case, &own(&Uuid::nil().to_string()), &current)
            .await
            .is_not_found();
        return;
    }
    for id in [&*Uuid::nil().to_string(), "none", "%00", &current.token] {
        delete(case, &own(id), &current).await.is_not_found();
    }
    if !case.kind.is_revocable() {
        return;
    }
    let (strangers, _) = listed(case, &stranger).await.remove(0);
    delete(case, &own(&strangers), &current).await.is_not_found();
    assert_eq!(case.me(&stranger).await.status, 200);

    let (ended, is_current) = listed(case, &current).await.remove(1);
    assert!(!is_current);
    let answer = delete(case, &own(&ended), &current).await;
    answer.is(204, "");
    assert_eq!(answer.header("set-cookie"), None);
    case.me(&old).await.is_unauthorized();
    delete(case, &own(&ended), &current).await.is_not_found();
    assert_eq!(listed(case, &current).await.len(), 1);
}

async fn s6_the_end_of_the_current_log_in_removes_its_cookie(case: &Case) {
    let (_, other) = case.member("lancelot").await;
    let current = later(case).await;
    if !has_list(case) || !case.kind.is_revocable() {
        return;
    }
    let (id, is_current) = listed(case, &current).await.remove(0);
    assert!(is_current);
    let answer = delete(case, &format!("{SESSIONS}/{id}"), &current).await;
    removes_cookie(case, &answer);
    case.me(&current).await.is_unauthorized();
    assert_eq!(case.me(&other).await.status, 200);
}

async fn s6_a_user_ends_every_log_in_but_the_current_one(case: &Case) {
    let (_, first) = case.member("lancelot").await;
    let (second, current) = (later(case).await, later(case).await);
    let (_, stranger) = case.member("gawain").await;
    let answer = delete(case, SESSIONS, &current).await;
    if !has_list(case) {
        answer.is_not_found();
        return;
    }
    answer.is(204, "");
    assert_eq!(answer.header("set-cookie"), None);
    for kept in [&current, &stranger] {
        assert_eq!(case.me(kept).await.status, 200);
    }
    if case.kind.is_revocable() {
        case.me(&first).await.is_unauthorized();
        case.me(&second).await.is_unauthorized();
        assert_eq!(listed(case, &current).await.len(), 1);
    }
    delete(case, SESSIONS, &current).await.is(204, "");
}

async fn s6_a_log_out_everywhere_ends_every_credential(case: &Case) {
    let (_, other) = case.member("lancelot").await;
    let current = later(case).await;
    let (_, stranger) = case.member("gawain").await;
    let everywhere = async |pass: &Pass| case.post("/auth/logout-everywhere").with(pass).send().await;
    everywhere(&case.bad_pass()).await.is_unauthorized();
    let answer = everywhere(&current).await;
    removes_cookie(case, &answer);
    for ended in [&other, &current] {
        case.me(ended).await.is_unauthorized();
    }
    everywhere(&current).await.is_unauthorized();
    assert_eq!(case.me(&stranger).await.status, 200);
    let new = later(case).await;
    assert_eq!(case.me(&new).await.status, 200);
    if has_list(case) {
        let own = usize::from(case.kind.is_revocable());
        assert_eq!(
            listed(case, &new).await.len(),
            own,
            "the others are no log-ins any more"
        );
    }
}

async fn s6_log_ins_are_for_whom_one_may_read_oneself(case: &Case) {
    let (_, pass) = case.no_longer_verified("lancelot").await;
    let one = format!("{SESSIONS}/{}", Uuid::nil());
    let mut routes = vec![(Method::POST, "/auth/logout-everywhere", 204)];
    if has_list(case) {
        routes.extend([
            (Method::GET, SESSIONS, 200),
            (Method::DELETE, &one, 404),
            (Method::DELETE, SESSIONS, 204),
        ]);
    }
    // The log-out comes last.
    for (method, path, status) in routes.into_iter().rev() {
        let call = || case.call(method.clone(), path);
        call().send().await.is_unauthorized();
        call().with(&case.bad_pass()).send().await.is_unauthorized();
        let answer = call().with(&pass).send().await;
        if case.verification {
            answer.is_forbidden();
        } else {
            assert_eq!(answer.status, status, "{method} {path}");
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    if case.verification {
        case.set(&address("lancelot"), |user| user.is_verified = true)
            .await;
        assert_eq!(case.me(&pass).await.status, 200, "nothing was ended");
    }
}

async fn s6_a_superuser_sees_and_ends_the_log_ins_of_others(case: &Case) {
    let (king, crown) = case.king().await;
    let (user, first) = case.member("lancelot").await;
    let second = later(case).await;
    let theirs = format!("/users/{}/sessions", user.id);
    let list = async |path: &str| case.get(path).with(&crown).send().await;
    if !has_list(case) {
        list(&theirs).await.is_not_found();
        return;
    }
    let seen = ids(&list(&theirs).await);
    let own = if case.kind.is_revocable() { 2 } else { 0 };
    assert_eq!(seen.len(), own);
    assert!(
        seen.iter().all(|(_, is_current)| !is_current),
        "they are another's"
    );
    for id in [&*Uuid::nil().to_string(), "none"] {
        delete(case, &format!("{theirs}/{id}"), &crown)
            .await
            .is_not_found();
        let nobodys = format!("/users/{id}/sessions");
        list(&nobodys).await.is_not_found();
        delete(case, &nobodys, &crown).await.is_not_found();
        delete(case, &format!("{nobodys}/{id}"), &crown)
            .await
            .is_not_found();
    }
    if let Some((oldest, _)) = seen.last() {
        let of_another = format!("/users/{}/sessions/{oldest}", king.id);
        delete(case, &of_another, &crown).await.is_not_found();
        let answer = delete(case, &format!("{theirs}/{oldest}"), &crown).await;
        answer.is(204, "");
        assert_eq!(answer.header("set-cookie"), None);
        case.me(&first).await.is_unauthorized();
    }
    assert_eq!(case.me(&second).await.status, 200);
    let answer = delete(case, &theirs, &crown).await;
    answer.is(204, "");
    assert_eq!(answer.header("set-cookie"), None);
    case.me(&second).await.is_unauthorized();
    list(&theirs).await.is(200, "[]");

    // Nothing is spared.
    let answer = delete(case, &format!("/users/{}/sessions", king.id), &crown).await;
    removes_cookie(case, &answer);
    case.me(&crown).await.is_unauthorized();
}

async fn s6_the_log_ins_of_others_are_for_superusers(case: &Case) {
    let (user, pass) = case.member("lancelot").await;
    if !has_list(case) {
        return;
    }
    for user in [&*user.id.to_string(), "none", "me"] {
        let theirs = format!("/users/{user}/sessions");
        for (method, path) in [
            (Method::GET, theirs.clone()),
            (Method::DELETE, format!("{theirs}/none")),
            (Method::DELETE, theirs),
        ] {
            let call = || case.call(method.clone(), &path);
            call().send().await.is_unauthorized();
            call().with(&pass).send().await.is_forbidden();
        }
    }
    assert_eq!(case.me(&pass).await.status, 200);
}
