use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{PasswordHash, StoreError, StoreErrorKind};
use auth_users::{AuthenticateError, BadCredentials, UserLookup, UserManager, UserUpdate};
use uuid::Uuid;

use crate::scene::{ANOTHER, EMAIL, Knight, KnightUser, PASSWORD, Scene};

/// bcrypt of `PASSWORD`, written by the Python package.
const OLD: &str = "$2b$04$eQpo2rQ0UZKo3maSNL5UpOaGKUExLu2eIXMmv9h08XASSnxIGskYG";
const OTHER_USER: &str = "lancelot@camelot.example";

async fn refusal(scene: &Scene, username: &str, password: &str) -> BadCredentials {
    match scene.users.authenticate(username, &password.into()).await {
        Err(AuthenticateError::BadCredentials(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn any_case_of_the_email_finds_the_user() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    for username in [
        EMAIL,
        "king.arthur@camelot.example",
        "KING.ARTHUR@CAMELOT.EXAMPLE",
    ] {
        let user = scene
            .users
            .authenticate(username, &PASSWORD.into())
            .await
            .expect(username)
            .into_user();
        assert_eq!(user.id, arthur.id);
    }
    for username in [
        " King.Arthur@camelot.example",
        "King.Arthur@camelot.example ",
        "King.Arthur",
        "",
        "\0",
    ] {
        assert_eq!(
            refusal(&scene, username, PASSWORD).await,
            BadCredentials::UnknownUser,
            "{username:?}"
        );
    }
}

#[tokio::test]
async fn l1_l2_every_path_of_a_login_costs_exactly_one_hash() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let hasher = scene.users.hasher();
    let mut hashes = hasher.hashes_started();
    let mut one_more = || {
        hashes += 1;
        hashes
    };

    assert!(scene.users.authenticate(EMAIL, &PASSWORD.into()).await.is_ok());
    assert_eq!(hasher.hashes_started(), one_more(), "right");
    assert_eq!(
        refusal(&scene, EMAIL, ANOTHER).await,
        BadCredentials::WrongPassword
    );
    assert_eq!(hasher.hashes_started(), one_more(), "wrong");
    assert_eq!(refusal(&scene, EMAIL, "").await, BadCredentials::WrongPassword);
    assert_eq!(hasher.hashes_started(), one_more(), "empty");
    assert_eq!(
        refusal(&scene, OTHER_USER, PASSWORD).await,
        BadCredentials::UnknownUser
    );
    assert_eq!(hasher.hashes_started(), one_more(), "unknown");
    assert_eq!(
        refusal(&scene, "no e-mail at all", PASSWORD).await,
        BadCredentials::UnknownUser
    );
    assert_eq!(hasher.hashes_started(), one_more(), "no e-mail");

    scene.change(&arthur, |user| user.is_active = false).await;
    assert_eq!(refusal(&scene, EMAIL, PASSWORD).await, BadCredentials::Inactive);
    assert_eq!(hasher.hashes_started(), one_more(), "inactive");
    assert_eq!(
        refusal(&scene, EMAIL, ANOTHER).await,
        BadCredentials::WrongPassword
    );
    assert_eq!(hasher.hashes_started(), one_more(), "inactive and wrong");

    for malformed in [
        "",
        "!",
        "$argon2id$v=19$m=19456",
        "$2b$12$short",
        "$argon2id$v=19$m=99999999,t=9,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
    ] {
        scene
            .change(&arthur, |user| {
                user.password_hash = Some(PasswordHash::new(malformed))
            })
            .await;
        assert_eq!(
            refusal(&scene, EMAIL, PASSWORD).await,
            BadCredentials::UnusableHash
        );
        assert_eq!(hasher.hashes_started(), one_more(), "{malformed}");
    }
    scene.change(&arthur, |user| user.password_hash = None).await;
    assert_eq!(refusal(&scene, EMAIL, PASSWORD).await, BadCredentials::NoPassword);
    assert_eq!(hasher.hashes_started(), one_more(), "no password");
    assert_eq!(refusal(&scene, EMAIL, "").await, BadCredentials::NoPassword);
}

#[tokio::test]
async fn deviation_1_a_nul_byte_and_a_long_password_are_bad_credentials() {
    let scene = Scene::new();
    scene.stored(Some(OLD)).await;
    for password in ["\0", &format!("{PASSWORD}\0"), &"a".repeat(73), &"é".repeat(512)] {
        assert_eq!(
            refusal(&scene, EMAIL, password).await,
            BadCredentials::WrongPassword
        );
    }
    assert_eq!(
        refusal(&scene, "king\0@camelot.example", PASSWORD).await,
        BadCredentials::UnknownUser
    );
}

#[tokio::test]
async fn unverified_is_told_after_the_right_password_only() {
    let scene = Scene::with(|settings| settings.requires_verification(true));
    let arthur = scene.arthur().await;
    assert_eq!(
        refusal(&scene, EMAIL, ANOTHER).await,
        BadCredentials::WrongPassword
    );
    let error = scene
        .users
        .authenticate(EMAIL, &PASSWORD.into())
        .await
        .expect_err("unverified");
    assert!(matches!(error, AuthenticateError::NotVerified));
    scene.change(&arthur, |user| user.is_active = false).await;
    assert_eq!(refusal(&scene, EMAIL, PASSWORD).await, BadCredentials::Inactive);
    scene
        .change(&arthur, |user| (user.is_active, user.is_verified) = (true, true))
        .await;
    assert!(scene.users.authenticate(EMAIL, &PASSWORD.into()).await.is_ok());
}

#[tokio::test]
async fn p2_an_old_hash_is_upgraded_at_login_and_nothing_else_changes() {
    let scene = Scene::new();
    let before = scene.stored(Some(OLD)).await;
    assert_eq!(
        refusal(&scene, EMAIL, ANOTHER).await,
        BadCredentials::WrongPassword
    );
    assert_eq!(
        scene.read(&before).await.revision,
        0,
        "a wrong password upgrades nothing"
    );
    let user = scene
        .users
        .authenticate(EMAIL, &PASSWORD.into())
        .await
        .expect("logged in")
        .into_user();
    let after = scene.read(&before).await;
    let hash = after.password_hash.as_ref().expect("hash").expose();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert!(scene.has_password(&before, PASSWORD).await);
    assert_eq!((after.revision, after.security_epoch), (1, 0));
    assert_eq!(
        (user.revision, user.password_hash.as_ref().expect("hash").expose()),
        (1, hash)
    );
    scene
        .users
        .authenticate(EMAIL, &PASSWORD.into())
        .await
        .expect("logged in");
    assert_eq!(scene.read(&before).await.revision, 1, "once is enough");
}

#[tokio::test]
async fn p2_an_upgrade_that_fails_does_not_fail_the_login() {
    let scene = Scene::new();
    let user = scene.stored(Some(OLD)).await;
    *scene.store.breaks.lock().expect("lock") = true;
    let logged_in = scene
        .users
        .authenticate(EMAIL, &PASSWORD.into())
        .await
        .expect("logged in")
        .into_user();
    assert_eq!(logged_in.revision, 0);
    assert_eq!(scene.read(&user).await.password_hash.expect("hash").expose(), OLD);
}

#[tokio::test]
async fn p2_an_upgrade_never_overwrites_a_concurrent_change_of_the_password() {
    let scene = Scene::new();
    let user = scene.stored(Some(OLD)).await;
    let newer = scene.users.hasher().hash(&ANOTHER.into()).await.expect("hash");
    scene.store.before_next_write(move |user| {
        user.password_hash = Some(newer);
        user.security_epoch += 1;
        user.is_superuser = true;
    });
    let logged_in = scene
        .users
        .authenticate(EMAIL, &PASSWORD.into())
        .await
        .expect("it was right when it was read")
        .into_user();
    let after = scene.read(&user).await;
    assert!(scene.has_password(&user, ANOTHER).await && after.is_superuser);
    assert_ne!(
        logged_in.security_epoch, after.security_epoch,
        "what is issued for it is rejected"
    );
}

#[tokio::test]
async fn an_upgrade_is_no_update_event_and_a_login_is_told_when_it_is_said() {
    let scene = Scene::new();
    scene.stored(Some(OLD)).await;
    let identified = scene
        .users
        .authenticate(EMAIL, &PASSWORD.into())
        .await
        .expect("logged in");
    assert!(scene.events().await.is_empty());
    scene.users.logged_in(&identified);
    assert_eq!(scene.events().await, ["logged_in"]);
}

#[tokio::test]
async fn the_old_password_is_dead_after_a_change() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let update = UserUpdate::default().password(ANOTHER.into());
    scene.users.update(arthur, &update).await.expect("updated");
    assert_eq!(
        refusal(&scene, EMAIL, PASSWORD).await,
        BadCredentials::WrongPassword
    );
    assert!(scene.users.authenticate(EMAIL, &ANOTHER.into()).await.is_ok());
}

/// Users by their title, or by their e-mail.
struct ByTitle;

#[async_trait]
impl UserLookup<Uuid, Knight> for ByTitle {
    async fn find(
        &self,
        typed: &str,
        users: &UserManager<Uuid, Knight>,
    ) -> Result<Option<KnightUser>, StoreError> {
        assert!(!typed.contains('\0') && typed.len() <= 1024 && typed != "Mordred");
        if typed == "Merlin" {
            return Err(StoreError::unreachable("titles", "no route to Avalon"));
        }
        let email = if typed == "the King" { EMAIL } else { typed };
        users.find_by_email(email).await
    }
}

#[tokio::test]
async fn n14_a_user_logs_in_by_whatever_the_application_finds_them_by() {
    let scene = Scene::with(|settings| settings.lookup(Arc::new(ByTitle)));
    let arthur = scene.arthur().await;
    for username in ["the King", EMAIL] {
        let user = scene.users.authenticate(username, &PASSWORD.into()).await;
        assert_eq!(user.expect(username).user().id, arthur.id);
    }
}

#[tokio::test]
async fn n14_l2_nobody_costs_one_hash_and_gets_the_same_answer_whatever_finds_users() {
    let scene = Scene::with(|settings| settings.lookup(Arc::new(ByTitle)));
    scene.arthur().await;
    let hasher = scene.users.hasher();
    let long = "k".repeat(1025);
    for (username, password, why) in [
        ("the King", ANOTHER, BadCredentials::WrongPassword),
        ("the Queen", PASSWORD, BadCredentials::UnknownUser),
        (OTHER_USER, PASSWORD, BadCredentials::UnknownUser),
        ("", PASSWORD, BadCredentials::UnknownUser),
        ("the\0King", PASSWORD, BadCredentials::UnknownUser),
        (&long, PASSWORD, BadCredentials::UnknownUser),
    ] {
        let hashes = hasher.hashes_started();
        assert_eq!(refusal(&scene, username, password).await, why, "{username:?}");
        assert_eq!(hasher.hashes_started(), hashes + 1, "{username:?}");
    }
}

#[tokio::test]
async fn n14_e5_a_lookup_that_fails_or_panics_is_a_fault_and_not_a_wrong_password() {
    let scene = Scene::with(|settings| settings.lookup(Arc::new(ByTitle)));
    for (username, kind) in [
        ("Merlin", StoreErrorKind::Unreachable),
        ("Mordred", StoreErrorKind::Internal),
    ] {
        let failed = scene.users.authenticate(username, &PASSWORD.into()).await;
        let Err(AuthenticateError::Unavailable(error)) = failed else {
            panic!("{username}: {failed:?}");
        };
        assert_eq!(error.kind(), kind, "{username}");
    }
}
