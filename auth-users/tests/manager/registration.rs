use auth_core::Clock as _;
use auth_users::{CreateUserError, Registration};

use crate::scene::{ANOTHER, EMAIL, Knight, PASSWORD, Scene, email};

fn registration(address: &str, password: &str) -> Registration<Knight> {
    Registration::new(email(address), password.into(), Knight::default())
}

#[tokio::test]
async fn a_new_user_is_active_no_superuser_and_not_verified() {
    let scene = Scene::new();
    let user = scene.arthur().await;
    assert_eq!(user.email.as_str(), EMAIL);
    assert_eq!(
        (user.is_active, user.is_superuser, user.is_verified),
        (true, false, false)
    );
    assert_eq!((user.security_epoch, user.revision), (0, 0));
    assert_eq!(user.created_at, scene.clock.now());
    assert!(scene.has_password(&user, PASSWORD).await);
    assert_eq!(scene.events().await, ["registered"]);
    scene.users.outbox().drained().await;
    assert!(scene.mailbox.mails().is_empty(), "no mail follows by itself");
}

#[tokio::test]
async fn an_application_may_register_with_other_flags_and_a_profile() {
    let scene = Scene::new();
    let mut king = registration(EMAIL, PASSWORD);
    (king.is_active, king.is_superuser, king.is_verified) = (false, true, true);
    king.profile = Knight {
        title: Some("King".to_owned()),
        quests: 1,
    };
    let user = scene.users.create(king).await.expect("registered");
    let user = scene.read(&user).await;
    assert_eq!(
        (user.is_active, user.is_superuser, user.is_verified),
        (false, true, true)
    );
    assert_eq!(user.profile.title.as_deref(), Some("King"));
}

#[tokio::test]
async fn a_refused_password_comes_before_a_taken_email_and_is_not_hashed() {
    let scene = Scene::new();
    scene.arthur().await;
    let before = scene.users.hasher().hashes_started();
    let error = scene
        .users
        .create(registration(EMAIL, "password1"))
        .await
        .expect_err("common");
    assert!(matches!(error, CreateUserError::InvalidPassword(reason) if reason.contains("common")));
    assert_eq!(scene.users.hasher().hashes_started(), before);
    let events = scene.events().await;
    assert_eq!(events, ["registered", "registration_refused: invalid_password"]);
}

#[tokio::test]
async fn v1_an_email_that_is_taken_in_any_form_is_refused() {
    let scene = Scene::new();
    scene.arthur().await;
    for address in [
        EMAIL,
        "king.arthur@CAMELOT.example",
        "ＫＩＮＧ.Arthur@camelot.example",
    ] {
        let error = scene
            .users
            .create(registration(address, ANOTHER))
            .await
            .expect_err("taken");
        assert!(matches!(error, CreateUserError::EmailTaken), "{error}");
    }
}

#[tokio::test]
async fn l2_a_registration_costs_one_hash_whether_or_not_the_email_is_taken() {
    let scene = Scene::new();
    for attempt in 1..=3 {
        let created = scene.users.create(registration(EMAIL, PASSWORD)).await;
        assert_eq!(created.is_ok(), attempt == 1);
        assert_eq!(scene.users.hasher().hashes_started(), attempt);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v1_deviation_14_of_50_parallel_registrations_of_one_email_exactly_one_succeeds() {
    let scene = Scene::new();
    let attempts: Vec<_> = (0..50)
        .map(|n| {
            let users = scene.users.clone();
            let address = if n % 2 == 0 {
                EMAIL.to_owned()
            } else {
                EMAIL.to_uppercase()
            };
            tokio::spawn(async move { users.create(registration(&address, PASSWORD)).await })
        })
        .collect();
    let mut created = 0;
    for attempt in attempts {
        match attempt.await.expect("task") {
            Ok(_) => created += 1,
            Err(error) => assert!(matches!(error, CreateUserError::EmailTaken), "{error}"),
        }
    }
    assert_eq!(created, 1);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_unavailable() {
    let scene = Scene::new();
    *scene.store.breaks.lock().expect("lock") = true;
    let error = scene
        .users
        .create(registration(EMAIL, PASSWORD))
        .await
        .expect_err("broken");
    assert!(matches!(error, CreateUserError::Unavailable(_)), "{error}");
    assert_eq!(scene.events().await, ["registration_refused: unavailable"]);
}
