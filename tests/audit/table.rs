//! Each request of the HTTP contract is told as one event.

use portcullis::users::AuditEvent;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Told,
    harness::{Answer, Blueprint, Kind, NEW_PASSWORD, PASSWORD, Pass, Service, address, person},
    told,
};

const DB: Option<&str> = Some("db");
const TRACKED: Option<&str> = Some("jwt-tracked");

/// As [`Told`].
type Expected<'a> = (&'a str, Option<Uuid>, Option<Uuid>, Option<&'a str>);

struct Scene<'s> {
    service: &'s Service,
    king: Uuid,
    king_pass: Pass,
}

impl Scene<'_> {
    /// The `answer` was told as these events, each from the client's address.
    #[track_caller]
    fn is_told(&self, events: Vec<AuditEvent>, expected: &[Expected<'_>]) {
        for event in &events {
            let client = event.client.map(|client| client.to_string());
            assert_eq!(client.as_deref(), Some("127.0.0.1"), "{event:?}");
            assert_eq!(event.at, self.service.site.now(), "{event:?}");
        }
        let events: Vec<Told> = events.into_iter().map(told).collect();
        let expected: Vec<Told> = expected
            .iter()
            .map(|(name, user, actor, backend)| {
                ((*name).to_owned(), *user, *actor, backend.map(str::to_owned))
            })
            .collect();
        assert_eq!(events, expected);
    }

    async fn one(
        &self,
        (answer, status): (Answer, u16),
        name: &str,
        user: Option<Uuid>,
        actor: Option<Uuid>,
        backend: Option<&str>,
    ) {
        assert_eq!(answer.status, status, "{answer:?}");
        let events = self.service.events().await;
        self.is_told(events, &[(name, user, actor, backend)]);
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.service.post_json(path, body).await
    }

    async fn by(&self, pass: &Pass, method: &str, path: &str, body: Option<Value>) -> Answer {
        let method = method.parse().expect("a method");
        let mut call = self.service.client.call(method, path).with(pass);
        if let Some(body) = &body {
            call = call.json(body);
        }
        call.send().await
    }
}

fn run(test: impl AsyncFn(&Scene<'_>)) {
    let blueprint = Blueprint::of(&[Kind::DbBearer, Kind::TrackedBearer, Kind::JwtBearer]);
    blueprint.run(async |service: &Service| {
        let king = service.seed(person("arthur").superuser()).await;
        let king_pass = service.pass(Kind::DbBearer, &address("arthur")).await;
        service.events().await;
        let scene = Scene {
            service,
            king: king.id,
            king_pass,
        };
        test(&scene).await;
    });
}

#[test]
fn e3_each_outcome_of_an_account_is_told_once() {
    run(async |scene: &Scene<'_>| {
        let (email, service) = (address("lancelot"), scene.service);
        let registration = json!({"email": email, "password": PASSWORD});
        let answer = scene.post("/auth/register", registration.clone()).await;
        let id = service.stored(&email).await.expect("registered").id;
        let lancelot = Some(id);
        scene.one((answer, 201), "registered", lancelot, None, None).await;
        let answer = scene.post("/auth/register", registration).await;
        let taken = "registration_refused: email_taken";
        scene.one((answer, 400), taken, None, None, None).await;
        let weak = json!({"email": address("bors"), "password": "short"});
        let answer = scene.post("/auth/register", weak).await;
        let weak = "registration_refused: invalid_password";
        scene.one((answer, 400), weak, None, None, None).await;
        let malformed = scene.post("/auth/register", json!({"email": "no"})).await;
        assert_eq!(malformed.status, 422);
        scene.is_told(service.events().await, &[]);

        for (path, requested) in [
            ("/auth/request-verify-token", "verification_requested"),
            ("/auth/forgot-password", "password_reset_requested"),
        ] {
            let answer = scene.post(path, json!({"email": email})).await;
            scene.one((answer, 202), requested, lancelot, None, None).await;
            let answer = scene.post(path, json!({"email": address("nobody")})).await;
            let unknown = "mail_refused: unknown_user";
            scene.one((answer, 202), unknown, None, None, None).await;
        }
        let (verify, reset) = (
            service.verify_token(&email).await,
            service.reset_token(&email).await,
        );
        service.events().await;
        let verify = json!({"token": verify});
        let answer = scene.post("/auth/verify", verify.clone()).await;
        scene.one((answer, 200), "verified", lancelot, None, None).await;
        let answer = scene.post("/auth/verify", verify).await;
        let again = "verification_refused: already_verified";
        scene.one((answer, 400), again, lancelot, None, None).await;
        let answer = scene.post("/auth/verify", json!({"token": "none"})).await;
        let bad = "verification_refused: bad_token";
        scene.one((answer, 400), bad, None, None, None).await;
        let reset = json!({"token": reset, "password": NEW_PASSWORD});
        let answer = scene.post("/auth/reset-password", reset.clone()).await;
        scene
            .one((answer, 200), "password_reset", lancelot, None, None)
            .await;
        let answer = scene.post("/auth/reset-password", reset).await;
        let used = "password_reset_refused: bad_token";
        scene.one((answer, 400), used, lancelot, None, None).await;

        let king = Some(scene.king);
        let path = format!("/users/{id}");
        let patch = |body| scene.by(&scene.king_pass, "PATCH", &path, Some(body));
        let answer = patch(json!({"is_verified": false})).await;
        scene.one((answer, 200), "updated", lancelot, king, DB).await;
        let answer = patch(json!({"email": address("arthur")})).await;
        let taken = "update_refused: email_taken";
        scene.one((answer, 400), taken, lancelot, king, DB).await;
        assert_eq!(patch(json!({})).await.status, 200);
        scene.is_told(service.events().await, &[]);
        let answer = scene.by(&scene.king_pass, "DELETE", &path, None).await;
        scene.one((answer, 204), "deleted", lancelot, king, DB).await;
        let answer = scene.by(&scene.king_pass, "DELETE", &path, None).await;
        assert_eq!(answer.status, 404);
        scene.is_told(service.events().await, &[]);
    });
}

#[test]
fn e3_each_outcome_of_a_log_in_is_told_once() {
    run(async |scene: &Scene<'_>| {
        let service = scene.service;
        let lancelot = Some(service.seed(person("lancelot")).await.id);
        let mordred = Some(service.seed(person("mordred").inactive()).await.id);
        let email = &*address("lancelot");
        let log_in = |name: &'static str, password: &'static str| {
            let email = address(name);
            async move { service.log_in(Kind::DbBearer, &email, password).await }
        };
        for (name, password, why, user) in [
            ("nobody", PASSWORD, "unknown_user", None),
            ("lancelot", NEW_PASSWORD, "wrong_password", lancelot),
            ("mordred", PASSWORD, "inactive", mordred),
        ] {
            let refused = format!("log_in_refused: {why}");
            let answer = (log_in(name, password).await, 400);
            scene.one(answer, &refused, user, None, DB).await;
        }
        let answer = log_in("lancelot", PASSWORD).await;
        let pass = Kind::DbBearer.issued(&answer);
        scene.one((answer, 200), "logged_in", lancelot, None, DB).await;
        let answer = scene.by(&pass, "POST", "/auth/db/logout", None).await;
        scene.one((answer, 204), "logged_out", lancelot, None, DB).await;
        let answer = service.me(&pass).await;
        let refused = "credential_refused: unknown";
        scene.one((answer, 401), refused, None, None, DB).await;
        assert_eq!(service.get("/users/me").send().await.status, 401);
        scene.is_told(service.events().await, &[]);

        let pass = service.pass(Kind::TrackedBearer, email).await;
        let next = service.refresh(Kind::TrackedBearer, pass.refresh()).await;
        let next_pass = Kind::TrackedBearer.issued(&next);
        assert_eq!(next.status, 200);
        let expected = [
            ("logged_in", lancelot, None, TRACKED),
            ("refreshed", lancelot, None, TRACKED),
        ];
        scene.is_told(service.events().await, &expected);
        let answer = service.refresh(Kind::TrackedBearer, "none").await;
        let refused = "refresh_refused: malformed";
        scene.one((answer, 401), refused, None, None, TRACKED).await;
        service.clock.advance(time::Duration::MINUTE);
        let answer = service.refresh(Kind::TrackedBearer, pass.refresh()).await;
        let reused = "refresh_token_reused";
        scene.one((answer, 401), reused, lancelot, None, TRACKED).await;
        let answer = service.refresh(Kind::TrackedBearer, next_pass.refresh()).await;
        let refused = "refresh_refused: unknown";
        scene.one((answer, 401), refused, lancelot, None, TRACKED).await;

        let pass = service.pass(Kind::TrackedBearer, email).await;
        service.clock.advance(time::Duration::HOUR);
        service.events().await;
        let body = Some(json!({"refresh_token": pass.refresh()}));
        let answer = scene.by(&pass, "POST", &Kind::TrackedBearer.logout(), body).await;
        let expected = "logged_out";
        scene.one((answer, 204), expected, lancelot, None, TRACKED).await;
        let answer = scene.by(&pass, "POST", &Kind::TrackedBearer.logout(), None).await;
        let refused = "credential_refused: expired";
        scene.one((answer, 401), refused, None, None, TRACKED).await;
        let body = Some(json!({"refresh_token": pass.refresh()}));
        let answer = scene.by(&pass, "POST", &Kind::TrackedBearer.logout(), body).await;
        let refused = "refresh_refused: unknown";
        scene.one((answer, 401), refused, lancelot, None, TRACKED).await;

        let pass = service.pass(Kind::JwtBearer, email).await;
        service.events().await;
        let body = Some(json!({"password": NEW_PASSWORD}));
        let answer = scene.by(&pass, "PATCH", "/users/me", body).await;
        scene
            .one((answer, 200), "updated", lancelot, None, Some("jwt"))
            .await;
        let answer = service.me(&pass).await;
        let stale = "credential_refused: stale_epoch";
        scene.one((answer, 401), stale, lancelot, None, Some("jwt")).await;
    });
}

#[test]
fn e3_each_end_of_a_log_in_is_told_once_with_who_ended_it() {
    run(async |scene: &Scene<'_>| {
        let service = scene.service;
        let id = service.seed(person("lancelot")).await.id;
        let (lancelot, king) = (Some(id), Some(scene.king));
        let others = format!("/users/{id}/sessions");
        for (path, by_king, name) in [
            ("/auth/sessions/{}", false, "log_in_ended"),
            ("/users/{id}/sessions/{}", true, "log_in_ended"),
            ("/auth/sessions", false, "other_log_ins_ended"),
            ("/users/{id}/sessions", true, "logged_out_everywhere"),
            ("/auth/logout-everywhere", false, "logged_out_everywhere"),
        ] {
            let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
            let list = scene.by(&scene.king_pass, "GET", &others, None).await.json();
            let log_in = list[0]["id"].as_str().expect("an id").to_owned();
            service.events().await;
            let method = if name == "logged_out_everywhere" && !by_king {
                "POST"
            } else {
                "DELETE"
            };
            let path = path.replace("{id}", &id.to_string()).replace("{}", &log_in);
            let (by, actor) = match by_king {
                true => (&scene.king_pass, king),
                false => (&pass, None),
            };
            let answer = scene.by(by, method, &path, None).await;
            scene.one((answer, 204), name, lancelot, actor, DB).await;
        }
    });
}
