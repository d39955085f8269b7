use auth_core::Email;
use auth_users::{Registration, UpdateError, UserUpdate};
use serde_json::{Map, Value, json};

use crate::scene::{ANOTHER, EMAIL, Knight, KnightUser, PASSWORD, Scene, email};

fn profile(patch: Value) -> Map<String, Value> {
    patch.as_object().cloned().expect("object")
}

fn to_email(address: &str) -> UserUpdate {
    UserUpdate::default().email(email(address))
}

fn to_password(password: &str) -> UserUpdate {
    UserUpdate::default().password(password.into())
}

async fn verified_arthur(scene: &Scene) -> KnightUser {
    let arthur = scene.arthur().await;
    scene.change(&arthur, |user| user.is_verified = true).await;
    scene.read(&arthur).await
}

#[tokio::test]
async fn what_changes_nothing_writes_nothing_and_is_no_event() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let same = to_email(EMAIL)
        .active(true)
        .superuser(false)
        .verified(false)
        .profile(profile(json!({"title": null, "quests": 0, "unknown": 1})));
    for update in [UserUpdate::default(), same] {
        let user = scene
            .users
            .update(arthur.clone(), &update)
            .await
            .expect("unchanged");
        assert_eq!(user.revision, 0);
    }
    assert_eq!(scene.read(&arthur).await.revision, 0);
    assert_eq!(scene.events().await, ["registered"]);
}

#[tokio::test]
async fn a_profile_is_patched_and_keeps_what_the_patch_does_not_name() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let update = |patch| UserUpdate::default().profile(profile(patch));
    let user = scene
        .users
        .update(arthur, &update(json!({"title": "King", "quests": 3})))
        .await
        .expect("updated");
    let user = scene
        .users
        .update(user, &update(json!({"quests": 4})))
        .await
        .expect("updated");
    let user = scene.read(&user).await;
    assert_eq!(
        (user.profile.title.as_deref(), user.profile.quests),
        (Some("King"), 4)
    );
    assert_eq!((user.revision, user.security_epoch), (2, 0));
    let error = scene
        .users
        .update(user.clone(), &update(json!({"quests": "many", "title": "x"})))
        .await;
    assert!(matches!(&error, Err(UpdateError::InvalidProfile(error)) if error.field() == Some("quests")));
    assert_eq!(
        scene.read(&user).await.profile,
        user.profile,
        "a failed update writes nothing"
    );
}

#[tokio::test]
async fn another_email_is_unverified_unless_it_is_said_to_be_verified() {
    let scene = Scene::new();
    let arthur = verified_arthur(&scene).await;
    let user = scene
        .users
        .update(arthur, &to_email("arthur@avalon.example"))
        .await
        .expect("updated");
    assert!(!user.is_verified);
    let update = to_email(EMAIL).verified(true);
    let user = scene.users.update(user, &update).await.expect("updated");
    assert!(user.is_verified);
    assert_eq!(user.security_epoch, 0);
    assert!(scene.users.authenticate(EMAIL, &PASSWORD.into()).await.is_ok());
}

#[tokio::test]
async fn deviation_3_another_case_of_ones_own_email_is_kept_as_typed_and_stays_verified() {
    let scene = Scene::new();
    let arthur = verified_arthur(&scene).await;
    let user = scene
        .users
        .update(arthur, &to_email("KING.arthur@camelot.example"))
        .await
        .expect("updated");
    let user = scene.read(&user).await;
    assert_eq!(user.email.as_str(), "KING.arthur@camelot.example");
    assert!(user.is_verified);
}

#[tokio::test]
async fn a1_a5_another_spelling_is_unverified_unless_only_the_case_of_ascii_letters_differs() {
    let scene = Scene::new();
    let mut user = verified_arthur(&scene).await;
    for (address, stays_verified) in [
        ("m@weiss.de", false),
        ("M@Weiss.DE", true),
        ("m@weiß.de", false),
        ("m@xn--wei-7ka.de", true),
        ("kelvin.strasse@example.org", false),
        ("Kelvin.Strasse@example.org", true),
        ("\u{212a}elvin.straße@example.org", false),
        ("andré@example.org", false),
        ("andre\u{301}@example.org", false),
        ("ANDRE\u{301}@example.org", true),
    ] {
        scene.change(&user, |user| user.is_verified = true).await;
        let read = scene.read(&user).await;
        user = scene
            .users
            .update(read, &to_email(address))
            .await
            .expect("updated");
        let stored = scene.read(&user).await;
        assert_eq!(stored.is_verified, stays_verified, "{address}");
        assert_eq!(stored.email, email(address));
    }
}

#[tokio::test]
async fn a1_an_address_whose_stored_form_is_of_an_older_rule_is_not_verified_under_todays() {
    let scene = Scene::new();
    let user = verified_arthur(&scene).await;
    let old = Email::from_stored("m@weiß.de".to_owned(), "m@weiss.de".to_owned());
    scene.change(&user, |user| user.email = old).await;
    let read = scene.read(&user).await;
    assert!(read.is_verified);
    scene
        .users
        .update(read, &to_email("m@weiß.de"))
        .await
        .expect("updated");
    let stored = scene.read(&user).await;
    assert_eq!(stored.email, email("m@weiß.de"));
    assert!(!stored.is_verified, "of m@weiss.de that was said");
}

#[tokio::test]
async fn a5_another_spelling_that_the_user_set_meanwhile_is_not_verified_in_place_of_the_one_that_was_read() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let to_verified = UserUpdate::default().verified(true);
    let spelling = "\u{212a}ing.Arthur@camelot.example";
    scene
        .store
        .before_next_write(move |user| user.email = email(spelling));
    let error = scene.users.update(arthur.clone(), &to_verified).await;
    assert!(matches!(error, Err(UpdateError::Unavailable(_))), "{error:?}");
    assert!(!scene.read(&arthur).await.is_verified);
}

#[tokio::test]
async fn a_taken_email_is_refused_and_nothing_is_written() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let lancelot = Registration::new(
        email("lancelot@camelot.example"),
        PASSWORD.into(),
        Knight::default(),
    );
    let lancelot = scene.users.create(lancelot).await.expect("registered");
    let update = to_email("KING.ARTHUR@camelot.example")
        .password(ANOTHER.into())
        .superuser(true)
        .profile(profile(json!({"quests": 9})));
    let error = scene
        .users
        .update(lancelot.clone(), &update)
        .await
        .expect_err("taken");
    assert!(matches!(error, UpdateError::EmailTaken), "{error}");
    let after = scene.read(&lancelot).await;
    assert_eq!(
        (after.revision, after.is_superuser, after.profile.quests),
        (0, false, 0)
    );
    assert!(scene.has_password(&lancelot, PASSWORD).await);

    let update = update.password("password1".into());
    let error = scene.users.update(lancelot, &update).await.expect_err("common");
    assert!(
        matches!(error, UpdateError::InvalidPassword(_)),
        "the password's error comes first: {error}"
    );
    assert_eq!(scene.read(&arthur).await.revision, 0);
}

#[tokio::test]
async fn the_password_is_judged_against_the_new_email() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let update = to_password("Once-And-Future").email(email("once-and-future@avalon.example"));
    let error = scene
        .users
        .update(arthur, &update)
        .await
        .expect_err("its local part");
    assert!(matches!(error, UpdateError::InvalidPassword(_)), "{error}");
}

#[tokio::test]
async fn deviation_5_a_change_of_password_and_a_deactivation_raise_the_epoch_and_nothing_else_does() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let mut epoch = 0;
    for (update, raises) in [
        (to_password(ANOTHER), true),
        (to_password(ANOTHER), true),
        (to_email("arthur@avalon.example"), false),
        (UserUpdate::default().superuser(true), false),
        (UserUpdate::default().verified(true), false),
        (UserUpdate::default().active(false), true),
        (to_email(EMAIL).active(false), false),
        (UserUpdate::default().active(true), false),
        (to_password(PASSWORD).active(false), true),
    ] {
        let user = scene
            .users
            .update(scene.read(&arthur).await, &update)
            .await
            .expect("updated");
        epoch += i64::from(raises);
        assert_eq!(user.security_epoch, epoch, "{update:?}");
        assert_eq!(scene.read(&arthur).await.security_epoch, epoch);
    }
}

#[tokio::test]
async fn a_write_that_came_first_is_kept() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    scene.store.before_next_write(|user| {
        user.is_superuser = true;
        user.profile.title = Some("King".to_owned());
    });
    let update = UserUpdate::default().profile(profile(json!({"quests": 5})));
    let user = scene.users.update(arthur, &update).await.expect("updated");
    assert!(user.is_superuser);
    assert_eq!(
        (user.profile.title.as_deref(), user.profile.quests),
        (Some("King"), 5)
    );
}

#[tokio::test]
async fn s4_a_change_asked_for_with_a_credential_that_a_reset_ended_meanwhile_is_not_made() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let hash = scene.users.hasher().hash(&ANOTHER.into()).await.expect("hash");
    scene.store.before_next_write(move |user| {
        user.password_hash = Some(hash);
        user.security_epoch += 1;
    });
    let error = scene
        .users
        .update(arthur.clone(), &to_password("the thief's own password"))
        .await;
    assert!(matches!(error, Err(UpdateError::Unavailable(_))), "{error:?}");
    assert!(scene.has_password(&arthur, ANOTHER).await);
}

#[tokio::test]
async fn v5_an_email_that_the_user_set_meanwhile_is_not_verified_in_place_of_the_one_that_was_read() {
    let to_verified = UserUpdate::default().verified(true);
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    scene
        .store
        .before_next_write(|user| user.email = email("arthur@avalon.example"));
    let error = scene.users.update(arthur.clone(), &to_verified).await;
    assert!(matches!(error, Err(UpdateError::Unavailable(_))), "{error:?}");
    let user = scene.read(&arthur).await;
    assert_eq!(
        (user.email.as_str(), user.is_verified),
        ("arthur@avalon.example", false)
    );

    // The same mailbox, and an address that the update itself names, are what was meant.
    scene
        .store
        .before_next_write(|user| user.email = email("ARTHUR@avalon.example"));
    let user = scene.users.update(user, &to_verified).await.expect("updated");
    assert_eq!(
        (user.email.as_str(), user.is_verified),
        ("ARTHUR@avalon.example", true)
    );
    scene.store.before_next_write(|user| {
        user.email = email("arthur@tintagel.example");
        user.is_verified = false;
    });
    let named = to_verified.email(email(EMAIL));
    let user = scene.users.update(user, &named).await.expect("updated");
    assert_eq!((user.email.as_str(), user.is_verified), (EMAIL, true));
}

#[tokio::test]
async fn a_change_that_another_made_meanwhile_is_done() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    scene.store.before_next_write(|user| {
        user.is_active = false;
        user.security_epoch += 1;
    });
    let update = UserUpdate::default().active(false);
    let user = scene.users.update(arthur, &update).await.expect("done");
    assert_eq!((user.is_active, user.security_epoch), (false, 1));
}

#[tokio::test]
async fn a_user_who_is_gone_is_not_found() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    scene.users.delete(&arthur).await.expect("deleted");
    let error = scene
        .users
        .update(arthur, &to_email("arthur@avalon.example"))
        .await
        .expect_err("gone");
    assert!(matches!(error, UpdateError::NotFound), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_parallel_update_of_other_fields_is_lost() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let updates = [
        to_email("arthur@avalon.example"),
        UserUpdate::default().superuser(true),
        UserUpdate::default().profile(profile(json!({"title": "King"}))),
        UserUpdate::default().profile(profile(json!({"quests": 12}))),
    ];
    let tasks = updates.map(|update| {
        let (users, arthur) = (scene.users.clone(), arthur.clone());
        tokio::spawn(async move { users.update(arthur, &update).await })
    });
    for task in tasks {
        task.await.expect("task").expect("updated");
    }
    let user = scene.read(&arthur).await;
    assert_eq!(user.email.as_str(), "arthur@avalon.example");
    assert_eq!((user.is_superuser, user.revision), (true, 4));
    assert_eq!(
        (user.profile.title.as_deref(), user.profile.quests),
        (Some("King"), 12)
    );
}
