//! Deviation 9: a store that does not answer.

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use serde_json::json;

use crate::harness::{Answer, Blueprint, Kind, NEW_PASSWORD, PASSWORD, Pass, Service, address, person};

/// Another process on the same file.
fn other_process(service: &Service) -> SqliteConnection {
    let files = service.database_files();
    let file = files
        .iter()
        .find(|file| file.extension().is_some_and(|extension| extension == "db"))
        .expect("a database");
    let mut connection = SqliteConnection::establish(&file.display().to_string()).expect("opened");
    run(&mut connection, "PRAGMA busy_timeout = 5000");
    connection
}

fn run(connection: &mut SqliteConnection, sql: &str) {
    connection.batch_execute(sql).expect(sql);
}

/// 503, to be tried again, kept by nobody, and no cookie is cleared.
#[track_caller]
fn is_unavailable(answer: &Answer) {
    answer.is_error(503, "Service Unavailable");
    let seconds = answer.header("retry-after").expect("Retry-After");
    assert!(
        seconds.parse::<u32>().is_ok_and(|seconds| seconds > 0),
        "{seconds}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(answer.header("www-authenticate"), None);
    assert!(answer.header("x-correlation-id").is_some());
}

/// A refresh is not answered either, nor a log-out by the refresh token alone.
async fn refresh_is_unavailable(service: &Service, pass: &Pass) {
    let Some(token) = &pass.refresh else {
        return;
    };
    is_unavailable(&service.refresh(pass.kind, token).await);
    let call = service.post(&pass.kind.logout());
    let call = match pass.kind.refresh_cookie() {
        Some(name) => call.header("cookie", format!("{name}={token}")),
        None => call.form(&[("refresh_token", token)]),
    };
    is_unavailable(&call.send().await);
}

/// Nothing was spent: long after the grace, the refresh token is the present one.
async fn refreshes(service: &Service, pass: &Pass) {
    if let Some(token) = &pass.refresh {
        service.clock.advance(time::Duration::MINUTE);
        pass.kind.issued(&service.refresh(pass.kind, token).await);
    }
}

#[test]
fn deviation_9_e2_without_its_tables_every_route_is_503_and_recovers_by_itself() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        let user = service.seed(person("arthur").superuser()).await;
        let mut passes = Vec::new();
        for kind in Kind::ALL {
            passes.push(service.pass(kind, &address("arthur")).await);
        }
        let verify = service.verify_token(&address("arthur")).await;
        let reset = service.reset_token(&address("arthur")).await;
        let id = format!("/users/{}", user.id);

        let mut other = other_process(service);
        run(&mut other, "ALTER TABLE users RENAME TO away");
        for pass in &passes {
            for path in [
                "/users/me",
                &id,
                "/required/active",
                "/optional/active",
                "/guarded/active/optional/active",
            ] {
                is_unavailable(&service.get(path).with(pass).send().await);
            }
            for path in ["/users/me", &id] {
                is_unavailable(&service.patch(path).json(&json!({})).with(pass).send().await);
            }
            is_unavailable(&service.delete(&id).with(pass).send().await);
            if pass.kind != Kind::JwtBearer {
                is_unavailable(&service.post(&pass.kind.logout()).with(pass).send().await);
            }
            is_unavailable(&service.log_in(pass.kind, &address("arthur"), PASSWORD).await);
            is_unavailable(&service.log_in(pass.kind, &address("nobody"), PASSWORD).await);
            refresh_is_unavailable(service, pass).await;
        }
        let email = json!({"email": address("arthur")});
        for (path, body) in [
            (
                "/auth/register",
                json!({"email": address("kay"), "password": PASSWORD}),
            ),
            ("/auth/request-verify-token", email.clone()),
            ("/auth/verify", json!({"token": verify})),
            ("/auth/forgot-password", email),
            (
                "/auth/reset-password",
                json!({"token": reset, "password": NEW_PASSWORD}),
            ),
        ] {
            is_unavailable(&service.post_json(path, body).await);
        }
        // Nobody who presents nothing needs the store.
        service.get("/users/me").send().await.is_unauthorized();
        service.get("/optional/active").send().await.is(200, "null");

        run(&mut other, "ALTER TABLE away RENAME TO users");
        for pass in &passes {
            assert_eq!(service.me(pass).await.status, 200, "{pass:?}");
            refreshes(service, pass).await;
        }
        let body = json!({"token": reset, "password": NEW_PASSWORD});
        service
            .post_json("/auth/reset-password", body)
            .await
            .is(200, "null");
    });
}

#[test]
fn deviation_9_without_the_table_of_tokens_the_credentials_in_it_are_503_and_others_go_on() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("arthur")).await;
        let mut passes = Vec::new();
        for kind in Kind::ALL {
            passes.push(service.pass(kind, &address("arthur")).await);
        }
        let mut other = other_process(service);
        run(&mut other, "ALTER TABLE access_tokens RENAME TO away");
        for pass in &passes {
            let answer = service.get("/users/me").with(pass).send().await;
            let optional = service.get("/optional/active").with(pass).send().await;
            if pass.kind.is_revocable() {
                is_unavailable(&answer);
                is_unavailable(&optional);
                is_unavailable(&service.post(&pass.kind.logout()).with(pass).send().await);
                is_unavailable(&service.log_in(pass.kind, &address("arthur"), PASSWORD).await);
                refresh_is_unavailable(service, pass).await;
            } else {
                assert_eq!((answer.status, optional.status), (200, 200));
            }
        }
        run(&mut other, "ALTER TABLE away RENAME TO access_tokens");
        for pass in &passes {
            assert_eq!(service.me(pass).await.status, 200, "{pass:?}");
            refreshes(service, pass).await;
        }
    });
}

#[test]
fn deviation_9_where_another_process_holds_the_lock_writes_are_503_and_reads_go_on() {
    let kinds = [
        Kind::DbCookie,
        Kind::DbBearer,
        Kind::TrackedCookie,
        Kind::TrackedBearer,
    ];
    Blueprint::of(&kinds).run(async |service: &Service| {
        service.seed(person("arthur")).await;
        let cookie = service.pass(Kind::DbCookie, &address("arthur")).await;
        let tracked = [
            service.pass(Kind::TrackedCookie, &address("arthur")).await,
            service.pass(Kind::TrackedBearer, &address("arthur")).await,
        ];
        let mut other = other_process(service);
        run(&mut other, "BEGIN EXCLUSIVE");

        assert_eq!(service.me(&cookie).await.status, 200);
        is_unavailable(&service.post(&Kind::DbCookie.logout()).with(&cookie).send().await);
        is_unavailable(&service.log_in(Kind::DbBearer, &address("arthur"), PASSWORD).await);
        let body = json!({"email": address("kay"), "password": PASSWORD});
        is_unavailable(&service.post_json("/auth/register", body.clone()).await);
        let patch = service.patch("/users/me").json(&json!({"email": address("kay")}));
        is_unavailable(&patch.with(&cookie).send().await);
        for pass in &tracked {
            assert_eq!(service.me(pass).await.status, 200);
            refresh_is_unavailable(service, pass).await;
        }

        run(&mut other, "ROLLBACK");
        for pass in &tracked {
            refreshes(service, pass).await;
        }
        assert_eq!(service.me(&cookie).await.status, 200, "nothing was revoked");
        assert_eq!(service.post_json("/auth/register", body).await.status, 201);
        service
            .post(&Kind::DbCookie.logout())
            .with(&cookie)
            .send()
            .await
            .is(204, "");
        service.me(&cookie).await.is_unauthorized();
    });
}
