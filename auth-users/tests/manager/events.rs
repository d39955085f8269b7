use auth_users::{
    CreateUserError, DeleteUserError, MailKind, Registration, ResetPasswordError, UpdateError, UserUpdate,
    VerifyError,
};
use serde_json::json;

use crate::scene::{ANOTHER, EMAIL, Knight, PASSWORD, Scene, email};

fn to_superuser() -> UserUpdate {
    UserUpdate::default().superuser(true)
}

#[tokio::test]
async fn an_update_tells_what_changed_and_no_value() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    scene.change(&arthur, |user| user.is_verified = true).await;
    let update = UserUpdate::default()
        .email(email("arthur@avalon.example"))
        .password(ANOTHER.into())
        .profile(json!({"quests": 3}).as_object().cloned().expect("object"));
    scene
        .users
        .update(scene.read(&arthur).await, &update)
        .await
        .expect("updated");
    scene
        .users
        .update(scene.read(&arthur).await, &to_superuser())
        .await
        .expect("updated");
    assert_eq!(
        scene.journal.events()[1..],
        [
            "updated: ChangedFields { email: true, password: true, profile: true, active: false, superuser: false, \
             verified: true, roles: false }",
            "updated: ChangedFields { email: false, password: false, profile: false, active: false, superuser: true, \
             verified: false, roles: false }",
        ]
    );
}

/// Each call whose event fails or panics, and what stands afterwards.
async fn every_call_reports(scene: &Scene, at: impl Fn(&'static str)) {
    at("registered");
    let registration = Registration::new(email(EMAIL), PASSWORD.into(), Knight::default());
    let error = scene.users.create(registration).await.expect_err("told");
    assert!(matches!(error, CreateUserError::EventHandler(_)), "{error}");
    let identified = scene
        .users
        .authenticate(EMAIL, &PASSWORD.into())
        .await
        .expect("registered all the same");

    at("logged_in");
    assert!(scene.users.logged_in(&identified).await.is_err());
    let arthur = identified.into_user();

    at("refresh_token_reused");
    scene.users.refresh_token_reused(&arthur).await;

    at("verification_requested");
    let token = scene.verify_token().await;
    at("verified");
    let error = scene.users.verify(&token).await.expect_err("told");
    assert!(matches!(error, VerifyError::EventHandler(_)), "{error}");
    assert!(scene.read(&arthur).await.is_verified);

    at("password_reset_requested");
    let token = scene.reset_token().await;
    at("password_reset");
    let error = scene
        .users
        .reset_password(&token, &ANOTHER.into())
        .await
        .expect_err("told");
    assert!(matches!(error, ResetPasswordError::EventHandler(_)), "{error}");
    assert!(scene.has_password(&arthur, ANOTHER).await);

    at("updated");
    let error = scene
        .users
        .update(scene.read(&arthur).await, &to_superuser())
        .await
        .expect_err("told");
    assert!(matches!(error, UpdateError::EventHandler(_)), "{error}");
    assert!(scene.read(&arthur).await.is_superuser);

    at("deleting");
    let error = scene.users.delete(&arthur).await.expect_err("stopped");
    assert!(matches!(error, DeleteUserError::EventHandler(_)), "{error}");
    assert!(scene.read(&arthur).await.is_active);
    at("deleted");
    let error = scene.users.delete(&arthur).await.expect_err("told");
    assert!(matches!(error, DeleteUserError::EventHandler(_)), "{error}");
    assert!(scene.users.find(&arthur.id).await.expect("store").is_none());
}

#[tokio::test]
async fn an_event_handler_that_fails_fails_the_call_and_undoes_nothing() {
    let scene = Scene::new();
    every_call_reports(&scene, |name| {
        *scene.journal.fails_at.lock().expect("lock") = Some(name)
    })
    .await;
}

#[tokio::test]
async fn e5_an_event_handler_that_panics_is_an_error_and_the_process_lives_on() {
    let scene = Scene::new();
    every_call_reports(&scene, |name| {
        *scene.journal.panics_at.lock().expect("lock") = Some(name)
    })
    .await;
    scene.arthur().await;
}

#[tokio::test]
async fn deviation_16_what_would_tell_that_a_user_exists_is_done_after_the_answer() {
    let scene = Scene::new();
    scene.arthur().await;
    scene.users.request_verify(&email(EMAIL)).await.expect("store");
    assert_eq!(
        scene.journal.events(),
        ["registered"],
        "the handler was not called before the answer"
    );
    assert!(scene.mailbox.mails().is_empty());
    scene.users.outbox().drained().await;
    assert_eq!(scene.journal.events(), ["registered", "verification_requested"]);
    assert_eq!(scene.mailbox.mails()[0].kind, MailKind::Verify);
    assert_eq!(scene.mailbox.mails()[0].to, EMAIL);
}

#[tokio::test]
async fn n7_an_event_handler_is_given_the_manager_also_after_the_answer() {
    let scene = Scene::new();
    *scene.journal.logs_out_at.lock().expect("lock") = Some("registered");
    let arthur = scene.arthur().await;
    assert_eq!(scene.read(&arthur).await.security_epoch, 1);

    *scene.journal.logs_out_at.lock().expect("lock") = Some("password_reset_requested");
    scene.users.forgot_password(&email(EMAIL)).await.expect("store");
    scene.users.outbox().drained().await;
    assert_eq!(scene.read(&arthur).await.security_epoch, 2);
}
