//! S7: a cap, and clients that log in again.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use crate::harness::{Answer, At, Blueprint, Kind, PASSWORD, Pass, Service, Store, Watch, address, person};

/// The credential that a client presents as it logs in again.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Presented {
    Access,
    /// The access cookie has ended before its log-in.
    RefreshAlone,
    Both,
}

const WAYS: [(Kind, Presented); 6] = [
    (Kind::DbBearer, Presented::Access),
    (Kind::DbCookie, Presented::Access),
    (Kind::TrackedBearer, Presented::Access),
    (Kind::TrackedCookie, Presented::Access),
    (Kind::TrackedCookie, Presented::RefreshAlone),
    (Kind::TrackedCookie, Presented::Both),
];

fn capped(kind: Kind, cap: u32) -> Blueprint {
    let mut blueprint = Blueprint::of(&[kind]);
    blueprint.workers = 4;
    blueprint.refresh.cap = NonZeroU32::new(cap);
    blueprint
}

/// A log-in a second after the one before.
async fn log_in(service: &Service, kind: Kind) -> Pass {
    service.clock.advance(time::Duration::SECOND);
    service.pass(kind, &address("lancelot")).await
}

/// Logs in on the device that has `pass`.
async fn log_in_with(service: &Service, pass: &Pass, presented: Presented, password: &str) -> Answer {
    service.clock.advance(time::Duration::SECOND);
    let (name, access) = pass.header();
    let refresh = || {
        let cookie = pass.kind.refresh_cookie().expect("a cookie");
        format!("{cookie}={}", pass.refresh())
    };
    let value = match presented {
        Presented::Access => access,
        Presented::RefreshAlone => refresh(),
        Presented::Both => format!("{access}; {}", refresh()),
    };
    let form = [("username", &*address("lancelot")), ("password", password)];
    let call = service.post(&pass.kind.login()).header(name, value);
    call.form(&form).send().await
}

/// The pass of an answer that may also remove a stray cookie of the name.
#[track_caller]
fn issued(kind: Kind, answer: &Answer) -> Pass {
    let Some(cookie) = kind.cookie() else {
        return kind.issued(answer);
    };
    assert_eq!(answer.status, 204, "{answer:?}");
    let last = |name: &str| {
        let cookies = answer.headers.get_all("set-cookie").iter().rev();
        let values = cookies.filter_map(|cookie| cookie.to_str().ok()?.strip_prefix(name)?.strip_prefix('='));
        let value = values.filter_map(|rest| rest.split(';').next()).next();
        value.map(str::to_owned)
    };
    let mut pass = Pass::new(kind, last(cookie).expect("a token"));
    pass.refresh = kind.refresh_cookie().and_then(last);
    pass
}

#[test]
fn s7_a_device_that_logs_in_again_logs_no_other_one_out() {
    for store in [Store::Sqlite, Store::Memory] {
        for (kind, presented) in WAYS {
            let mut blueprint = capped(kind, 2);
            blueprint.store = store;
            blueprint.run(async |service: &Service| {
                service.seed(person("lancelot")).await;
                let (older, old) = (log_in(service, kind).await, log_in(service, kind).await);
                let new = issued(kind, &log_in_with(service, &old, presented, PASSWORD).await);
                assert_eq!(service.me(&older).await.status, 200, "{kind:?} {presented:?}");
                assert_eq!(service.me(&new).await.status, 200, "{kind:?} {presented:?}");
                service.me(&old).await.is_unauthorized();
                // The one that is presented may also be the oldest.
                let newest = issued(kind, &log_in_with(service, &older, presented, PASSWORD).await);
                assert_eq!(service.me(&new).await.status, 200, "{kind:?} {presented:?}");
                assert_eq!(service.me(&newest).await.status, 200, "{kind:?} {presented:?}");
                service.me(&older).await.is_unauthorized();
                // A third device counts.
                log_in(service, kind).await;
                service.me(&new).await.is_unauthorized();
            });
        }
    }
}

#[test]
fn s7_a_log_in_again_that_fails_ends_nothing() {
    for (kind, presented) in WAYS {
        capped(kind, 2).run(async |service: &Service| {
            service.seed(person("lancelot")).await;
            let (older, old) = (log_in(service, kind).await, log_in(service, kind).await);
            let refused = log_in_with(service, &old, presented, "a wrong password").await;
            refused.is_error(400, "LOGIN_BAD_CREDENTIALS");
            for pass in [&older, &old] {
                assert_eq!(service.me(pass).await.status, 200, "{kind:?} {presented:?}");
            }
        });
    }
}

#[test]
fn s7_parallel_log_ins_that_present_one_credential_leave_no_more_than_the_cap() {
    for store in [Store::Sqlite, Store::Memory] {
        for (kind, presented) in WAYS {
            let mut blueprint = capped(kind, 2);
            blueprint.store = store;
            blueprint.run(async |service: &Service| {
                service.seed(person("lancelot")).await;
                let (older, old) = (log_in(service, kind).await, log_in(service, kind).await);
                let log_ins = (0..8).map(|_| log_in_with(service, &old, presented, PASSWORD));
                let answers = futures_util::future::join_all(log_ins).await;
                let mut passes: Vec<_> = answers.iter().map(|answer| issued(kind, answer)).collect();
                passes.push(older);
                let mut valid = 0;
                for pass in &passes {
                    valid += usize::from(service.me(pass).await.status == 200);
                }
                assert_eq!(valid, 2, "{kind:?} {presented:?}");
                service.me(&old).await.is_unauthorized();
            });
        }
    }
}

/// With rotation, a replaced token presents nothing that a new log-in could replace.
#[test]
fn s7_a_stale_token_makes_no_room_beyond_the_cap() {
    for kind in [Kind::TrackedBearer, Kind::TrackedCookie] {
        let mut blueprint = capped(kind, 1);
        blueprint.refresh.rotate_after = Some(Duration::from_secs(60));
        blueprint.run(async |service: &Service| {
            service.seed(person("lancelot")).await;
            let stale = log_in(service, kind).await;
            service.clock.advance(time::Duration::seconds(61));
            let answer = service.me(&stale).await;
            assert_eq!(answer.status, 200);
            service.clock.advance(time::Duration::seconds(30));
            service.me(&stale).await.is_unauthorized();
            let new = issued(
                kind,
                &log_in_with(service, &stale, Presented::Access, PASSWORD).await,
            );
            assert_eq!(service.me(&new).await.status, 200);
            service.refresh(kind, stale.refresh()).await.is_unauthorized();
        });
    }
}

/// A client can time its log-in so that its token is replaced for good while the log-in is on its way.
#[test]
fn s7_the_replaced_log_in_ends_even_if_its_token_is_stale_by_then() {
    let kind = Kind::TrackedBearer;
    let watch = Arc::new(Watch::default());
    let mut blueprint = capped(kind, 1);
    blueprint.refresh.rotate_after = Some(Duration::from_secs(60));
    blueprint.watch = Some(watch.clone());
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let old = log_in(service, kind).await;
        service.clock.advance(time::Duration::seconds(61));
        assert_eq!(service.me(&old).await.status, 200);
        service.clock.advance(time::Duration::seconds(5));
        let mut held = watch.hold("tokens.insert", At::End);
        let (answer, ()) = tokio::join!(log_in_with(service, &old, Presented::Access, PASSWORD), async {
            held.reached().await;
            service.clock.advance(time::Duration::seconds(30));
            held.go_on();
        });
        let new = issued(kind, &answer);
        assert_eq!(service.me(&new).await.status, 200);
        service.refresh(kind, old.refresh()).await.is_unauthorized();
    });
}

#[test]
fn s7_an_expired_log_in_pushes_no_live_one_out() {
    for store in [Store::Sqlite, Store::Memory] {
        for kind in [Kind::TrackedBearer, Kind::TrackedCookie] {
            let mut blueprint = capped(kind, 2);
            blueprint.store = store;
            blueprint.run(async |service: &Service| {
                service.seed(person("lancelot")).await;
                let used = log_in(service, kind).await;
                let _forgotten = log_in(service, kind).await;
                // The refresh tokens live for 14 days.
                service.clock.advance(time::Duration::days(10));
                let used = kind.issued(&service.refresh(kind, used.refresh()).await);
                service.clock.advance(time::Duration::days(5));
                let new = log_in(service, kind).await;
                assert_eq!(service.me(&new).await.status, 200);
                let used = kind.issued(&service.refresh(kind, used.refresh()).await);
                assert_eq!(service.me(&used).await.status, 200, "{kind:?} {store:?}");
            });
        }
    }
}

#[test]
fn a_log_in_again_asks_the_store_no_more_than_one_that_ends_another() {
    for (kind, presented, expected) in [
        (
            Kind::DbBearer,
            Presented::Access,
            &["tokens.insert", "tokens.delete"][..],
        ),
        (
            Kind::TrackedBearer,
            Presented::Access,
            &["tokens.insert", "tokens.delete"],
        ),
        (
            Kind::TrackedCookie,
            Presented::RefreshAlone,
            &["tokens.find", "tokens.insert", "tokens.delete"],
        ),
    ] {
        let watch = Arc::new(Watch::default());
        let mut blueprint = capped(kind, 2);
        blueprint.watch = Some(watch.clone());
        blueprint.run(async |service: &Service| {
            service.seed(person("lancelot")).await;
            let old = log_in(service, kind).await;
            watch.calls();
            issued(kind, &log_in_with(service, &old, presented, PASSWORD).await);
            let mut calls = watch.calls();
            calls.retain(|call| call.starts_with("tokens."));
            assert_eq!(calls, expected, "{kind:?}");
        });
    }
}
