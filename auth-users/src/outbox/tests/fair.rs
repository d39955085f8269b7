use std::{collections::HashSet, sync::Arc, sync::atomic::Ordering, time::Duration};

use auth_core::Email;
use tokio::time::sleep;

use super::{Server, letter, outbox, push, push_letter, seconds, settings};
use crate::{
    MailKind,
    outbox::{DroppedMails, NotMailed},
};

#[tokio::test(start_paused = true)]
async fn mails_for_one_address_are_sent_in_order_and_one_at_a_time() {
    let mut server = Server::new();
    server.takes = Duration::from_secs(1);
    let server = Arc::new(server);
    let outbox = outbox(settings(&server));
    outbox.drained().await;
    let arthur: Email = "arthur@camelot.example".parse().expect("e-mail");
    for to in ["one", "two", "three"] {
        let letter = letter(&outbox, to);
        let pushed = outbox.push(MailKind::Verify, to, arthur.normalized(), Ok(letter));
        assert_eq!(pushed, Ok(()));
    }
    outbox.drained().await;
    assert_eq!(server.attempts(), ["one", "two", "three"]);
    assert_eq!(server.started.elapsed().as_secs(), 3);
    assert_eq!(server.busiest.load(Ordering::SeqCst), 1);
    assert_eq!((outbox.waiting(), outbox.in_flight()), (0, 0));
    assert_eq!(outbox.dropped(), DroppedMails::default());
}

#[tokio::test(start_paused = true)]
async fn b5_several_mails_are_in_flight_and_no_more_than_the_setting_says() {
    let mut server = Server::new();
    server.takes = Duration::from_secs(1);
    let server = Arc::new(server);
    let outbox = outbox(settings(&server));
    for n in 0..20 {
        assert_eq!(push(&outbox, &format!("knight{n}")), Ok(()));
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!((outbox.waiting(), outbox.in_flight()), (12, 8));
    outbox.drained().await;
    assert_eq!(
        server.started.elapsed().as_secs(),
        3,
        "20 mails of a second, 8 at once"
    );
    assert_eq!(server.busiest.load(Ordering::SeqCst), 8);
}

#[tokio::test(start_paused = true)]
async fn a_full_outbox_drops_and_counts_and_never_waits() {
    let server = Arc::new(Server::new());
    let mut settings = settings(&server);
    settings.capacity = 2;
    let outbox = outbox(settings);
    let pushed = ["one", "two", "three", "four", "five"].map(|to| push(&outbox, to));
    assert_eq!(pushed[..2], [Ok(()); 2]);
    assert_eq!(pushed[2..], [Err(NotMailed::OutboxFull); 3]);
    assert_eq!((outbox.waiting(), outbox.dropped().outbox_full), (2, 3));
    outbox.drained().await;
    assert_eq!(push(&outbox, "six"), Ok(()));
    outbox.drained().await;
    assert_eq!(server.arrived(), ["one", "two", "six"]);
    assert_eq!(outbox.dropped().total(), 3);
}

#[tokio::test(start_paused = true)]
async fn b5_neither_an_address_nor_an_account_fills_the_outbox() {
    let server = Arc::new(Server::new());
    let outbox = outbox(settings(&server));
    let taken = |pushed: &dyn Fn(usize) -> Result<(), NotMailed>| {
        let taken = (0..18_000).map(pushed).filter(Result::is_ok).count();
        assert_eq!(taken, 8);
    };
    let address: Email = "mordred@camelot.example".parse().expect("e-mail");
    taken(&|n| {
        let letter = letter(&outbox, "mordred");
        outbox.push(
            MailKind::Verify,
            &format!("account {n}"),
            address.normalized(),
            Ok(letter),
        )
    });
    taken(&|n| {
        let mut letter = letter(&outbox, &format!("morgan{n}"));
        letter.user = "id of morgan".to_owned();
        push_letter(&outbox, letter)
    });
    assert_eq!(outbox.dropped().over_share, 2 * (18_000 - 8));
    assert_eq!(push(&outbox, "arthur"), Ok(()));
    outbox.drained().await;
    assert!(server.arrived().contains(&"arthur".to_owned()));
    assert_eq!(server.arrived().len(), 17);
    assert_eq!(push(&outbox, "mordred"), Ok(()), "shares are given back");
}

#[tokio::test(start_paused = true)]
async fn b5_a_mailer_that_hangs_for_one_address_stops_no_other() {
    let mut server = Server::new();
    server.hangs_at = HashSet::from(["mordred"]);
    let server = Arc::new(server);
    let outbox = outbox(settings(&server));
    for _ in 0..8 {
        assert_eq!(push(&outbox, "mordred"), Ok(()));
    }
    for n in 0..100 {
        assert_eq!(push(&outbox, &format!("knight{n}")), Ok(()));
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(server.arrived().len(), 100);
    outbox.drained().await;
    assert_eq!(outbox.dropped().given_up, 8);
}

#[tokio::test(start_paused = true)]
async fn b5_a_mail_that_waits_for_another_attempt_takes_no_place_in_flight_and_makes_room_for_a_new_one() {
    let server = Arc::new(Server::new());
    let mut settings = settings(&server);
    (settings.capacity, settings.in_flight) = (2, 1);
    settings.retries = seconds(&[60, 600]);
    let outbox = outbox(settings);
    server.fails.store(2, Ordering::SeqCst);
    assert_eq!([push(&outbox, "one"), push(&outbox, "two")], [Ok(()); 2]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!((outbox.waiting(), outbox.in_flight()), (2, 0));
    assert_eq!([push(&outbox, "three"), push(&outbox, "four")], [Ok(()); 2]);
    assert_eq!(
        push(&outbox, "five"),
        Err(NotMailed::OutboxFull),
        "four has not failed"
    );
    outbox.drained().await;
    assert_eq!(server.arrived(), ["three", "four"]);
    assert_eq!(outbox.dropped().outbox_full, 3);
}

#[tokio::test(start_paused = true)]
async fn deviation_16_nothing_that_is_put_in_leaves_nothing_behind() {
    let server = Arc::new(Server::new());
    let outbox = outbox(settings(&server));
    let address: Email = "nobody@camelot.example".parse().expect("e-mail");
    for _ in 0..100 {
        let pushed = outbox.push(
            MailKind::Reset,
            "",
            address.normalized(),
            Err(NotMailed::UnknownUser),
        );
        assert_eq!(pushed, Err(NotMailed::UnknownUser));
    }
    assert_eq!(outbox.dropped().total(), 0);
    assert!(outbox.0.lock().is_empty());
}
