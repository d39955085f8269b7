use auth_core::Lifetime;
use auth_users::{Registration, UserUpdate, VerifyError};
use time::Duration;

use crate::scene::{ANOTHER, EMAIL, Knight, PASSWORD, Scene, email};

#[tokio::test]
async fn a_mailed_token_verifies_and_then_says_that_it_did() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let token = scene.verify_token().await;
    let mail = scene.mailbox.mails().pop().expect("mail");
    assert_eq!(mail.to, EMAIL);
    let user = scene.users.verify(&token).await.expect("verified");
    assert!(user.is_verified && scene.read(&arthur).await.is_verified);
    assert_eq!((user.revision, user.security_epoch), (1, 0));
    assert_eq!(
        scene.events().await,
        ["registered", "verification_requested", "verified"]
    );
    let error = scene.users.verify(&token).await.expect_err("used");
    assert!(matches!(error, VerifyError::AlreadyVerified));
}

#[tokio::test]
async fn only_an_active_unverified_user_gets_a_mail() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    scene
        .users
        .request_verify(&email("lancelot@camelot.example"))
        .await
        .expect("store");
    scene.change(&arthur, |user| user.is_active = false).await;
    scene.users.request_verify(&email(EMAIL)).await.expect("store");
    scene
        .change(&arthur, |user| (user.is_active, user.is_verified) = (true, true))
        .await;
    scene.users.request_verify(&email(EMAIL)).await.expect("store");
    scene.users.outbox().drained().await;
    assert!(scene.mailbox.mails().is_empty());
    scene.change(&arthur, |user| user.is_verified = false).await;
    scene
        .users
        .request_verify(&email("KING.ARTHUR@camelot.example"))
        .await
        .expect("store");
    scene.users.outbox().drained().await;
    assert_eq!(
        scene.mailbox.mails().pop().expect("mail").to,
        EMAIL,
        "to the address as it was registered"
    );
}

#[tokio::test]
async fn an_inactive_user_can_be_verified_and_stays_inactive() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let token = scene.verify_token().await;
    scene.change(&arthur, |user| user.is_active = false).await;
    let user = scene.users.verify(&token).await.expect("verified");
    assert!(user.is_verified && !user.is_active);
}

#[tokio::test]
async fn a_token_expires_to_the_instant() {
    let scene =
        Scene::with(|settings| settings.verification_lifetime(Lifetime::from_secs(60).expect("lifetime")));
    scene.arthur().await;
    let token = scene.verify_token().await;
    scene.clock.advance(Duration::seconds(60));
    assert!(matches!(
        scene.users.verify(&token).await,
        Err(VerifyError::BadToken)
    ));
    scene.clock.advance(-Duration::MILLISECOND);
    assert!(scene.users.verify(&token).await.is_ok());
    scene.clock.advance(Duration::MILLISECOND);
    assert!(
        matches!(scene.users.verify(&token).await, Err(VerifyError::BadToken)),
        "expired comes first"
    );
}

#[tokio::test]
async fn j9_a_malformed_token_or_one_of_another_kind_is_bad() {
    let scene = Scene::new();
    scene.arthur().await;
    let reset = scene.reset_token().await;
    let verify = scene.verify_token().await;
    for token in [
        "",
        " ",
        "x",
        "\0",
        &reset,
        &verify[1..],
        &format!("{verify}="),
        &verify.to_uppercase(),
    ] {
        assert!(
            matches!(scene.users.verify(token).await, Err(VerifyError::BadToken)),
            "{token:?}"
        );
    }
    let other = Scene::new();
    other.arthur().await;
    assert!(
        matches!(other.users.verify(&verify).await, Err(VerifyError::BadToken)),
        "another secret and id"
    );
}

#[tokio::test]
async fn v5_a_token_older_than_a_change_of_email_is_bad_also_where_the_new_one_is_verified() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let token = scene.verify_token().await;
    let update = UserUpdate::default().email(email("arthur@avalon.example"));
    scene
        .users
        .update(arthur.clone(), &update)
        .await
        .expect("updated");
    assert!(matches!(
        scene.users.verify(&token).await,
        Err(VerifyError::BadToken)
    ));
    scene.change(&arthur, |user| user.is_verified = true).await;
    assert!(matches!(
        scene.users.verify(&token).await,
        Err(VerifyError::BadToken)
    ));
}

#[tokio::test]
async fn a2_a_token_is_bad_for_another_spelling_than_the_one_it_was_mailed_to() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let (verify, reset) = (scene.verify_token().await, scene.reset_token().await);
    for (spelling, is_good) in [
        ("\u{212a}ing.Arthur@camelot.example", false),
        ("king.arthur@CAMELOT.example", true),
    ] {
        scene.change(&arthur, |user| user.email = email(spelling)).await;
        let verified = scene.users.verify(&verify).await;
        assert_eq!(verified.is_ok(), is_good, "{spelling}: {verified:?}");
        let reset = scene.users.reset_password(&reset, &ANOTHER.into()).await;
        assert_eq!(reset.is_ok(), is_good, "{spelling}: {reset:?}");
    }
}

#[tokio::test]
async fn v5_an_email_that_changes_during_the_verification_is_not_verified() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let token = scene.verify_token().await;
    scene
        .store
        .before_next_write(|user| user.email = email("arthur@avalon.example"));
    assert!(matches!(
        scene.users.verify(&token).await,
        Err(VerifyError::BadToken)
    ));
    assert!(!scene.read(&arthur).await.is_verified);
}

#[tokio::test]
async fn a_write_that_came_first_is_kept() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let token = scene.verify_token().await;
    scene.store.before_next_write(|user| user.profile.quests = 7);
    scene.users.verify(&token).await.expect("verified");
    let user = scene.read(&arthur).await;
    assert_eq!(
        (user.is_verified, user.profile.quests, user.revision),
        (true, 7, 2)
    );
}

#[tokio::test]
async fn a_token_of_a_deleted_user_is_bad() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let token = scene.verify_token().await;
    scene.users.delete(&arthur).await.expect("deleted");
    assert!(matches!(
        scene.users.verify(&token).await,
        Err(VerifyError::BadToken)
    ));
    let again = Registration::new(email(EMAIL), ANOTHER.into(), Knight::default());
    scene.users.create(again).await.expect("registered again");
    assert!(
        matches!(scene.users.verify(&token).await, Err(VerifyError::BadToken)),
        "another id"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn v3_of_16_concurrent_uses_exactly_one_verifies() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let token = scene.verify_token().await;
    let uses: Vec<_> = (0..16)
        .map(|_| {
            let (users, token) = (scene.users.clone(), token.clone());
            tokio::spawn(async move { users.verify(&token).await })
        })
        .collect();
    let mut verified = 0;
    for one in uses {
        match one.await.expect("task") {
            Ok(_) => verified += 1,
            Err(error) => assert!(
                matches!(error, VerifyError::BadToken | VerifyError::AlreadyVerified),
                "{error}"
            ),
        }
    }
    assert_eq!(verified, 1);
    assert_eq!(scene.read(&arthur).await.revision, 1);
    assert!(scene.has_password(&arthur, PASSWORD).await);
}
