//! Deviations 4 and 12: logging out.

use reqwest::Method;

use crate::harness::{Blueprint, Kind, Pass, Service, address, person};

#[test]
fn deviation_4_the_log_out_of_another_backend_is_401_and_revokes_nothing() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        for own in Kind::ALL {
            let pass = service.pass(own, &address("lancelot")).await;
            for other in Kind::ALL.into_iter().filter(|other| *other != own) {
                let answer = service.post(&other.logout()).with(&pass).send().await;
                if other == Kind::JwtBearer {
                    answer.is_not_found();
                } else {
                    answer.is_unauthorized();
                    assert_eq!(answer.header("set-cookie"), None, "{own:?} {other:?}");
                }
            }
            assert_eq!(service.me(&pass).await.status, 200, "{own:?}");
        }
    });
}

#[test]
fn deviation_4_a_token_of_another_backend_under_the_right_header_is_401() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        // Bearer tokens of both kinds travel alike, and a cookie's is in the same table: only the backend's own token
        // opens its log-out.
        let jwt = service.pass(Kind::JwtBearer, &address("lancelot")).await;
        let db = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let cookie = service.pass(Kind::DbCookie, &address("lancelot")).await;
        let cookie_as_bearer = Pass::new(Kind::DbBearer, &*cookie.token);
        let db_as_cookie = Pass::new(Kind::DbCookie, &*db.token);
        for (path, foreign) in [
            (Kind::DbBearer.logout(), &jwt),
            (Kind::DbBearer.logout(), &cookie_as_bearer),
            (Kind::DbCookie.logout(), &db_as_cookie),
        ] {
            service.post(&path).with(foreign).send().await.is_unauthorized();
        }
        for foreign in [&cookie_as_bearer, &db_as_cookie] {
            service.me(foreign).await.is_unauthorized();
        }
        for own in [&jwt, &db, &cookie] {
            assert_eq!(service.me(own).await.status, 200, "nothing was revoked");
        }
        service
            .post(&Kind::DbBearer.logout())
            .with(&db)
            .send()
            .await
            .is(204, "");
        service.me(&db).await.is_unauthorized();
    });
}

#[test]
fn deviation_12_j12_a_bearer_backend_that_cannot_revoke_has_no_log_out() {
    Blueprint::of(&[Kind::JwtBearer]).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let pass = service.pass(Kind::JwtBearer, &address("lancelot")).await;
        for method in [Method::POST, Method::GET, Method::DELETE] {
            service
                .call(method.clone(), &Kind::JwtBearer.logout())
                .send()
                .await
                .is_not_found();
            let answer = service
                .call(method, &Kind::JwtBearer.logout())
                .with(&pass)
                .send()
                .await;
            answer.is_not_found();
        }
        assert_eq!(service.me(&pass).await.status, 200);
    });
}

#[test]
fn deviation_12_a_cookie_backend_that_cannot_revoke_clears_the_cookie_and_ends_nothing() {
    Blueprint::of(&[Kind::JwtCookie]).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let log_out = || service.post(&Kind::JwtCookie.logout());
        let anonymous = log_out().send().await;
        anonymous.is_unauthorized();
        assert_eq!(anonymous.header("set-cookie"), None);
        // A dead cookie is removed.
        let bad = Pass::new(Kind::JwtCookie, "AAAA");
        let refused = log_out().with(&bad).send().await;
        refused.is_unauthorized();
        assert_eq!(refused.cookie("__Host-jwt-cookie").expect("a removal").value, "");
        let pass = service.pass(Kind::JwtCookie, &address("lancelot")).await;
        let answer = log_out().with(&pass).send().await;
        answer.is(204, "");
        let mut parts: Vec<_> = answer
            .header("set-cookie")
            .expect("a cookie")
            .split("; ")
            .collect();
        parts[1..].sort_unstable();
        let expected = [
            "__Host-jwt-cookie=",
            "HttpOnly",
            "Max-Age=0",
            "Path=/",
            "SameSite=Lax",
            "Secure",
        ];
        assert_eq!(parts, expected);
        assert_eq!(
            service.me(&pass).await.status,
            200,
            "whoever kept it is still logged in"
        );
    });
}
