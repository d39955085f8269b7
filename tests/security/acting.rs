//! N18: somebody who acts as a user.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig},
};
use portcullis::{
    Lifetime,
    actix::{Auth, AuthError, CurrentUser, InPerson, Superuser},
    users::EventKind,
};
use serde_json::json;
use time::Duration;

use crate::harness::{Blueprint, Kind, NEW_PASSWORD, PASSWORD, Pass, Service, Watch, address, person};

/// Logs the king in as the user of this id, through this backend.
async fn log_in_as(
    auth: Data<Auth>,
    king: CurrentUser<Superuser>,
    request: HttpRequest,
    path: web::Path<(String, uuid::Uuid, u64)>,
) -> Result<HttpResponse, AuthError> {
    let (backend, id, seconds) = path.into_inner();
    let user = auth.users().find(&id).await?.expect("the user");
    let mut identified = auth.users().identify_without_proof(user).acting(king.id);
    if seconds > 0 {
        identified = identified.ending_after(Lifetime::from_secs(seconds).expect("positive"));
    }
    auth.log_in(&backend, identified, &request).await
}

async fn elsewhere(
    auth: Data<Auth>,
    current: CurrentUser,
    request: HttpRequest,
) -> Result<HttpResponse, AuthError> {
    auth.log_out_elsewhere(&current, &request).await
}

async fn in_person(_user: CurrentUser<InPerson>) -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// Whoever acts by the credential.
async fn actor(current: CurrentUser) -> web::Json<Option<String>> {
    web::Json(current.credential().actor.clone())
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/as/{backend}/{id}/{seconds}", web::post().to(log_in_as))
        .route("/elsewhere", web::post().to(elsewhere))
        .route("/in-person", web::get().to(in_person))
        .route("/actor", web::get().to(actor));
}

/// The backends whose credentials say who acts.
const KINDS: [Kind; 4] = [
    Kind::DbBearer,
    Kind::DbCookie,
    Kind::TrackedBearer,
    Kind::TrackedCookie,
];

struct Scene<'s> {
    service: &'s Service,
    king: Pass,
    king_id: uuid::Uuid,
    user_id: uuid::Uuid,
}

impl<'s> Scene<'s> {
    async fn of(service: &'s Service, kind: Kind) -> Self {
        let king = service.seed(person("arthur").superuser()).await;
        let user = service.seed(person("lancelot")).await;
        Self {
            service,
            king: service.pass(kind, &address("arthur")).await,
            king_id: king.id,
            user_id: user.id,
        }
    }

    /// The king logs in as the user through `kind`.
    async fn acts(&self, kind: Kind, seconds: u64) -> Pass {
        let path = format!("/as/{}/{}/{seconds}", kind.name(), self.user_id);
        let answer = self.service.post(&path).with(&self.king).send().await;
        kind.issued(&answer)
    }

    async fn actor(&self, pass: &Pass) -> serde_json::Value {
        self.service.get("/actor").with(pass).send().await.json()
    }
}

fn run(configure: impl Fn(&mut Blueprint), test: impl AsyncFn(&Scene<'_>, Kind)) {
    for kind in KINDS {
        let mut blueprint = Blueprint::of(&KINDS);
        blueprint.own_routes = routes;
        configure(&mut blueprint);
        blueprint.run(async |service: &Service| {
            let scene = Scene::of(service, kind).await;
            test(&scene, kind).await;
        });
    }
}

#[test]
fn n18_a_log_in_by_somebody_else_is_marked_and_leaves_their_own_alone() {
    run(
        |_blueprint| {},
        async |scene: &Scene<'_>, kind| {
            let pass = scene.acts(kind, 0).await;
            let events = scene.service.events().await.into_iter();
            let log_ins = events.filter(|event| event.kind == EventKind::LoggedIn);
            let told: Vec<_> = log_ins.map(|event| (event.user, event.actor)).collect();
            let expected = [
                (Some(scene.king_id), None),
                (Some(scene.user_id), Some(scene.king_id)),
            ];
            assert_eq!(told, expected);
            assert_eq!(scene.actor(&pass).await, json!(scene.king_id));
            assert_eq!(scene.service.me(&pass).await.json()["email"], address("lancelot"));
            assert_eq!(scene.actor(&scene.king).await, json!(null), "it lives on");
            assert_eq!(scene.service.me(&scene.king).await.status, 200);
            let rows = scene
                .service
                .tokens
                .list(&scene.user_id, 0)
                .await
                .expect("a list");
            let actors: Vec<_> = rows.into_iter().map(|row| row.actor).collect();
            assert_eq!(actors, [Some(scene.king_id.to_string())]);
            if let Some(refresh) = &pass.refresh {
                let refreshed = kind.issued(&scene.service.refresh(kind, refresh).await);
                assert_eq!(scene.actor(&refreshed).await, json!(scene.king_id));
            }
        },
    );
}

#[test]
fn n18_it_ends_by_itself_however_it_is_used() {
    run(
        |_blueprint| {},
        async |scene: &Scene<'_>, kind| {
            let (hour, minute) = (scene.acts(kind, 0).await, scene.acts(kind, 60).await);
            scene.service.clock.advance(Duration::seconds(58));
            assert_eq!(scene.service.me(&minute).await.status, 200);
            scene.service.clock.advance(Duration::seconds(2));
            scene.service.me(&minute).await.is_unauthorized();
            scene.service.clock.advance(Duration::minutes(50));
            let mut pass = hour;
            if let Some(refresh) = pass.refresh.clone() {
                pass = kind.issued(&scene.service.refresh(kind, &refresh).await);
            }
            assert_eq!(scene.service.me(&pass).await.status, 200);
            scene.service.clock.advance(Duration::minutes(9));
            scene.service.me(&pass).await.is_unauthorized();
            if let Some(refresh) = &pass.refresh {
                scene.service.refresh(kind, refresh).await.is_unauthorized();
            }
        },
    );
}

#[test]
fn n18_a_log_in_that_replaces_it_is_marked_too_and_ends_no_later() {
    run(
        |_blueprint| {},
        async |scene: &Scene<'_>, kind| {
            let pass = scene.acts(kind, 600).await;
            let answer = scene.service.post("/elsewhere").with(&pass).send().await;
            let next = kind.issued(&answer);
            scene.service.me(&pass).await.is_unauthorized();
            assert_eq!(scene.actor(&next).await, json!(scene.king_id));
            scene.service.clock.advance(Duration::seconds(600));
            scene.service.me(&next).await.is_unauthorized();
            if let Some(refresh) = &next.refresh {
                scene.service.refresh(kind, refresh).await.is_unauthorized();
            }
        },
    );
}

#[test]
fn n18_it_changes_neither_password_nor_email() {
    run(
        |blueprint| blueprint.keeps_log_in = true,
        async |scene: &Scene<'_>, kind| {
            let pass = scene.acts(kind, 0).await;
            let patch = async |body| {
                let call = scene.service.patch("/users/me").json(&body);
                call.with(&pass).send().await
            };
            for body in [
                json!({ "password": NEW_PASSWORD }),
                json!({ "email": address("mordred") }),
                json!({ "password": NEW_PASSWORD, "email": address("mordred") }),
                // The same address to this service, and perhaps another mailbox.
                json!({ "email": address("lancelot").replacen('l', "\u{ff4c}", 1) }),
            ] {
                patch(body).await.is_forbidden();
            }
            // A form that sends everything back changes nothing of these.
            for body in [
                json!({}),
                json!({ "email": address("lancelot"), "password": null }),
                json!({ "email": address("Lancelot") }),
            ] {
                assert_eq!(patch(body).await.status, 200);
            }
            let log_in = scene.service.log_in(kind, &address("lancelot"), PASSWORD).await;
            kind.issued(&log_in);
        },
    );
}

#[test]
fn n18_whoever_acts_as_a_superuser_changes_no_user() {
    run(
        |_blueprint| {},
        async |scene: &Scene<'_>, kind| {
            let service = scene.service;
            let email = address("lancelot");
            service.set(&email, |user| user.is_superuser = true).await;
            let pass = scene.acts(kind, 0).await;
            for id in [scene.user_id, scene.king_id] {
                let user = format!("/users/{id}");
                let log_ins = format!("{user}/sessions");
                for path in [&user, &log_ins] {
                    assert_eq!(service.get(path).with(&pass).send().await.status, 200, "{path}");
                }
                let patch = service.patch(&user).json(&json!({ "password": NEW_PASSWORD }));
                patch.with(&pass).send().await.is_forbidden();
                let roles = format!("{user}/roles");
                service.get(&roles).with(&pass).send().await.is(200, "[]");
                let put = service
                    .call(reqwest::Method::PUT, &roles)
                    .json(&json!(["author"]));
                put.with(&pass).send().await.is_forbidden();
                let log_in = format!("{log_ins}/{}", uuid::Uuid::new_v4());
                for path in [&user, &log_ins, &log_in] {
                    service.delete(path).with(&pass).send().await.is_forbidden();
                }
            }
            for name in ["arthur", "lancelot"] {
                kind.issued(&service.log_in(kind, &address(name), PASSWORD).await);
            }
        },
    );
}

#[test]
fn m6_whoever_acts_as_another_has_the_permissions_of_that_one() {
    run(
        |_blueprint| {},
        async |scene: &Scene<'_>, kind| {
            let service = scene.service;
            let (email, pass) = (address("lancelot"), scene.acts(kind, 0).await);
            let articles = async |pass: &Pass| service.get("/articles").with(pass).send().await;
            assert_eq!(articles(&scene.king).await.status, 200);
            articles(&pass).await.is_forbidden();
            service
                .set(&email, |user| {
                    user.roles = ["editor".parse().expect("a name")].into()
                })
                .await;
            assert_eq!(articles(&pass).await.status, 200);
            service.set(&email, |user| user.roles.clear()).await;
            articles(&pass).await.is_forbidden();
        },
    );
}

#[test]
fn n18_a_route_can_ask_for_the_user_in_person() {
    run(
        |_blueprint| {},
        async |scene: &Scene<'_>, kind| {
            let in_person = async |pass: &Pass| scene.service.get("/in-person").with(pass).send().await;
            let pass = scene.acts(kind, 0).await;
            in_person(&pass).await.is_forbidden();
            assert_eq!(in_person(&scene.king).await.status, 200);
        },
    );
}

#[test]
fn n18_it_is_not_the_start_of_another() {
    run(
        |_blueprint| {},
        async |scene: &Scene<'_>, kind| {
            let service = scene.service;
            let email = address("lancelot");
            service.set(&email, |user| user.is_superuser = true).await;
            let pass = scene.acts(kind, 0).await;
            let path = format!("/as/{}/{}/0", kind.name(), scene.user_id);
            let refused = service.post(&path).with(&pass).send().await;
            refused.is_forbidden();
            assert!(!refused.headers.contains_key("set-cookie"));
            assert_eq!(service.me(&pass).await.status, 200);

            // A browser has both: the own one, and one by which its user acts.
            let own = service.pass(Kind::DbBearer, &address("arthur")).await;
            if kind.is_cookie() {
                let both = service.post(&path).with(&own).with(&pass).send().await;
                assert_eq!(both.status, 204, "{both:?}");
            }
        },
    );
}

#[test]
fn n18_it_ends_when_who_acts_is_deleted_or_deactivated() {
    for is_deleted in [true, false] {
        let watch = Arc::new(Watch::default());
        run(
            |blueprint| blueprint.watch = Some(Arc::clone(&watch)),
            async |scene: &Scene<'_>, kind| {
                let (pass, other) = (scene.acts(kind, 0).await, scene.acts(kind, 0).await);
                watch.calls();
                assert_eq!(scene.service.me(&pass).await.status, 200);
                let calls = ["tokens.find", "users.find", "users.find"];
                assert_eq!(watch.calls(), calls, "the actor, too");

                let set = async |is_active| {
                    let change = |user: &mut portcullis::User| user.is_active = is_active;
                    scene.service.set(&address("arthur"), change).await;
                };
                if is_deleted {
                    let users = scene.service.users();
                    assert!(users.delete(&scene.king_id).await.expect("deleted"));
                } else {
                    set(false).await;
                }
                scene.service.me(&pass).await.is_unauthorized();
                if let Some(refresh) = &other.refresh {
                    scene.service.refresh(kind, refresh).await.is_unauthorized();
                    if !is_deleted {
                        set(true).await;
                        scene.service.refresh(kind, refresh).await.is_unauthorized();
                        scene.service.me(&other).await.is_unauthorized();
                    }
                }
                if !is_deleted {
                    set(true).await;
                    scene.service.me(&pass).await.is_unauthorized();
                }
            },
        );
    }
}
