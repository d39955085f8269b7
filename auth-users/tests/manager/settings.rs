use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{
    Email, Lifetime, SecretString, SigningSecret, StoreError, StoreErrorKind, UserStore as _,
    memory::MemoryUserStore,
};
use auth_users::{
    CreateUserError, PasswordPolicy, PolicyError, Registration, ResetPasswordError, UpdateError, UserManager,
    UserUpdate,
};
use uuid::Uuid;

use crate::scene::{EMAIL, Knight, Scene, email};

struct Whim(&'static str);

#[async_trait]
impl PasswordPolicy for Whim {
    async fn check(&self, _password: &SecretString, _email: &Email) -> Result<(), PolicyError> {
        match self.0 {
            "refuses" => Err(PolicyError::Refused("not today".to_owned())),
            "accepts" => Ok(()),
            "is down" => Err(StoreError::unreachable("breaches", "out of order").into()),
            _ => panic!("on purpose"),
        }
    }
}

async fn created(whim: &'static str, password: &str) -> Result<(), CreateUserError> {
    let scene = Scene::with(|settings| settings.password_policy(Arc::new(Whim(whim))));
    let registration = Registration::new(email(EMAIL), password.into(), Knight::default());
    scene.users.create(registration).await.map(|_| ())
}

#[tokio::test]
async fn deviation_10_the_password_policy_is_replaceable() {
    assert!(created("accepts", "").await.is_ok());
    let refused = created("refuses", "the holy grail of passwords").await;
    assert!(matches!(refused, Err(CreateUserError::InvalidPassword(reason)) if reason == "not today"));
}

#[tokio::test]
async fn e5_a_password_policy_that_panics_is_a_fault_of_the_program_and_nothing_is_written() {
    let password = || SecretString::from("the holy grail of passwords");
    let answer = created("panics", "the holy grail of passwords").await;
    let is_internal = |error: &StoreError| error.kind() == StoreErrorKind::Internal;
    assert!(
        matches!(&answer, Err(CreateUserError::Unavailable(error)) if is_internal(error)),
        "{answer:?}"
    );

    let scene = Scene::with(|settings| settings.password_policy(Arc::new(Whim("panics"))));
    let arthur = scene.stored(None).await;
    let update = UserUpdate::default().password(password());
    let answer = scene.users.update(arthur.clone(), &update).await;
    assert!(
        matches!(&answer, Err(UpdateError::Unavailable(error)) if is_internal(error)),
        "{answer:?}"
    );
    let token = scene.reset_token().await;
    let answer = scene.users.reset_password(&token, &password()).await;
    assert!(
        matches!(&answer, Err(ResetPasswordError::Unavailable(error)) if is_internal(error)),
        "{answer:?}"
    );
    assert_eq!(scene.read(&arthur).await.revision, arthur.revision);
}

#[tokio::test]
async fn p4_a_policy_that_cannot_tell_is_unavailable_and_nothing_is_written() {
    let password = || SecretString::from("the holy grail of passwords");
    let scene = Scene::with(|settings| settings.password_policy(Arc::new(Whim("is down"))));
    let arthur = scene.stored(None).await;
    let galahad = email("galahad@camelot.example");
    let registration = Registration::new(galahad.clone(), password(), Knight::default());
    let answer = scene.users.create(registration).await;
    assert!(
        matches!(&answer, Err(CreateUserError::Unavailable(error)) if error.origin() == "breaches"),
        "{answer:?}"
    );
    let found = scene.store.find_by_email(galahad.normalized()).await;
    assert!(found.expect("store").is_none());

    let update = UserUpdate::default().email(galahad).password(password());
    let answer = scene.users.update(arthur.clone(), &update).await;
    assert!(matches!(answer, Err(UpdateError::Unavailable(_))), "{answer:?}");
    let token = scene.reset_token().await;
    let answer = scene.users.reset_password(&token, &password()).await;
    assert!(
        matches!(answer, Err(ResetPasswordError::Unavailable(_))),
        "{answer:?}"
    );
    assert_eq!(scene.read(&arthur).await.revision, arthur.revision);
    let events = [
        "registration_refused: unavailable",
        "update_refused: unavailable",
        "password_reset_requested",
        "password_reset_refused: unavailable",
    ];
    assert_eq!(scene.events().await, events);
}

#[test]
fn a_manager_is_made_without_a_runtime_and_a_bad_setting_is_named() {
    let secret = SigningSecret::generate().expect("randomness");
    let builder = || UserManager::<Uuid>::builder(Arc::new(MemoryUserStore::new()), &secret);
    let users = builder().build().expect("defaults");
    assert!(!users.requires_verification());
    for (settings, name) in [
        (builder().outbox_capacity(0), "outbox_capacity"),
        (builder().mails_in_flight(0), "mails_in_flight"),
        (builder().mail_retries([std::time::Duration::MAX]), "mail_retries"),
        (
            builder().verification_lifetime(Lifetime::FOREVER),
            "verification_lifetime",
        ),
        (builder().reset_lifetime(Lifetime::FOREVER), "reset_lifetime"),
    ] {
        assert_eq!(settings.build().expect_err(name).setting(), name);
    }
}

#[tokio::test]
async fn an_id_that_the_database_makes_and_a_text_id_live_the_same_life() {
    let secret = SigningSecret::generate().expect("randomness");
    let store = Arc::new(MemoryUserStore::with_ids(|n| i64::try_from(n).ok()));
    let users: UserManager<i64> = UserManager::builder(store, &secret).build().expect("defaults");
    let password = || SecretString::from("the holy grail of passwords");
    let user = users
        .create(Registration::new(email(EMAIL), password(), ()))
        .await
        .expect("registered");
    assert_eq!(user.id, 1);

    let users: UserManager<String> = UserManager::builder(Arc::new(MemoryUserStore::new()), &secret)
        .build()
        .expect("defaults");
    let user = users
        .create(Registration::new(email(EMAIL), password(), ()))
        .await
        .expect("registered");
    assert!(users.find(&user.id).await.expect("store").is_some());
}

#[tokio::test]
async fn without_a_mailer_a_mail_is_dropped_and_the_request_does_not_fail() {
    let secret = SigningSecret::generate().expect("randomness");
    let users: UserManager = UserManager::builder(Arc::new(MemoryUserStore::new()), &secret)
        .build()
        .expect("defaults");
    let password = "the holy grail of passwords".into();
    users
        .create(Registration::new(email(EMAIL), password, ()))
        .await
        .expect("registered");
    users.forgot_password(&email(EMAIL)).await.expect("store");
    users.outbox().drained().await;
}
