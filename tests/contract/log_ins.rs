//! Section 12: the log-ins of several backends, and rows that are none.

use std::sync::Arc;

use portcullis::store::{AccessToken, Subject, TokenDigest, TokenId};
use serde_json::{Value, json};
use time::Duration;

use crate::harness::{Blueprint, Kind, Pass, Service, Watch, address, person};

fn with_every_backend(test: impl AsyncFnOnce(&Service)) {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        test(service).await;
    });
}

async fn lancelot(service: &Service, kind: Kind) -> Pass {
    service.advance(Duration::seconds(1));
    service.pass(kind, &address("lancelot")).await
}

async fn listed(service: &Service, pass: &Pass) -> Vec<Value> {
    let answer = service.get("/auth/sessions").with(pass).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json().as_array().expect("a list").clone()
}

/// The backends of the log-ins that `pass` sees, and which is the current one.
async fn backends(service: &Service, pass: &Pass) -> Value {
    let listed = listed(service, pass).await;
    listed
        .iter()
        .map(|log_in| json!([log_in["backend"], log_in["current"]]))
        .collect()
}

#[test]
fn s6_the_log_ins_of_every_backend_with_a_store_are_in_one_list() {
    with_every_backend(async |service: &Service| {
        let db = lancelot(service, Kind::DbBearer).await;
        let jwt = lancelot(service, Kind::JwtBearer).await;
        let cookie = lancelot(service, Kind::DbCookie).await;
        lancelot(service, Kind::JwtCookie).await;
        let tracked = lancelot(service, Kind::TrackedBearer).await;
        let seen = async |pass: &Pass| backends(service, pass).await;
        let all = |current: &str| -> Value {
            let newest_first = ["jwt-tracked", "cookie", "db"];
            newest_first
                .iter()
                .map(|name| json!([name, *name == current]))
                .collect()
        };
        for (pass, current) in [
            (db, "db"),
            (cookie, "cookie"),
            (tracked, "jwt-tracked"),
            (jwt, "none"),
        ] {
            assert_eq!(seen(&pass).await, all(current));
        }
    });
}

#[test]
fn s6_a_plain_jwt_is_no_log_in_and_ends_all_that_are() {
    with_every_backend(async |service: &Service| {
        for kind in [Kind::JwtBearer, Kind::JwtCookie] {
            let (db, cookie) = (
                lancelot(service, Kind::DbBearer).await,
                lancelot(service, Kind::DbCookie).await,
            );
            let jwt = lancelot(service, kind).await;
            let answer = service.delete("/auth/sessions").with(&jwt).send().await;
            answer.is(204, "");
            for ended in [db, cookie] {
                service.me(&ended).await.is_unauthorized();
            }
            assert_eq!(service.me(&jwt).await.status, 200);
            assert_eq!(listed(service, &jwt).await, [] as [Value; 0]);
        }
    });
}

#[test]
fn s6_a_log_out_everywhere_and_a_superuser_end_plain_jwts_too() {
    with_every_backend(async |service: &Service| {
        service.seed(person("arthur").superuser()).await;
        let mut passes = Vec::new();
        for kind in Kind::ALL {
            passes.push(lancelot(service, kind).await);
        }
        let everywhere = service.post("/auth/logout-everywhere").with(&passes[1]);
        everywhere.send().await.is(204, "");
        for kind in Kind::ALL {
            passes.push(lancelot(service, kind).await);
        }
        let crown = service.pass(Kind::DbCookie, &address("arthur")).await;
        let user = service.stored(&address("lancelot")).await.expect("the user");
        let sessions = format!("/users/{}/sessions", user.id);
        for ended in &passes[..Kind::ALL.len()] {
            service.me(ended).await.is_unauthorized();
        }
        for live in &passes[Kind::ALL.len()..] {
            assert_eq!(service.me(live).await.status, 200);
        }
        service.delete(&sessions).with(&crown).send().await.is(204, "");
        for ended in &passes {
            service.me(ended).await.is_unauthorized();
        }
    });
}

#[test]
fn s6_a_store_of_several_backends_is_asked_once() {
    let watch = Arc::new(Watch::default());
    let mut blueprint = Blueprint::of(&Kind::ALL);
    blueprint.watch = Some(Arc::clone(&watch));
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let (pass, _) = (
            lancelot(service, Kind::DbBearer).await,
            lancelot(service, Kind::DbCookie).await,
        );
        let asked = || {
            let calls = watch.calls();
            calls
                .into_iter()
                .filter(|call| ["tokens.list", "tokens.delete_by_id"].contains(call))
                .collect::<Vec<_>>()
        };
        asked();
        let listed = listed(service, &pass).await;
        assert_eq!((listed.len(), asked()), (2, vec!["tokens.list"]));
        let one = format!("/auth/sessions/{}", listed[0]["id"].as_str().expect("an id"));
        service.delete(&one).with(&pass).send().await.is(204, "");
        assert_eq!(asked(), ["tokens.delete_by_id"]);
    });
}

#[test]
fn s6_what_is_no_log_in_here_is_left_out() {
    with_every_backend(async |service: &Service| {
        let old = lancelot(service, Kind::DbBearer).await;
        service.advance(Duration::minutes(59));
        let pass = lancelot(service, Kind::DbBearer).await;
        let user = service.stored(&address("lancelot")).await.expect("the user");
        let row = |digest: &str, change: fn(&mut AccessToken)| {
            let mut row = AccessToken::new(
                TokenId::generate(),
                TokenDigest::new(digest),
                Subject::from(&user),
                service.now() - Duration::minutes(30),
            );
            change(&mut row);
            row
        };
        let rows = [
            // Of another service on the same store.
            row("elsewhere", |row| row.backend = "elsewhere".to_owned()),
            // Of an epoch that has ended.
            row("stale", |row| {
                row.backend = "db".to_owned();
                row.epoch -= 1;
            }),
            // Written before rows named their backend, by an administrator who logged in as the user.
            row("nameless", |row| {
                row.actor = Some("7".to_owned());
                row.client.label = Some("l".repeat(300));
            }),
        ];
        for row in &rows {
            service.tokens.insert(row, None).await.expect("inserted");
        }
        assert_eq!(
            backends(service, &pass).await,
            json!([["db", true], ["", false], ["db", false]])
        );
        let nameless = listed(service, &pass).await.remove(1);
        assert_eq!(nameless["actor"], "7");
        assert_eq!(nameless["expires_at"], Value::Null);
        assert_eq!(nameless["label"], "l".repeat(256));

        // The first log-in expires.
        service.advance(Duration::minutes(1));
        assert_eq!(backends(service, &pass).await, json!([["db", true], ["", false]]));
        service.me(&old).await.is_unauthorized();

        // What is left out is ended all the same.
        service
            .delete("/auth/sessions")
            .with(&pass)
            .send()
            .await
            .is(204, "");
        let left = service
            .tokens
            .list(&user.id, user.security_epoch)
            .await
            .expect("a list");
        assert_eq!(left.len(), 1);
    });
}
