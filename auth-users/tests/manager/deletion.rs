use std::sync::Arc;

use auth_core::{
    ClientInfo, ExposeSecret as _, IssuedToken, Lifetime, NewLogIn, OpaqueStrategy, Outcome, Rejection,
    Strategy as _, Subject, admit, memory::MemoryAccessTokenStore,
};
use auth_users::{DeleteUserError, UserUpdate};
use uuid::Uuid;

use crate::scene::{ANOTHER, KnightUser, Scene};

/// Tokens beside the scene's users.
struct Tokens(OpaqueStrategy<Uuid>);

impl Tokens {
    fn new() -> Self {
        let store = Arc::new(MemoryAccessTokenStore::new());
        Self(OpaqueStrategy::new(
            store,
            Lifetime::from_secs(3600).expect("lifetime"),
        ))
    }

    async fn issue(&self, scene: &Scene, user: &KnightUser) -> IssuedToken {
        let subject = Subject::from(&scene.read(user).await);
        let issued = self
            .0
            .issue(&NewLogIn::new("api", &subject, &ClientInfo::default()))
            .await;
        issued.expect("issued").access
    }

    async fn rejection(&self, scene: &Scene, token: &IssuedToken) -> Option<Rejection> {
        let read = self.0.read("api", token.secret.expose_secret()).await;
        match admit(&**scene.users.store(), read).await {
            Outcome::Authenticated(..) => None,
            Outcome::Rejected(rejection) => Some(rejection),
            other => panic!("{other:?}"),
        }
    }
}

fn active(is_active: bool) -> UserUpdate {
    UserUpdate::default().active(is_active)
}

#[tokio::test]
async fn s5_to_disable_or_delete_a_user_ends_every_credential_for_good() {
    let (scene, tokens) = (Scene::new(), Tokens::new());
    let arthur = scene.arthur().await;
    let token = tokens.issue(&scene, &arthur).await;
    assert_eq!(tokens.rejection(&scene, &token).await, None);
    let user = scene
        .users
        .update(arthur.clone(), &active(false))
        .await
        .expect("disabled");
    assert!(tokens.rejection(&scene, &token).await.is_some());
    scene.users.update(user, &active(true)).await.expect("enabled");
    assert_eq!(
        tokens.rejection(&scene, &token).await,
        Some(Rejection::StaleEpoch),
        "it does not come back"
    );
    let token = tokens.issue(&scene, &arthur).await;
    assert_eq!(tokens.rejection(&scene, &token).await, None);
    scene.users.delete(&arthur).await.expect("deleted");
    assert_eq!(tokens.rejection(&scene, &token).await, Some(Rejection::UserGone));
}

#[tokio::test]
async fn deviation_5_v4_a_change_a_reset_and_a_log_out_everywhere_end_every_credential() {
    let (scene, tokens) = (Scene::new(), Tokens::new());
    let arthur = scene.arthur().await;

    let token = tokens.issue(&scene, &arthur).await;
    let update = UserUpdate::default().password(ANOTHER.into());
    scene
        .users
        .update(arthur.clone(), &update)
        .await
        .expect("changed");
    assert_eq!(
        tokens.rejection(&scene, &token).await,
        Some(Rejection::StaleEpoch)
    );

    let token = tokens.issue(&scene, &arthur).await;
    let mailed = scene.reset_token().await;
    assert_eq!(
        tokens.rejection(&scene, &token).await,
        None,
        "to ask for a reset ends nothing"
    );
    scene
        .users
        .reset_password(&mailed, &"it is only a model".into())
        .await
        .expect("reset");
    assert_eq!(
        tokens.rejection(&scene, &token).await,
        Some(Rejection::StaleEpoch)
    );

    let token = tokens.issue(&scene, &arthur).await;
    assert!(scene.users.log_out_everywhere(&arthur.id).await.expect("store"));
    assert_eq!(
        tokens.rejection(&scene, &token).await,
        Some(Rejection::StaleEpoch)
    );
    assert!(
        !scene
            .users
            .log_out_everywhere(&Uuid::now_v7())
            .await
            .expect("store")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_parallel_log_outs_everywhere_all_count() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (users, id) = (scene.users.clone(), arthur.id);
            tokio::spawn(async move { users.log_out_everywhere(&id).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.expect("task").expect("store"));
    }
    assert_eq!(scene.read(&arthur).await.security_epoch, 8);
}

#[tokio::test]
async fn a_deletion_is_told_once_and_one_of_nobody_is_refused() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    scene.users.delete(&arthur).await.expect("deleted");
    assert!(scene.users.find(&arthur.id).await.expect("store").is_none());
    let error = scene.users.delete(&arthur).await.expect_err("gone");
    assert!(matches!(error, DeleteUserError::NotFound), "{error}");
    let events = scene.events().await;
    assert_eq!(events, ["registered", "deleted", "deletion_refused: not_found"]);
}
