//! The events of calls that fail.

use std::sync::atomic::Ordering::SeqCst;

use auth_core::{ExposeSecret as _, Lifetime};
use auth_users::{OneTimeTokenError, UserUpdate};
use uuid::Uuid;

use crate::scene::{ANOTHER, EMAIL, PASSWORD, Scene, email};

impl Scene {
    /// The events of `call`.
    async fn told<T>(&self, call: impl Future<Output = T>) -> Vec<String> {
        let before = self.events().await.len();
        call.await;
        self.events().await.split_off(before)
    }
}

#[tokio::test]
async fn e3_a_one_time_token_is_told_as_redeemed_once_and_then_as_refused() {
    let scene = Scene::new();
    let (users, arthur) = (&scene.users, scene.arthur().await);
    let lifetime = Lifetime::from_secs(60).expect("a minute");
    let token = users
        .one_time_token("log in", &arthur, lifetime)
        .expect("a token");
    let token = token.expose_secret();
    assert!(
        scene
            .told(users.check_one_time_token("log in", token))
            .await
            .is_empty()
    );
    let redeem = |token| users.redeem_one_time_token("log in", token);
    assert_eq!(scene.told(redeem(token)).await, ["one_time_token_redeemed"]);
    let refused = ["one_time_token_refused: bad_token"];
    assert_eq!(scene.told(redeem(token)).await, refused, "replayed");
    assert_eq!(
        scene.journal.events().last().and_then(|event| event.user),
        Some(arthur.id)
    );
    assert_eq!(scene.told(redeem("forged")).await, refused);
    assert_eq!(scene.journal.events().last().and_then(|event| event.user), None);
    assert_eq!(
        scene.told(users.check_one_time_token("log in", token)).await,
        refused
    );
    scene.store.is_down.store(true, SeqCst);
    let down = users.redeem_one_time_token("log in", token).await;
    assert!(matches!(down, Err(OneTimeTokenError::Unavailable(_))));
    assert_eq!(
        scene.events().await.pop().as_deref(),
        Some("one_time_token_refused: unavailable")
    );
}

#[tokio::test]
async fn e3_a_store_that_is_down_is_told_by_each_call_that_it_fails() {
    let scene = Scene::with(|settings| settings.confirm_new_email(true));
    let (users, arthur) = (&scene.users, scene.arthur().await);
    scene.store.is_down.store(true, SeqCst);
    let mail = ["mail_refused: unavailable"];
    assert_eq!(scene.told(users.request_verify(&email(EMAIL))).await, mail);
    assert_eq!(scene.told(users.forgot_password(&email(EMAIL))).await, mail);
    let update = UserUpdate::default().email(email("pendragon@camelot.example"));
    let update = users.update_own(arthur.clone(), &update);
    assert_eq!(scene.told(update).await, ["update_refused: unavailable"]);
    let log_out = ["log_out_refused: unavailable"];
    assert_eq!(scene.told(users.log_out_everywhere(&arthur.id)).await, log_out);
    assert_eq!(scene.told(users.log_out_elsewhere(&arthur)).await, log_out);

    scene.store.is_down.store(false, SeqCst);
    let nobody = Uuid::nil();
    let nobody = users.log_out_everywhere(&nobody);
    assert_eq!(scene.told(nobody).await, ["log_out_refused: not_found"]);
    assert_eq!(
        scene.told(users.log_out_elsewhere(&arthur)).await,
        ["logged_out_everywhere"]
    );
    assert_eq!(
        scene.told(users.log_out_elsewhere(&arthur)).await,
        ["log_out_refused: credentials_ended"]
    );
    *scene.store.breaks.lock().expect("lock") = true;
    let same = UserUpdate::default().email(email(EMAIL));
    let arthur = scene.read(&arthur).await;
    assert_eq!(
        scene.told(users.update_own(arthur, &same)).await,
        ["update_refused: unavailable"],
        "the token of a change of e-mail could not be ended"
    );
}

#[tokio::test]
async fn e3_what_nobody_waits_for_any_more_is_told_as_abandoned() {
    /// Polls it once, and drops it.
    async fn drop_early(call: impl Future) {
        use futures_util::FutureExt as _;

        assert!(call.now_or_never().is_none());
    }
    let scene = Scene::new();
    let (users, arthur) = (&scene.users, scene.arthur().await);
    let (address, password) = (email(EMAIL), PASSWORD.into());
    let (verify, reset) = (scene.verify_token().await, scene.reset_token().await);
    let verified = UserUpdate::default().verified(true);
    let registration = auth_users::Registration::new(address.clone(), PASSWORD.into(), Default::default());
    let told = scene
        .told(async {
            drop_early(users.create(registration)).await;
            drop_early(users.authenticate(EMAIL, &password)).await;
            drop_early(users.update(arthur.clone(), &verified)).await;
            drop_early(users.request_verify(&address)).await;
            drop_early(users.forgot_password(&address)).await;
            drop_early(users.verify(&verify)).await;
            drop_early(users.reset_password(&reset, &ANOTHER.into())).await;
            drop_early(users.log_out_everywhere(&arthur.id)).await;
            drop_early(users.delete(&arthur)).await;
        })
        .await;
    let names = [
        "registration_refused",
        "log_in_refused",
        "update_refused",
        "mail_refused",
        "mail_refused",
        "verification_refused",
        "password_reset_refused",
        "log_out_refused",
        "deletion_refused",
    ];
    assert_eq!(told, names.map(|name| format!("{name}: abandoned")));
    assert_eq!(
        scene.read(&arthur).await.revision,
        arthur.revision,
        "nothing happened"
    );
}
