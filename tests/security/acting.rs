//! N18: somebody who acts as a user.

use std::sync::{Arc, Mutex};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig},
};
use async_trait::async_trait;
use portcullis::{
    Lifetime,
    actix::{Auth, AuthError, CurrentUser, Superuser},
    users::{Event, EventHandler, EventHandlerError, UserManager},
};
use serde_json::json;
use time::Duration;

use crate::harness::{Blueprint, Kind, NEW_PASSWORD, Pass, Service, address, person};

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

/// Whoever acts by the credential.
async fn actor(current: CurrentUser) -> web::Json<Option<String>> {
    web::Json(current.credential().actor.clone())
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/as/{backend}/{id}/{seconds}", web::post().to(log_in_as))
        .route("/elsewhere", web::post().to(elsewhere))
        .route("/actor", web::get().to(actor));
}

/// Who logged in, and who acted.
#[derive(Default)]
struct Journal(Mutex<Vec<(String, Option<uuid::Uuid>)>>);

#[async_trait]
impl EventHandler for Journal {
    async fn handle(&self, event: Event<'_>, _users: &UserManager) -> Result<(), EventHandlerError> {
        if let Event::LoggedIn { user, actor } = event {
            let mut journal = self.0.lock().expect("no panic under the lock");
            journal.push((user.email.to_string(), actor.copied()));
        }
        Ok(())
    }
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
    let journal = Arc::new(Journal::default());
    run(
        |blueprint| blueprint.events = Some(journal.clone()),
        async |scene: &Scene<'_>, kind| {
            let pass = scene.acts(kind, 0).await;
            let journal = std::mem::take(&mut *journal.0.lock().expect("no panic under the lock"));
            let expected = [
                (address("arthur"), None),
                (address("lancelot"), Some(scene.king_id)),
            ];
            assert_eq!(journal, expected);
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
fn n18_a_change_of_the_password_ends_it_although_the_user_would_stay_logged_in() {
    run(
        |blueprint| blueprint.keeps_log_in = true,
        async |scene: &Scene<'_>, kind| {
            let pass = scene.acts(kind, 0).await;
            let body = json!({ "password": NEW_PASSWORD });
            let answer = scene
                .service
                .patch("/users/me")
                .json(&body)
                .with(&pass)
                .send()
                .await;
            assert_eq!(answer.status, 200);
            for header in ["set-cookie", "x-access-token", "x-refresh-token"] {
                assert!(!answer.headers.contains_key(header), "{answer:?}");
            }
            scene.service.me(&pass).await.is_unauthorized();
        },
    );
}
