use auth_core::ExposeSecret as _;
use auth_users::{MailKind, ResetPasswordError, UpdateError, UserUpdate, VerifyError};
use futures_util::future::join_all;
use time::Duration;

use crate::scene::{ANOTHER, EMAIL, Knight, KnightUser, PASSWORD, Scene, email};

const NEW: &str = "arthur@avalon.example";

fn confirming() -> Scene {
    Scene::with(|settings| settings.confirm_new_email(true))
}

fn to(address: &str) -> UserUpdate {
    UserUpdate::default().email(email(address))
}

impl Scene {
    async fn verified_arthur(&self) -> KnightUser {
        let arthur = self.arthur().await;
        self.change(&arthur, |user| user.is_verified = true).await;
        self.read(&arthur).await
    }

    /// Kind, address and token of each mail since `seen`.
    async fn mails_after(&self, seen: usize) -> Vec<(MailKind, String, String)> {
        self.users.outbox().drained().await;
        let mails = self.mailbox.mails().split_off(seen);
        mails
            .into_iter()
            .map(|mail| (mail.kind, mail.to, mail.token.expose_secret().to_owned()))
            .collect()
    }

    /// The token that is mailed if the user asks for this address.
    async fn asked(&self, user: &KnightUser, address: &str) -> String {
        let seen = self.mailbox.mails().len();
        let user = self.read(user).await;
        self.users.update_own(user, &to(address)).await.expect("asked");
        let mails = self.mails_after(seen).await;
        let token = mails
            .into_iter()
            .find(|(kind, to, _)| (*kind, to.as_str()) == (MailKind::ChangeEmail, address));
        token.expect("a mail to the new address").2
    }
}

fn is_bad<T: std::fmt::Debug>(result: Result<T, VerifyError>) {
    assert!(matches!(result, Err(VerifyError::BadToken)), "{result:?}");
}

#[tokio::test]
async fn n4_a_registration_mails_a_verification_if_that_is_set() {
    let scene = Scene::with(|settings| settings.send_verification_on_registration(true));
    let arthur = scene.arthur().await;
    let mails = scene.mails_after(0).await;
    let [(MailKind::Verify, address, token)] = &mails[..] else {
        panic!("one verification: {mails:?}");
    };
    assert_eq!(address, EMAIL);
    scene.users.verify(token).await.expect("a good token");
    assert!(scene.read(&arthur).await.is_verified);

    scene
        .users
        .invite(email("mordred@camelot.example"), Knight::default())
        .await
        .expect("invited");
    let kinds: Vec<_> = scene.mails_after(1).await.iter().map(|mail| mail.0).collect();
    assert_eq!(kinds, [MailKind::Invite], "an invitation verifies, too");
}

#[tokio::test]
async fn n4_a_new_email_counts_once_it_is_confirmed_and_not_before() {
    let scene = confirming();
    let arthur = scene.verified_arthur().await;
    let update = to(NEW).profile(serde_json::Map::from_iter([("quests".to_owned(), 3.into())]));
    let asked = scene
        .users
        .update_own(arthur.clone(), &update)
        .await
        .expect("asked");
    assert_eq!((asked.email.as_str(), asked.profile.quests), (EMAIL, 3));
    let mails = scene.mails_after(0).await;
    let told: Vec<_> = mails.iter().map(|(kind, to, _)| (*kind, to.as_str())).collect();
    assert_eq!(
        told,
        [(MailKind::ChangeEmail, NEW), (MailKind::EmailChangeNotice, EMAIL)]
    );

    let stored = scene.read(&arthur).await;
    assert_eq!((stored.email.as_str(), stored.is_verified), (EMAIL, true));
    assert!(scene.users.authenticate(NEW, &PASSWORD.into()).await.is_err());
    scene.users.forgot_password(&email(NEW)).await.expect("store");
    scene.users.request_verify(&email(NEW)).await.expect("store");
    assert!(scene.mails_after(2).await.is_empty(), "nobody has that address");

    let confirmed = scene.users.verify(&mails[0].2).await.expect("a good token");
    assert_eq!(
        (
            confirmed.email.as_str(),
            confirmed.is_verified,
            confirmed.security_epoch
        ),
        (NEW, true, 0)
    );
    assert_eq!(scene.read(&arthur).await.email.as_str(), NEW);
    scene
        .users
        .authenticate(NEW, &PASSWORD.into())
        .await
        .expect("the new address counts");
    is_bad(scene.users.verify(&mails[0].2).await);
    let late = scene.users.reset_password(&mails[1].2, &ANOTHER.into()).await;
    assert!(matches!(late, Err(ResetPasswordError::BadToken)));
    let events = scene.events().await;
    assert_eq!(
        events[2..4],
        ["email_change_requested", "email_change_notice_requested"]
    );
    let updates: Vec<_> = events
        .iter()
        .filter(|event| event.starts_with("updated"))
        .collect();
    assert_eq!(updates.len(), 2, "{events:?}");
    assert!(
        updates[1].starts_with("updated: ChangedFields { email: true, password: false"),
        "{events:?}"
    );
}

#[tokio::test]
async fn v3_n4_only_the_newest_token_to_change_the_email_works_and_only_once() {
    let scene = confirming();
    let arthur = scene.verified_arthur().await;
    let mistyped = scene.asked(&arthur, "mordred@avalon.example").await;
    let right = scene.asked(&arthur, NEW).await;
    is_bad(scene.users.verify(&mistyped).await);
    scene.users.verify(&right).await.expect("the newest");
    let back = scene.asked(&arthur, EMAIL).await;
    scene.users.verify(&back).await.expect("the newest");
    is_bad(scene.users.verify(&right).await);
}

#[tokio::test]
async fn n4_a_user_who_asks_for_the_present_email_takes_the_change_back() {
    let scene = confirming();
    let arthur = scene.verified_arthur().await;
    let regretted = scene.asked(&arthur, NEW).await;
    let user = scene.read(&arthur).await;
    scene
        .users
        .update_own(user, &to(EMAIL))
        .await
        .expect("taken back");
    is_bad(scene.users.verify(&regretted).await);
    assert_eq!(scene.read(&arthur).await.email.as_str(), EMAIL);
}

#[tokio::test]
async fn n4_the_owner_of_the_old_mailbox_stops_a_change_that_a_thief_of_a_session_asked_for() {
    let scene = confirming();
    let arthur = scene.verified_arthur().await;
    let stolen = scene.asked(&arthur, "mordred@avalon.example").await;
    let mails = scene.mails_after(0).await;
    let notice = mails.iter().find(|mail| mail.0 == MailKind::EmailChangeNotice);
    let token = &notice.expect("a notice").2;
    scene
        .users
        .reset_password(token, &ANOTHER.into())
        .await
        .expect("a good token");
    is_bad(scene.users.verify(&stolen).await);

    let stolen = scene.asked(&arthur, "mordred@avalon.example").await;
    scene.users.log_out_everywhere(&arthur.id).await.expect("store");
    is_bad(scene.users.verify(&stolen).await);
    assert_eq!(scene.read(&arthur).await.email.as_str(), EMAIL);
}

#[tokio::test]
async fn n4_a_taken_address_is_told_to_nobody_and_gets_no_mail() {
    let scene = confirming();
    let arthur = scene.verified_arthur().await;
    let other = auth_users::Registration::new(email(NEW), PASSWORD.into(), Knight::default());
    scene.users.create(other).await.expect("registered");
    let asked = scene.users.update_own(arthur.clone(), &to(NEW)).await;
    assert_eq!(asked.expect("as if it were free").email.as_str(), EMAIL);
    let kinds: Vec<_> = scene.mails_after(0).await.iter().map(|mail| mail.0).collect();
    assert_eq!(kinds, [MailKind::EmailChangeNotice]);

    let free = "arthur@tintagel.example";
    let token = scene.asked(&arthur, free).await;
    let other = auth_users::Registration::new(email(free), PASSWORD.into(), Knight::default());
    scene.users.create(other).await.expect("registered");
    is_bad(scene.users.verify(&token).await);
}

#[tokio::test]
async fn n4_a_stranger_whose_mailbox_was_never_verified_is_told_nothing() {
    let scene = confirming();
    let arthur = scene.arthur().await;
    let token = scene.asked(&arthur, NEW).await;
    assert_eq!(scene.mailbox.mails().len(), 1);
    let confirmed = scene.users.verify(&token).await.expect("a good token");
    assert!(confirmed.is_verified);
    assert_eq!(scene.events().await.last().map(String::as_str), Some("verified"));
}

#[tokio::test]
async fn n4_a_token_to_change_the_email_is_good_once_for_its_time_user_and_purpose() {
    let scene = confirming();
    let arthur = scene.verified_arthur().await;
    let token = scene.asked(&arthur, NEW).await;
    assert!(scene.users.reset_password(&token, &ANOTHER.into()).await.is_err());
    assert!(
        scene
            .users
            .check_one_time_token("change-email", &token)
            .await
            .is_err()
    );
    let uses = join_all((0..16).map(|_| scene.users.verify(&token))).await;
    assert_eq!(uses.iter().filter(|used| used.is_ok()).count(), 1, "{uses:?}");

    let token = scene.asked(&arthur, EMAIL).await;
    scene.clock.advance(Duration::HOUR);
    is_bad(scene.users.verify(&token).await);
    let token = scene.asked(&arthur, EMAIL).await;
    scene.change(&arthur, |user| user.is_active = false).await;
    is_bad(scene.users.verify(&token).await);
}

#[tokio::test]
async fn n4_the_case_of_ascii_letters_needs_no_confirmation_and_a_failed_change_mails_nothing() {
    let scene = confirming();
    let arthur = scene.verified_arthur().await;
    let shouted = scene
        .users
        .update_own(arthur, &to(&EMAIL.to_ascii_uppercase()))
        .await
        .expect("updated");
    assert!(shouted.is_verified && shouted.email.as_str().starts_with("KING"));
    let update = to(NEW).password("short".into());
    let refused = scene.users.update_own(shouted.clone(), &update).await;
    assert!(matches!(refused, Err(UpdateError::InvalidPassword(_))));
    *scene.store.breaks.lock().expect("lock") = true;
    let update = to(NEW).superuser(true);
    assert!(scene.users.update_own(shouted, &update).await.is_err());
    assert!(scene.mails_after(0).await.is_empty());
}

#[tokio::test]
async fn n4_without_the_setting_a_new_email_counts_at_once_and_so_does_an_applications_own_update() {
    let scene = Scene::new();
    let arthur = scene.verified_arthur().await;
    let moved = scene.users.update_own(arthur, &to(NEW)).await.expect("updated");
    assert_eq!((moved.email.as_str(), moved.is_verified), (NEW, false));

    let scene = confirming();
    let arthur = scene.verified_arthur().await;
    let moved = scene.users.update(arthur, &to(NEW)).await.expect("updated");
    assert_eq!((moved.email.as_str(), moved.is_verified), (NEW, false));
    assert!(scene.mails_after(0).await.is_empty());
}
