use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use auth_core::StoreError;
use auth_users::{
    AfterRegistration, AfterRegistrationError, AuditEvent, ChangedFields, CreateUserError, DeleteUserError,
    EventKind, Intent, MailKind, Observer, Origin, Registration, UserManager, UserUpdate, Veto, VetoError,
};
use serde_json::json;
use uuid::Uuid;

use crate::scene::{ANOTHER, EMAIL, Knight, KnightUser, PASSWORD, Scene, email};

fn registration() -> Registration<Knight> {
    Registration::new(email(EMAIL), PASSWORD.into(), Knight::default())
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
    for update in [update, UserUpdate::default().superuser(true)] {
        let user = scene.read(&arthur).await;
        scene.users.update(user, &update).await.expect("updated");
    }
    let mut first = ChangedFields::default();
    (first.email, first.password, first.profile, first.verified) = (true, true, true, true);
    let mut second = ChangedFields::default();
    second.superuser = true;
    let told = [first, second].map(|changed| format!("updated: {changed:?}"));
    assert_eq!(scene.events().await[1..], told);
}

#[tokio::test]
async fn e7_an_event_says_when_to_whom_by_whom_and_from_where() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let merlin = Uuid::now_v7();
    let client = Some("192.0.2.7".parse().expect("an address"));
    let origin = Origin::default().through("web").from_client(client);
    let by_merlin = scene.users.with_origin(origin.clone().by(merlin));
    let in_person = scene.users.with_origin(origin.by(arthur.id));
    let superuser = UserUpdate::default().superuser(true);
    by_merlin
        .update(arthur.clone(), &superuser)
        .await
        .expect("updated");
    in_person.log_out_everywhere(&arthur.id).await.expect("store");
    scene.clock.advance(time::Duration::HOUR);
    by_merlin.delete(&arthur).await.expect("deleted");
    scene.users.audit().drained().await;
    let events = scene.journal.events();
    let told: Vec<_> = events[1..]
        .iter()
        .map(|event| (event.kind.name(), event.user, event.actor))
        .collect();
    let of_arthur = Some(arthur.id);
    assert_eq!(
        told,
        [
            ("updated", of_arthur, Some(merlin)),
            ("logged_out_everywhere", of_arthur, None),
            ("deleted", of_arthur, Some(merlin)),
        ]
    );
    for event in &events[1..] {
        assert_eq!((event.backend.as_deref(), event.client), (Some("web"), client));
    }
    assert_eq!(events[3].at - events[2].at, time::Duration::HOUR);
    assert_eq!((events[0].client, events[0].actor), (None, None));
}

#[tokio::test]
async fn deviation_16_what_would_tell_that_a_user_exists_is_done_after_the_answer() {
    let scene = Scene::new();
    scene.arthur().await;
    scene.users.request_verify(&email(EMAIL)).await.expect("store");
    assert!(scene.mailbox.mails().is_empty());
    scene.users.outbox().drained().await;
    assert_eq!(scene.mailbox.mails()[0].kind, MailKind::Verify);
    assert_eq!(scene.mailbox.mails()[0].to, EMAIL);
    assert_eq!(scene.events().await, ["registered", "verification_requested"]);
}

#[tokio::test]
async fn e7_a_mail_that_is_lost_is_told_with_its_user_and_the_last_problem() {
    struct Down;

    #[async_trait]
    impl auth_users::Mailer for Down {
        async fn send(&self, _mail: &auth_users::Mail) -> Result<(), auth_users::MailError> {
            Err(auth_users::MailError::new("connection refused"))
        }
    }

    let scene = Scene::with(|settings| settings.mailer(Arc::new(Down)).mail_retries([]));
    let arthur = scene.arthur().await;
    scene.users.forgot_password(&email(EMAIL)).await.expect("store");
    scene.users.outbox().drained().await;
    scene.users.audit().drained().await;
    let last = scene.journal.events().pop().expect("events");
    let kind = EventKind::MailGivenUp {
        mail: MailKind::Reset,
        why: "failed",
    };
    assert_eq!((last.kind, last.user), (kind, Some(arthur.id)));
    assert!(last.note.expect("a note").contains("connection refused"));
}

/// Logs out whoever asks for another password.
struct Cautious(Weak<UserManager<Uuid, Knight>>);

#[async_trait]
impl Observer for Cautious {
    async fn observe(&self, event: &AuditEvent) {
        if let (EventKind::MailRequested { .. }, Some(id)) = (&event.kind, &event.user) {
            let users = self.0.upgrade().expect("it is used");
            assert!(users.log_out_everywhere(id).await.expect("store"));
        }
    }
}

#[tokio::test]
async fn n7_an_observer_can_use_the_manager_and_ends_with_it() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let cautious = Arc::new(Cautious(Arc::downgrade(&scene.users)));
    let observer = Arc::downgrade(&cautious);
    scene.users.audit().observe(cautious);
    scene.users.forgot_password(&email(EMAIL)).await.expect("store");
    // What it does then is told, too.
    scene.users.audit().drained().await;
    let events = scene.events().await;
    assert_eq!(events[1..], ["password_reset_requested", "logged_out_everywhere"]);
    assert_eq!(scene.read(&arthur).await.security_epoch, 1);
    drop(scene);
    // Its task may still be about to end.
    tokio::task::yield_now().await;
    assert!(observer.upgrade().is_none());
}

/// What the application does if it is asked.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Refuses,
    Fails,
    Panics,
    /// Consents after a while.
    Hesitates,
    Hangs,
}

/// Does so at each intent, whose names it keeps, and after each registration.
struct Moody(Mood, Mutex<Vec<String>>);

impl Moody {
    fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self(mood, Mutex::default()))
    }

    async fn decide(&self) -> Result<(), VetoError> {
        match self.0 {
            Mood::Refuses => Err(VetoError::refused("not today")),
            Mood::Fails => Err(StoreError::unreachable("rules", "connection reset by peer").into()),
            Mood::Panics => panic!("on purpose"),
            Mood::Hesitates => {
                tokio::time::sleep(std::time::Duration::from_secs(5)).await;
                Ok(())
            }
            Mood::Hangs => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Veto<Uuid, Knight> for Moody {
    async fn check(
        &self,
        intent: Intent<'_, Uuid, Knight>,
        origin: &Origin,
        _users: &UserManager<Uuid, Knight>,
    ) -> Result<(), VetoError> {
        assert_eq!(origin.backend.as_deref(), Some("web"));
        let asked = match intent {
            Intent::Registration { email, profile, .. } => format!("{email}: {}", profile.quests),
            Intent::Deletion { user, .. } => format!("deletion of {}", user.email),
            other => format!("{other:?}"),
        };
        self.1.lock().expect("lock").push(asked);
        self.decide().await
    }
}

#[async_trait]
impl AfterRegistration<Uuid, Knight> for Moody {
    async fn registered(
        &self,
        user: &KnightUser,
        users: &UserManager<Uuid, Knight>,
    ) -> Result<(), AfterRegistrationError> {
        assert!(
            users
                .find(&user.id)
                .await
                .map_err(AfterRegistrationError::new)?
                .is_some()
        );
        self.decide().await.map_err(AfterRegistrationError::new)
    }
}

#[tokio::test(start_paused = true)]
async fn e8_a_veto_that_does_not_consent_is_no_consent_to_a_registration_or_a_deletion() {
    for (mood, why) in [
        (Mood::Refuses, "vetoed"),
        (Mood::Fails, "unavailable"),
        (Mood::Panics, "unavailable"),
        (Mood::Hangs, "unavailable"),
        (Mood::Hesitates, ""),
    ] {
        let veto = Moody::new(mood);
        let scene = Scene::with(|settings| settings.veto(veto.clone()));
        let users = scene.users.with_origin(Origin::default().through("web"));
        let lancelot = scene.stored(None).await;
        let mut registration = registration();
        // Without a password: the clock would run ahead of the hash.
        registration.password = None;
        registration.email = email("galahad@camelot.example");
        let created = users.create(registration).await;
        let deleted = users.delete(&lancelot).await;
        let asked = [
            "galahad@camelot.example: 0".to_owned(),
            format!("deletion of {EMAIL}"),
        ];
        assert_eq!(*veto.1.lock().expect("lock"), asked);
        let stored = scene.users.find(&lancelot.id).await.expect("store");
        if mood == Mood::Hesitates {
            assert!(created.is_ok() && deleted.is_ok() && stored.is_none());
            assert_eq!(scene.events().await, ["registered", "deleted"]);
            continue;
        }
        assert!(matches!(created, Err(CreateUserError::Veto(_))), "{created:?}");
        assert!(matches!(deleted, Err(DeleteUserError::Veto(_))), "{deleted:?}");
        assert!(stored.is_some());
        let refused = ["registration_refused", "deletion_refused"].map(|name| format!("{name}: {why}"));
        assert_eq!(scene.events().await, refused);
        let notes = scene.journal.events().into_iter().map(|event| event.note);
        let note = (mood == Mood::Refuses).then(|| "not today".to_owned());
        assert!(notes.into_iter().all(|told| told == note));
    }
}

#[tokio::test]
async fn e5_what_follows_a_registration_fails_it_and_undoes_nothing() {
    for mood in [Mood::Fails, Mood::Panics] {
        let scene = Scene::with(|settings| settings.after_registration(Moody::new(mood)));
        let error = scene.users.create(registration()).await.expect_err("told");
        assert!(matches!(error, CreateUserError::AfterRegistration(_)), "{error}");
        assert_eq!(scene.events().await, ["registered"]);
        let user = scene.users.authenticate(EMAIL, &PASSWORD.into()).await;
        user.expect("registered all the same");
    }
}

#[tokio::test]
async fn e5_the_mail_that_verifies_is_sent_though_what_follows_a_registration_fails() {
    let scene = Scene::with(|settings| {
        let settings = settings.after_registration(Moody::new(Mood::Fails));
        settings.send_verification_on_registration(true)
    });
    scene.users.create(registration()).await.expect_err("told");
    assert_eq!(scene.events().await, ["registered", "verification_requested"]);
}

#[tokio::test(start_paused = true)]
async fn e5_what_follows_a_registration_may_take_half_a_minute() {
    let scene = Scene::with(|settings| settings.after_registration(Moody::new(Mood::Hangs)));
    let start = tokio::time::Instant::now();
    let mut registration = registration();
    registration.password = None;
    let error = scene.users.create(registration).await.expect_err("told");
    assert!(matches!(error, CreateUserError::AfterRegistration(_)), "{error}");
    assert_eq!(start.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_registration_waits_for_what_follows_it() {
    let scene = Scene::with(|settings| settings.after_registration(Moody::new(Mood::Hesitates)));
    let start = tokio::time::Instant::now();
    let mut registration = registration();
    registration.password = None;
    scene.users.create(registration).await.expect("registered");
    assert_eq!(start.elapsed().as_secs(), 5);
}
