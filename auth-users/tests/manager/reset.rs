use auth_users::{AuthenticateError, ResetPasswordError, UserUpdate};
use time::Duration;

use crate::scene::{ANOTHER, EMAIL, PASSWORD, Scene, email};

async fn is_bad(scene: &Scene, token: &str) -> bool {
    let before = scene.users.hasher().hashes_started();
    let reset = scene.users.reset_password(token, &ANOTHER.into()).await;
    let bad = matches!(reset, Err(ResetPasswordError::BadToken));
    assert_eq!(
        scene.users.hasher().hashes_started() == before,
        bad,
        "a bad token pays for no hash"
    );
    bad
}

#[tokio::test]
async fn v4_a_reset_sets_the_password_and_the_epoch_in_one_write_and_ends_every_other_token() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let first = scene.reset_token().await;
    scene.clock.advance(Duration::SECOND);
    let second = scene.reset_token().await;
    assert_ne!(first, second);
    let user = scene
        .users
        .reset_password(&first, &ANOTHER.into())
        .await
        .expect("reset");
    let stored = scene.read(&arthur).await;
    assert_eq!((user.revision, user.security_epoch), (1, 1));
    assert_eq!((stored.revision, stored.security_epoch), (1, 1));
    assert!(!stored.is_verified);
    assert!(scene.has_password(&arthur, ANOTHER).await);
    assert!(is_bad(&scene, &first).await && is_bad(&scene, &second).await);
    assert!(matches!(
        scene.users.authenticate(EMAIL, &PASSWORD.into()).await,
        Err(AuthenticateError::BadCredentials(_))
    ));
    let events = scene.events().await;
    assert_eq!(
        events[1..],
        [
            "password_reset_requested",
            "password_reset_requested",
            "password_reset",
            "password_reset_refused: bad_token",
            "password_reset_refused: bad_token",
            "log_in_refused: wrong_password"
        ]
    );
}

#[tokio::test]
async fn l2_to_forget_a_password_costs_one_hash_and_only_an_active_user_gets_a_mail() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let before = scene.users.hasher().hashes_started();
    scene
        .users
        .forgot_password(&email("lancelot@camelot.example"))
        .await
        .expect("store");
    assert_eq!(scene.users.hasher().hashes_started(), before + 1);
    scene.change(&arthur, |user| user.is_active = false).await;
    scene.users.forgot_password(&email(EMAIL)).await.expect("store");
    assert_eq!(scene.users.hasher().hashes_started(), before + 2);
    scene.users.outbox().drained().await;
    assert!(scene.mailbox.mails().is_empty());
    scene.change(&arthur, |user| user.is_active = true).await;
    scene.users.forgot_password(&email(EMAIL)).await.expect("store");
    assert_eq!(scene.users.hasher().hashes_started(), before + 3);
    scene.users.outbox().drained().await;
    assert_eq!(scene.mailbox.mails().len(), 1);
}

#[tokio::test]
async fn a_refused_password_leaves_the_token_good_and_is_not_told_for_a_bad_token() {
    let scene = Scene::new();
    scene.arthur().await;
    let token = scene.reset_token().await;
    let error = scene
        .users
        .reset_password(&token, &"password1".into())
        .await
        .expect_err("common");
    assert!(matches!(error, ResetPasswordError::InvalidPassword(_)), "{error}");
    let error = scene
        .users
        .reset_password("x", &"password1".into())
        .await
        .expect_err("bad token");
    assert!(matches!(error, ResetPasswordError::BadToken), "{error}");
    assert!(scene.users.reset_password(&token, &ANOTHER.into()).await.is_ok());
}

#[tokio::test]
async fn a_token_expires_to_the_instant() {
    let scene = Scene::new();
    scene.arthur().await;
    let token = scene.reset_token().await;
    scene.clock.advance(Duration::HOUR);
    assert!(is_bad(&scene, &token).await);
    scene.clock.advance(-Duration::MILLISECOND);
    assert!(!is_bad(&scene, &token).await);
}

#[tokio::test]
async fn j9_a_malformed_token_or_one_of_another_kind_is_bad() {
    let scene = Scene::new();
    scene.arthur().await;
    let verify = scene.verify_token().await;
    let reset = scene.reset_token().await;
    for token in [
        "",
        " ",
        "\0",
        &verify,
        &reset[..40],
        &format!("{reset}A"),
        &reset.to_lowercase(),
    ] {
        assert!(is_bad(&scene, token).await, "{token:?}");
    }
}

#[tokio::test]
async fn a_token_dies_with_a_change_of_the_password_the_email_the_flag_and_the_user() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let token = scene.reset_token().await;
    scene.change(&arthur, |user| user.is_active = false).await;
    assert!(is_bad(&scene, &token).await, "inactive");
    scene
        .change(&arthur, |user| {
            (user.is_active, user.email) = (true, email("arthur@avalon.example"))
        })
        .await;
    assert!(is_bad(&scene, &token).await, "another e-mail");
    scene.change(&arthur, |user| user.email = email(EMAIL)).await;
    let update = UserUpdate::default().password(ANOTHER.into());
    scene
        .users
        .update(scene.read(&arthur).await, &update)
        .await
        .expect("updated");
    assert!(is_bad(&scene, &token).await, "another password");
    let token = scene.reset_token().await;
    scene.users.delete(&arthur).await.expect("deleted");
    assert!(is_bad(&scene, &token).await, "gone");
}

#[tokio::test]
async fn v4_a_password_that_changes_during_the_reset_is_kept() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let token = scene.reset_token().await;
    let changed = "what is your favourite colour?";
    let hash = scene.users.hasher().hash(&changed.into()).await.expect("hash");
    scene
        .store
        .before_next_write(move |user| user.password_hash = Some(hash));
    let error = scene
        .users
        .reset_password(&token, &ANOTHER.into())
        .await
        .expect_err("too late");
    assert!(matches!(error, ResetPasswordError::BadToken), "{error}");
    assert!(scene.has_password(&arthur, changed).await);
}

#[tokio::test]
async fn another_change_during_the_reset_is_kept_and_pays_for_no_second_hash() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let token = scene.reset_token().await;
    let before = scene.users.hasher().hashes_started();
    scene.store.before_next_write(|user| user.profile.quests = 7);
    scene
        .users
        .reset_password(&token, &ANOTHER.into())
        .await
        .expect("reset");
    assert_eq!(scene.users.hasher().hashes_started(), before + 1);
    assert_eq!(scene.read(&arthur).await.profile.quests, 7);
    assert!(scene.has_password(&arthur, ANOTHER).await);
}

#[tokio::test]
async fn a_user_without_a_password_can_set_one() {
    let scene = Scene::new();
    let arthur = scene.stored(None).await;
    let token = scene.reset_token().await;
    scene
        .users
        .reset_password(&token, &ANOTHER.into())
        .await
        .expect("set");
    assert!(scene.has_password(&arthur, ANOTHER).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_of_16_concurrent_uses_exactly_one_resets() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let token = scene.reset_token().await;
    let uses: Vec<_> = (0..16)
        .map(|n| {
            let (users, token) = (scene.users.clone(), token.clone());
            tokio::spawn(async move {
                let password = format!("{ANOTHER} {n}");
                users
                    .reset_password(&token, &password.as_str().into())
                    .await
                    .map(|_| password)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for one in uses {
        match one.await.expect("task") {
            Ok(password) => winners.push(password),
            Err(error) => assert!(matches!(error, ResetPasswordError::BadToken), "{error}"),
        }
    }
    let [winner] = &winners[..] else {
        panic!("{winners:?}");
    };
    assert!(scene.has_password(&arthur, winner).await);
    assert_eq!(scene.read(&arthur).await.security_epoch, 1);
}
