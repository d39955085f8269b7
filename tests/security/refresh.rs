//! Section 10 under load, and where pages confirm what they ask for.

use std::{num::NonZeroU32, time::Duration};

use portcullis::{SigningSecret, http::CsrfPolicy};

use crate::harness::{
    Answer, Blueprint, Kind, PASSWORD, Pass, SECRET, Service, Store, Watch, address, person,
};

const KINDS: [Kind; 2] = [Kind::TrackedBearer, Kind::TrackedCookie];

fn blueprint(kind: Kind, grace: Duration) -> Blueprint {
    let mut blueprint = Blueprint::of(&[kind]);
    blueprint.workers = 4;
    blueprint.refresh.grace = grace;
    blueprint
}

async fn lancelot(service: &Service, kind: Kind) -> Pass {
    service.seed(person("lancelot")).await;
    service.pass(kind, &address("lancelot")).await
}

/// The answers to 50 parallel uses of one refresh token.
async fn crowd(service: &Service, pass: &Pass) -> Vec<Answer> {
    let uses = (0..50).map(|_| service.refresh(pass.kind, pass.refresh()));
    futures_util::future::join_all(uses).await
}

#[test]
fn f3_50_parallel_uses_all_get_the_one_successor_within_the_grace() {
    for kind in KINDS {
        for store in [Store::Memory, Store::Sqlite] {
            let watch = std::sync::Arc::new(Watch::default());
            let mut blueprint = blueprint(kind, Duration::from_secs(10));
            blueprint.store = store;
            blueprint.watch = Some(watch.clone());
            blueprint.run(async |service: &Service| {
                let pass = lancelot(service, kind).await;
                watch.calls();
                let answers = crowd(service, &pass).await;
                let next = kind.issued(&answers[0]);
                for answer in &answers {
                    assert_eq!(kind.issued(answer), next);
                }
                let calls = watch.calls();
                let of = |name| calls.iter().filter(|call| **call == name).count();
                assert_eq!((of("tokens.advance"), of("users.find")), (50, 50));
                assert_eq!(calls.len(), 100, "a refresh is one round trip to each store");
                // It was one rotation: the successor is the second generation.
                service.clock.advance(time::Duration::MINUTE);
                kind.issued(&service.refresh(kind, next.refresh()).await);
                service.refresh(kind, pass.refresh()).await.is_unauthorized();
            });
        }
    }
}

#[test]
fn f3_without_a_grace_at_most_one_of_50_parallel_uses_is_served_and_the_log_in_ends() {
    for kind in KINDS {
        for store in [Store::Memory, Store::Sqlite] {
            let mut blueprint = blueprint(kind, Duration::ZERO);
            blueprint.store = store;
            blueprint.run(async |service: &Service| {
                let pass = lancelot(service, kind).await;
                let answers = crowd(service, &pass).await;
                let (served, refused): (Vec<_>, Vec<_>) =
                    answers.iter().partition(|answer| answer.status != 401);
                assert!(served.len() <= 1, "{}", served.len());
                for answer in refused {
                    answer.is_unauthorized();
                }
                service.me(&pass).await.is_unauthorized();
                for answer in served {
                    let next = kind.issued(answer);
                    service.me(&next).await.is_unauthorized();
                    service.refresh(kind, next.refresh()).await.is_unauthorized();
                }
            });
        }
    }
}

#[test]
fn f4_another_log_in_past_the_cap_ends_the_refresh_token() {
    for kind in KINDS {
        let mut blueprint = blueprint(kind, Duration::from_secs(10));
        blueprint.refresh.cap = NonZeroU32::new(1);
        blueprint.run(async |service: &Service| {
            let first = lancelot(service, kind).await;
            service.clock.advance(time::Duration::SECOND);
            let second = service.pass(kind, &address("lancelot")).await;
            service.refresh(kind, first.refresh()).await.is_unauthorized();
            service.me(&first).await.is_unauthorized();
            kind.issued(&service.refresh(kind, second.refresh()).await);
        });
    }
}

#[test]
fn a_cap_keeps_the_newest_log_ins_of_each_backend() {
    let kinds = [
        Kind::TrackedBearer,
        Kind::TrackedCookie,
        Kind::DbBearer,
        Kind::DbCookie,
    ];
    for cap in [1, 2] {
        let mut blueprint = Blueprint::of(&kinds);
        blueprint.refresh.cap = NonZeroU32::new(cap);
        blueprint.run(async |service: &Service| {
            service.seed(person("lancelot")).await;
            let mut passes = Vec::new();
            for _round in 0..=cap {
                for kind in kinds {
                    service.clock.advance(time::Duration::SECOND);
                    passes.push(service.pass(kind, &address("lancelot")).await);
                }
            }
            let (ended, kept) = passes.split_at(kinds.len());
            for pass in ended {
                service.me(pass).await.is_unauthorized();
            }
            for pass in kept {
                assert_eq!(service.me(pass).await.status, 200);
            }
        });
    }
}

#[test]
fn f4_what_the_application_ends_ends_the_refresh_token() {
    for kind in KINDS {
        blueprint(kind, Duration::from_secs(10)).run(async |service: &Service| {
            let pass = lancelot(service, kind).await;
            let user = service.stored(&address("lancelot")).await.expect("the user");
            let ended = service.auth.users().log_out_everywhere(&user.id).await;
            assert!(ended.expect("an answer"));
            service.refresh(kind, pass.refresh()).await.is_unauthorized();
        });
    }
}

/// The value of a cookie that an answer sets.
fn value(answer: &Answer, name: &str) -> String {
    answer.cookie(name).expect(name).value
}

/// The names of the cookies, and those that pages read.
const COOKIE: &str = "__Host-jwt-tracked-cookie";
const CSRF: &str = "__Host-jwt-tracked-cookie-csrf";
const REFRESH: &str = "__Secure-jwt-tracked-cookie-refresh";
const REFRESH_CSRF: &str = "__Secure-jwt-tracked-cookie-refresh-csrf";

#[test]
fn x1_with_double_submit_a_refresh_asks_for_the_token_of_its_own_cookie() {
    let secret = SigningSecret::new(SECRET).expect("long enough");
    let mut blueprint = blueprint(Kind::TrackedCookie, Duration::from_secs(10));
    blueprint.csrf = CsrfPolicy::same_origin().double_submit(&secret);
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let log_in = async || {
            service
                .log_in(Kind::TrackedCookie, &address("lancelot"), PASSWORD)
                .await
        };
        let (answer, other) = (log_in().await, log_in().await);
        let companion = answer.cookie(REFRESH_CSRF).expect("for the page");
        // Scripts of the page read it, and as long as the refresh token is good.
        assert_eq!(
            companion.attributes,
            ["Max-Age=1209600", "Path=/", "SameSite=Lax", "Secure"]
        );
        let refresh = value(&answer, REFRESH);
        let call = |csrf: Option<&str>| {
            let call = service.post(&Kind::TrackedCookie.refresh());
            let call = call.header("cookie", format!("{REFRESH}={refresh}"));
            match csrf {
                Some(csrf) => call.header("x-csrf-token", csrf),
                None => call,
            }
        };
        for bad in [
            None,
            Some(""),
            Some(&*value(&answer, CSRF)),
            Some(&*value(&other, REFRESH_CSRF)),
            Some(&*refresh),
        ] {
            let refused = call(bad).send().await;
            refused.is_forbidden();
            assert!(!refused.headers.contains_key("set-cookie"));
        }
        let refreshed = call(Some(&companion.value)).send().await;
        assert_eq!(refreshed.status, 204, "{refreshed:?}");
        let next = value(&refreshed, REFRESH);
        assert_ne!(value(&refreshed, REFRESH_CSRF), companion.value);
        // With a page's token, the new access token acts.
        let patch = service
            .patch("/users/me")
            .json(&serde_json::json!({}))
            .header("cookie", format!("{COOKIE}={}", value(&refreshed, COOKIE)));
        let patch = patch.header("x-csrf-token", value(&refreshed, CSRF));
        assert_eq!(patch.send().await.status, 200);

        let log_out = |csrf: &str| {
            service
                .post(&Kind::TrackedCookie.logout())
                .header("cookie", format!("{REFRESH}={next}"))
                .header("x-csrf-token", csrf)
        };
        log_out(&companion.value).send().await.is_forbidden();
        let answer = log_out(&value(&refreshed, REFRESH_CSRF)).send().await;
        answer.is(204, "");
        for name in [COOKIE, CSRF, REFRESH, REFRESH_CSRF] {
            let removal = answer.cookie(name).expect(name);
            assert_eq!(removal.value, "");
            assert!(
                removal.attributes.contains(&"Max-Age=0".to_owned()),
                "{removal:?}"
            );
        }
    });
}

#[test]
fn c7_the_refresh_cookie_is_for_the_path_of_its_backend_behind_a_proxy_too() {
    let mut blueprint = blueprint(Kind::TrackedCookie, Duration::from_secs(10));
    blueprint.public_url = Some("https://camelot.example/api");
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let answer = service
            .log_in(Kind::TrackedCookie, &address("lancelot"), PASSWORD)
            .await;
        let pass = Kind::TrackedCookie.issued(&answer);
        let refreshed = service.refresh(pass.kind, pass.refresh()).await;
        let log_out = service.post(&pass.kind.logout()).with(&pass).send().await;
        for answer in [&answer, &refreshed, &log_out] {
            let cookie = answer.cookie(REFRESH).expect(REFRESH);
            let path = "Path=/api/auth/jwt-tracked-cookie".to_owned();
            assert!(cookie.attributes.contains(&path), "{cookie:?}");
        }
    });
}
