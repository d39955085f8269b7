use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use auth_core::Email;
use auth_users::{Mail, MailBudget, MailError, MailKind, Mailer, UserUpdate};
use time::Duration;
use tokio::time::Instant;

use crate::scene::{EMAIL, Scene, email};

/// Asks for mails until all are sent, and says how many came of it.
async fn mails(scene: &Scene, kind: MailKind, to: &Email, requests: usize) -> usize {
    let before = scene.mailbox.mails().len();
    for _ in 0..requests {
        let asked = match kind {
            MailKind::Verify => scene.users.request_verify(to).await,
            _ => scene.users.forgot_password(to).await,
        };
        asked.expect("store");
    }
    scene.users.outbox().drained().await;
    scene.mailbox.mails().len() - before
}

#[tokio::test]
async fn v8_b5_an_account_gets_three_mails_of_each_kind_an_hour() {
    let scene = Scene::new();
    scene.arthur().await;
    let arthur = email(EMAIL);
    assert_eq!(mails(&scene, MailKind::Verify, &arthur, 20).await, 3);
    assert_eq!(mails(&scene, MailKind::Reset, &arthur, 4).await, 3);
    scene.clock.advance(Duration::HOUR - Duration::MILLISECOND);
    assert_eq!(mails(&scene, MailKind::Verify, &arthur, 1).await, 0);
    scene.clock.advance(Duration::MILLISECOND);
    assert_eq!(mails(&scene, MailKind::Verify, &arthur, 20).await, 3);
    assert_eq!(scene.users.outbox().dropped().over_budget, 17 + 1 + 1 + 17);
    let events = scene.events().await;
    let (refused, others): (Vec<_>, Vec<_>) = events
        .iter()
        .partition(|event| *event == "mail_refused: over_budget");
    assert_eq!(
        (refused.len(), others.len()),
        (36, 1 + 9),
        "one for each request, after `registered`: {events:?}"
    );
}

#[tokio::test]
async fn n9_a_mail_knows_its_user() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    assert_eq!(mails(&scene, MailKind::Reset, &email(EMAIL), 1).await, 1);
    let id = scene.mailbox.mails().pop().expect("mail").user_id;
    assert_eq!(id, Some(arthur.id.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn v8_r1_of_64_requests_at_once_three_are_mailed() {
    let scene = Scene::new();
    scene.arthur().await;
    let requests: Vec<_> = (0..64)
        .map(|_| {
            let users = Arc::clone(&scene.users);
            tokio::spawn(async move { users.request_verify(&email(EMAIL)).await })
        })
        .collect();
    for request in requests {
        request.await.expect("task").expect("store");
    }
    scene.users.outbox().drained().await;
    assert_eq!(scene.mailbox.mails().len(), 3);
}

#[tokio::test]
async fn v8_another_address_is_no_way_around_the_budget_of_an_account() {
    let scene = Scene::new();
    let arthur = scene.arthur().await;
    let mut sent = 0;
    for address in ["a@avalon.example", "b@avalon.example", "c@avalon.example"] {
        let update = UserUpdate::default().email(email(address));
        let arthur = scene.read(&arthur).await;
        scene.users.update(arthur, &update).await.expect("updated");
        sent += mails(&scene, MailKind::Verify, &email(address), 2).await;
    }
    assert_eq!(sent, 3);

    let another = scene.arthur().await;
    assert_eq!(
        mails(&scene, MailKind::Verify, &another.email, 4).await,
        3,
        "another account"
    );
}

#[tokio::test]
async fn v8_the_budget_is_settable_and_can_be_waived() {
    let arthur = email(EMAIL);
    for (budget, expected) in [
        (
            MailBudget::new(1, std::time::Duration::from_secs(60)).expect("budget"),
            1,
        ),
        (MailBudget::UNLIMITED, 5),
    ] {
        let scene = Scene::with(|settings| settings.mail_budget(budget));
        scene.arthur().await;
        assert_eq!(mails(&scene, MailKind::Verify, &arthur, 5).await, expected);
        scene.clock.advance(Duration::MINUTE);
        assert_eq!(mails(&scene, MailKind::Verify, &arthur, 5).await, expected);
    }
}

/// Refuses connections for its first two minutes.
struct Restarting {
    started: Instant,
    arrived: AtomicUsize,
}

#[async_trait]
impl Mailer for Restarting {
    async fn send(&self, _mail: &Mail) -> Result<(), MailError> {
        if self.started.elapsed().as_secs() < 120 {
            return Err(MailError::new("connection refused"));
        }
        self.arrived.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn n9_b5_a_mail_server_that_is_down_for_two_minutes_loses_no_mail_by_default() {
    let server = Arc::new(Restarting {
        started: Instant::now(),
        arrived: AtomicUsize::new(0),
    });
    let scene = Scene::with(|settings| settings.mailer(server.clone()));
    scene.stored(None).await;
    for _ in 0..3 {
        scene.users.request_verify(&email(EMAIL)).await.expect("store");
    }
    scene.users.outbox().drained().await;
    assert_eq!(server.arrived.load(Ordering::SeqCst), 3);
    assert_eq!(scene.users.outbox().dropped().total(), 0);
    assert!(server.started.elapsed().as_secs() < 240);
}
