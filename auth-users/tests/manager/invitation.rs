use auth_core::{ExposeSecret as _, Lifetime};
use auth_users::{AuthenticateError, CreateUserError, MailKind, OneTimeTokenError, ResetPasswordError};
use futures_util::future::join_all;
use time::Duration;

use crate::scene::{ANOTHER, EMAIL, Knight, KnightUser, PASSWORD, Scene, email};

async fn invited(scene: &Scene) -> (KnightUser, String) {
    let invited = scene.users.invite(email(EMAIL), Knight::default()).await;
    (invited.expect("invited"), invitation(scene).await)
}

async fn invitation(scene: &Scene) -> String {
    scene.users.outbox().drained().await;
    let mail = scene.mailbox.mails().pop().expect("a mail");
    assert_eq!((mail.kind, mail.to.as_str()), (MailKind::Invite, EMAIL));
    mail.token.expose_secret().to_owned()
}

#[tokio::test]
async fn n5_an_invited_user_sets_the_first_password_and_is_verified_by_it() {
    let scene = Scene::new();
    let (arthur, token) = invited(&scene).await;
    assert!(arthur.password_hash.is_none() && !arthur.is_verified && arthur.is_active);
    for password in ["", PASSWORD] {
        let refused = scene.users.authenticate(EMAIL, &password.into()).await;
        assert!(
            matches!(refused, Err(AuthenticateError::BadCredentials(_))),
            "{refused:?}"
        );
    }

    let refused = scene.users.reset_password(&token, &"short".into()).await;
    assert!(matches!(refused, Err(ResetPasswordError::InvalidPassword(_))));
    let user = scene
        .users
        .reset_password(&token, &PASSWORD.into())
        .await
        .expect("a good token");
    assert!(user.is_verified);
    assert!(scene.read(&arthur).await.is_verified);
    scene
        .users
        .authenticate(EMAIL, &PASSWORD.into())
        .await
        .expect("the password is set");
    let events = scene.events().await;
    assert_eq!(events[..2], ["registered", "invitation_requested"]);
    assert_eq!(events[events.len() - 2..], ["password_reset", "verified"]);

    let again = scene.users.reset_password(&token, &ANOTHER.into()).await;
    assert!(matches!(again, Err(ResetPasswordError::BadToken)));
    let verifies = scene.users.verify(&token).await;
    assert!(verifies.is_err(), "it is of another kind");
}

#[tokio::test]
async fn n5_an_invitation_is_good_for_a_week_and_can_be_sent_again() {
    let scene = Scene::new();
    let (arthur, token) = invited(&scene).await;
    scene.clock.advance(Duration::WEEK);
    let late = scene.users.reset_password(&token, &PASSWORD.into()).await;
    assert!(matches!(late, Err(ResetPasswordError::BadToken)));

    scene.users.send_invitation(&scene.read(&arthur).await);
    let token = invitation(&scene).await;
    scene.clock.advance(Duration::WEEK - Duration::MILLISECOND);
    scene
        .users
        .reset_password(&token, &PASSWORD.into())
        .await
        .expect("a good token");

    scene.clock.advance(Duration::WEEK);
    let mails = scene.mailbox.mails().len();
    scene.users.send_invitation(&scene.read(&arthur).await);
    scene.users.outbox().drained().await;
    assert_eq!(scene.mailbox.mails().len(), mails, "there is a password");
}

#[tokio::test]
async fn n5_an_invitation_to_a_taken_address_is_refused_and_a_reset_by_an_invited_user_does_not_verify() {
    let scene = Scene::new();
    let (arthur, _token) = invited(&scene).await;
    let taken = scene
        .users
        .invite(email(&EMAIL.to_uppercase()), Knight::default())
        .await;
    assert!(matches!(taken, Err(CreateUserError::EmailTaken)));
    scene.users.outbox().drained().await;
    assert_eq!(scene.mailbox.mails().len(), 1);

    let token = scene.reset_token().await;
    let user = scene.users.reset_password(&token, &PASSWORD.into()).await;
    assert!(!user.expect("a good token").is_verified);
    assert!(!scene.read(&arthur).await.is_verified);
}

#[tokio::test]
async fn n5_of_16_concurrent_uses_of_an_invitation_exactly_one_sets_the_password() {
    let scene = Scene::new();
    let (arthur, token) = invited(&scene).await;
    let password = PASSWORD.into();
    let uses = join_all((0..16).map(|_| scene.users.reset_password(&token, &password))).await;
    assert_eq!(uses.iter().filter(|used| used.is_ok()).count(), 1, "{uses:?}");
    assert_eq!(scene.read(&arthur).await.security_epoch, 1);
}

fn ten_minutes() -> Lifetime {
    Lifetime::from_secs(600).expect("lifetime")
}

fn own_token(scene: &Scene, user: &KnightUser) -> String {
    let token = scene.users.one_time_token("log in", user, ten_minutes());
    token.expect("a token").expose_secret().to_owned()
}

fn is_bad<T: std::fmt::Debug>(result: Result<T, OneTimeTokenError>) {
    assert!(
        matches!(result, Err(OneTimeTokenError::BadToken)),
        "a bad token: {result:?}"
    );
}

#[tokio::test]
async fn n5_a_token_of_the_applications_own_is_checked_any_number_of_times_and_redeemed_once() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let (users, token) = (&scene.users, own_token(&scene, &arthur));
    for _ in 0..2 {
        let checked = users.check_one_time_token("log in", &token).await;
        assert_eq!(checked.expect("good").id, arthur.id);
    }
    for purpose in ["log out", "", "log in/seal"] {
        is_bad(users.check_one_time_token(purpose, &token).await);
        is_bad(users.redeem_one_time_token(purpose, &token).await);
    }
    assert!(users.verify(&token).await.is_err());
    assert!(users.reset_password(&token, &ANOTHER.into()).await.is_err());

    let uses = join_all((0..16).map(|_| users.redeem_one_time_token("log in", &token))).await;
    assert_eq!(uses.iter().filter(|used| used.is_ok()).count(), 1, "{uses:?}");
    is_bad(users.check_one_time_token("log in", &token).await);
    is_bad(users.redeem_one_time_token("log in", &token).await);
    assert_eq!(scene.read(&arthur).await.security_epoch, 0, "no log-in ended");
}

#[tokio::test]
async fn n5_a_token_of_the_applications_own_ends_with_time_and_with_any_change_of_its_user() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let token = own_token(&scene, &arthur);
    scene.clock.advance(Duration::minutes(10));
    is_bad(scene.users.redeem_one_time_token("log in", &token).await);
    let endless = scene.users.one_time_token("log in", &arthur, Lifetime::FOREVER);
    assert_eq!(endless.expect_err("no end").setting(), "lifetime");

    let token = own_token(&scene, &arthur);
    scene.change(&arthur, |user| user.profile.quests += 1).await;
    is_bad(scene.users.redeem_one_time_token("log in", &token).await);

    let token = own_token(&scene, &scene.read(&arthur).await);
    scene.store.before_next_write(|user| user.security_epoch += 1);
    is_bad(scene.users.redeem_one_time_token("log in", &token).await);

    let token = own_token(&scene, &scene.read(&arthur).await);
    scene.change(&arthur, |user| user.is_active = false).await;
    is_bad(scene.users.redeem_one_time_token("log in", &token).await);
}
