//! What a token says that its user may do.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use async_trait::async_trait;
use auth_core::{
    InsertUserError, Issued, NewLogIn, NewUser, NormalizedEmail, Permission, ReadError, RefreshStrategy as _,
    Rejection, RoleName, Roles, RotateStrategy as _, StoreError, Strategy as _, UpdateUserError, User,
    UserStore, memory::MemoryUserStore,
};
use auth_jwt::{
    AsymmetricKeys, Jwks, JwtStrategy, RefreshTokens, Rotation, SigningAlgorithm, SigningKey,
    TrackedJwtStrategy, VerifyingAlgorithm, VerifyingKey,
};
use serde_json::{Value, json};
use time::Duration as Span;
use uuid::Uuid;

use crate::stage::{ACCESS, APP, LOG_IN, Pair, Stage, claims, parallel, read, refresh, rotate, seconds};

const WRITE: Permission = Permission::from_static("articles:write");

fn roles() -> Roles {
    let roles = Roles::new().role("author", ["articles:write"]);
    let roles = roles.and_then(|roles| roles.role("editor", ["articles:*", "reports:read"]));
    roles.expect("roles")
}

struct Scene {
    stage: Stage,
    users: Arc<MemoryUserStore>,
}

impl Scene {
    /// With a user who has these roles.
    async fn new(names: &[&str]) -> Self {
        let (stage, users) = (Stage::new(), Arc::new(MemoryUserStore::new()));
        let mut user = NewUser::new("ada@example.com".parse().expect("an e-mail"), (), stage.now());
        user.id = Some(stage.subject.user_id);
        users.insert(user).await.expect("a user");
        let scene = Self { stage, users };
        scene.give(names).await;
        scene
    }

    async fn change(&self, change: impl FnOnce(&mut User)) {
        let id = self.stage.subject.user_id;
        let mut user = self.users.find(&id).await.expect("in memory").expect("the user");
        change(&mut user);
        self.users.update(&user).await.expect("in memory");
    }

    async fn give(&self, names: &[&str]) {
        let names = names.iter().map(|name| RoleName::new(name).expect("a name"));
        let roles = names.collect();
        self.change(|user| user.roles = roles).await;
    }

    fn plain(&self) -> JwtStrategy {
        self.stage.jwt().scopes(self.users.clone(), roles()).read_scopes()
    }

    fn tracked(&self, jwt: JwtStrategy) -> TrackedJwtStrategy {
        let strategy = TrackedJwtStrategy::new(jwt, self.stage.store.clone(), seconds(LOG_IN));
        let strategy = strategy.expect("valid");
        strategy
            .refresh_tokens(RefreshTokens::new(&self.stage.secret))
            .rotation(Rotation::after(std::time::Duration::ZERO))
            .expect("valid")
    }
}

fn scope(token: &str) -> Value {
    claims(token).get("scope").cloned().unwrap_or_default()
}

fn access(issued: &Issued) -> String {
    Pair::of(issued).access
}

#[tokio::test]
async fn a_token_names_what_the_user_may_do_when_it_is_issued() {
    let scene = Scene::new(&["editor", "author", "abbot"]).await;
    for strategy in [
        &scene.plain() as &dyn auth_core::Strategy,
        &scene.tracked(scene.plain()),
    ] {
        let issued = access(&scene.stage.issue(strategy, |_log_in| ()).await);
        assert_eq!(scope(&issued), json!("articles:* reports:read"));
        let credential = read(strategy, &issued).await.expect("valid");
        assert!(credential.scope.permits(&WRITE));
        assert!(
            !credential
                .scope
                .permits(&Permission::from_static("reports:write"))
        );
    }
}

/// A service that has no users, no store and no secret of the issuer, only the document of its public keys.
#[tokio::test]
async fn another_service_reads_the_scope_of_either_kind_by_the_public_key_alone() {
    const ISSUER: &str = "https://accounts.example.com";
    let scene = Scene::new(&["editor"]).await;
    let key = |pem| SigningKey::from_pem(SigningAlgorithm::EdDsa, pem).expect("a key");
    let jwt = |keys: AsymmetricKeys| {
        let strategy = JwtStrategy::new(keys, seconds(ACCESS)).expect("valid");
        strategy.clock(scene.stage.clock.clone())
    };
    let keys = AsymmetricKeys::new(key(include_str!("../keys/ed25519-1.pem")));
    let jwks: Jwks = serde_json::from_value(json!(keys.jwks())).expect("the document");
    let issuer = || {
        jwt(keys.clone())
            .issuer(ISSUER)
            .scopes(scene.users.clone(), roles())
    };

    let own = AsymmetricKeys::new(key(include_str!("../keys/ed25519-2.pem")));
    let theirs = VerifyingKey::from_jwk(VerifyingAlgorithm::EdDsa, &jwks.keys[0]).expect("a key");
    let trusting = own.clone().trust_issuer(ISSUER, theirs).expect("another key");
    let (reader, stranger) = (jwt(trusting).read_scopes(), jwt(own));
    for strategy in [&issuer() as &dyn auth_core::Strategy, &scene.tracked(issuer())] {
        let issued = access(&scene.stage.issue(strategy, |_log_in| ()).await);
        let credential = read(&reader, &issued).await.expect("valid");
        assert_eq!(credential.subject.user_id, scene.stage.subject.user_id);
        assert_eq!(credential.scope.to_string(), "articles:* reports:read");
        assert!(credential.scope.permits(&WRITE));
        read(&stranger, &issued).await.expect_err("another's key");
    }
}

#[tokio::test]
async fn a_superuser_has_a_star_and_whoever_may_nothing_has_no_claim() {
    let scene = Scene::new(&["abbot"]).await;
    let strategy = scene.plain();
    let issue = async || access(&scene.stage.issue(&strategy, |_log_in| ()).await);
    let none = issue().await;
    assert_eq!(claims(&none).get("scope"), None);
    let credential = read(&strategy, &none).await.expect("valid");
    assert!(credential.scope.is_empty() && !credential.scope.permits(&WRITE));
    scene.change(|user| user.is_superuser = true).await;
    let all = issue().await;
    assert_eq!(scope(&all), json!("*"));
    let credential = read(&strategy, &all).await.expect("valid");
    assert!(credential.scope.permits(&WRITE));
    scene.change(|user| user.is_active = false).await;
    assert_eq!(claims(&issue().await).get("scope"), None);
}

#[tokio::test]
async fn without_the_setting_there_is_no_claim_and_none_is_read() {
    let scene = Scene::new(&["editor"]).await;
    let strategy = scene.stage.jwt();
    let issued = access(&scene.stage.issue(&strategy, |_log_in| ()).await);
    assert_eq!(claims(&issued).get("scope"), None);
    let writing = scene.stage.jwt().scopes(scene.users.clone(), roles());
    let issued = access(&scene.stage.issue(&writing, |_log_in| ()).await);
    let credential = read(&strategy, &issued).await.expect("valid");
    assert!(credential.scope.is_empty());
}

#[tokio::test]
async fn whoever_acts_as_another_has_the_scope_of_that_one() {
    let scene = Scene::new(&["author"]).await;
    let strategy = scene.plain();
    let own = access(&scene.stage.issue(&strategy, |_log_in| ()).await);
    let acting = |log_in: &mut NewLogIn<'_>| log_in.actor = Some("0198d5b0-0000-7000-8000-000000000001");
    let acted = access(&scene.stage.issue(&strategy, acting).await);
    assert_eq!(scope(&acted), scope(&own));
}

#[tokio::test]
async fn m7_a_refresh_and_a_rotation_name_the_roles_of_that_moment() {
    let scene = Scene::new(&["editor"]).await;
    let strategy = scene.tracked(scene.plain());
    let first = scene.stage.log_in(&strategy).await;
    assert_eq!(scope(&first.access), json!("articles:* reports:read"));

    scene.give(&["author"]).await;
    let rotated = rotate(&strategy, &first.access)
        .await
        .expect("valid")
        .expect("due");
    assert_eq!(scope(&rotated), json!("articles:write"));
    scene.give(&[]).await;
    let again = rotate(&strategy, &first.access)
        .await
        .expect("valid")
        .expect("due");
    assert_eq!(
        scope(&again),
        Value::Null,
        "the same successor, with the roles of now"
    );
    scene.give(&["author"]).await;
    let refreshed = refresh(&strategy, first.refresh()).await.expect("valid");
    assert_eq!(scope(&refreshed.access), json!("articles:write"));
    scene.give(&["editor"]).await;
    // The answer was lost: the same refresh token again.
    let lost = refresh(&strategy, first.refresh())
        .await
        .expect("within the grace");
    assert_eq!(scope(&lost.access), json!("articles:* reports:read"));
    assert_eq!(lost.refresh, refreshed.refresh);
}

#[tokio::test]
async fn a_claim_that_is_copied_out_of_an_older_token_is_nowhere() {
    let scene = Scene::new(&["editor"]).await;
    let strategy = scene.tracked(scene.plain());
    let mut pair = scene.stage.log_in(&strategy).await;
    scene.give(&[]).await;
    for _step in 0..3 {
        scene.stage.pass(Span::minutes(5));
        pair = refresh(&strategy, pair.refresh()).await.expect("valid");
        assert_eq!(scope(&pair.access), Value::Null);
    }
}

#[test]
fn m7_a_demotion_amid_parallel_refreshes_is_in_whatever_is_issued_after_it() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let scene = runtime.block_on(Scene::new(&["editor"]));
    let strategy = scene.tracked(scene.plain());
    let first = runtime.block_on(scene.stage.log_in(&strategy));
    let (is_begun, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
    let outcomes = parallel(async || {
        if !is_begun.swap(true, SeqCst) {
            scene.give(&[]).await;
            is_done.store(true, SeqCst);
        }
        let was_demoted = is_done.load(SeqCst);
        let pair = refresh(&strategy, first.refresh()).await;
        (was_demoted, scope(&pair.expect("within the grace").access))
    });
    for (was_demoted, scope) in outcomes {
        assert!(!was_demoted || scope == Value::Null, "{scope}");
    }
}

/// Answers nothing.
struct NoUsers;

fn down<T, E: From<StoreError>>() -> Result<T, E> {
    Err(StoreError::unreachable("users", "down").into())
}

#[async_trait]
impl UserStore for NoUsers {
    async fn insert(&self, _user: NewUser) -> Result<User, InsertUserError> {
        down()
    }

    async fn find(&self, _id: &Uuid) -> Result<Option<User>, StoreError> {
        down()
    }

    async fn find_by_email(&self, _email: &NormalizedEmail) -> Result<Option<User>, StoreError> {
        down()
    }

    async fn update(&self, _user: &User) -> Result<(), UpdateUserError> {
        down()
    }

    async fn delete(&self, _id: &Uuid) -> Result<bool, StoreError> {
        down()
    }
}

#[tokio::test]
async fn m7_a_user_who_cannot_be_read_costs_no_refresh_token_and_is_never_without_scope() {
    let scene = Scene::new(&["editor"]).await;
    let sound = scene.tracked(scene.plain());
    let first = scene.stage.log_in(&sound).await;
    let broken = scene.tracked(scene.stage.jwt().scopes(Arc::new(NoUsers), roles()));
    let before = scene.stage.row().await;
    for _again in 0..2 {
        let failed = broken.refresh(APP, first.refresh()).await;
        assert!(matches!(failed, Err(ReadError::Unavailable(_))));
        let failed = broken.rotate(APP, &first.access).await;
        assert!(matches!(failed, Err(ReadError::Unavailable(_))));
    }
    assert_eq!(scene.stage.row().await, before);
    let client = auth_core::ClientInfo::default();
    let log_in = NewLogIn::new(APP, &scene.stage.subject, &client);
    assert!(broken.issue(&log_in).await.is_err());
    assert_eq!(scene.stage.rows().await.len(), 1);

    let id = scene.stage.subject.user_id;
    assert!(scene.users.delete(&id).await.expect("in memory"));
    assert_eq!(
        refresh(&sound, first.refresh()).await.expect_err("no user"),
        Rejection::UserGone
    );
    assert!(sound.issue(&log_in).await.is_err());
}

/// A store that finds each user as it was at first, unless it is asked for the latest.
struct Behind {
    stored: Arc<MemoryUserStore>,
    first: User,
}

#[async_trait]
impl UserStore for Behind {
    async fn insert(&self, user: NewUser) -> Result<User, InsertUserError> {
        self.stored.insert(user).await
    }

    async fn find(&self, _id: &Uuid) -> Result<Option<User>, StoreError> {
        Ok(Some(self.first.clone()))
    }

    async fn find_latest(&self, id: &Uuid) -> Result<Option<User>, StoreError> {
        self.stored.find(id).await
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User>, StoreError> {
        self.stored.find_by_email(email).await
    }

    async fn update(&self, user: &User) -> Result<(), UpdateUserError> {
        self.stored.update(user).await
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, StoreError> {
        self.stored.delete(id).await
    }
}

#[tokio::test]
async fn m7_no_token_names_the_roles_that_a_cache_remembers() {
    let scene = Scene::new(&["editor"]).await;
    let id = scene.stage.subject.user_id;
    let first = scene.users.find(&id).await.expect("in memory").expect("the user");
    let behind = Arc::new(Behind {
        stored: scene.users.clone(),
        first,
    });
    scene.give(&["author"]).await;
    let strategy = scene.stage.jwt().scopes(behind, roles());
    let issued = access(&scene.stage.issue(&strategy, |_log_in| ()).await);
    assert_eq!(scope(&issued), json!("articles:write"));
}
