use std::{collections::HashSet, fmt, sync::Arc, sync::atomic::Ordering, time::Duration};

use async_trait::async_trait;
use auth_core::ManualClock;
use tokio::time::sleep;

use super::{Server, outbox, push, seconds, settings};
use crate::{Mail, MailError, Mailer};

#[tokio::test(start_paused = true)]
async fn b5_pauses_grow_as_configured_and_chance_adds_up_to_a_quarter() {
    let server = Arc::new(Server::new());
    server.fails.store(usize::MAX, Ordering::SeqCst);
    let mut settings = settings(&server);
    settings.retries = seconds(&[4, 60, 600]);
    let outbox = outbox(settings);
    for n in 0..20 {
        assert_eq!(push(&outbox, &format!("knight{n}")), Ok(()));
    }
    outbox.drained().await;
    let attempts: Vec<_> = (0..20)
        .map(|n| server.attempts_at(&format!("knight{n}")))
        .collect();
    for attempts in &attempts {
        let pauses = attempts.windows(2).map(|two| (two[1] - two[0]).as_secs_f64());
        let pauses: Vec<f64> = pauses.collect();
        assert_eq!(pauses.len(), 3);
        for (pause, least) in pauses.into_iter().zip([4.0, 60.0, 600.0]) {
            assert!(
                (least..least * 1.25 + 0.01).contains(&pause),
                "{pause} for {least}"
            );
        }
    }
    let last: HashSet<_> = attempts.iter().map(|attempts| attempts[3]).collect();
    assert!(last.len() > 15, "they are spread");
    assert_eq!(outbox.dropped().given_up, 20);
}

#[tokio::test(start_paused = true)]
async fn pauses_can_be_ended() {
    let server = Arc::new(Server::new());
    let mut settings = settings(&server);
    settings.retries = seconds(&[600]);
    let outbox = outbox(settings);
    server.fails.store(2, Ordering::SeqCst);
    assert_eq!([push(&outbox, "one"), push(&outbox, "two")], [Ok(()); 2]);
    sleep(Duration::from_secs(1)).await;
    assert!(server.arrived().is_empty());
    outbox.retry_now();
    outbox.drained().await;
    assert_eq!(server.started.elapsed().as_secs(), 1);
    assert_eq!(server.arrived(), ["one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn a_mail_whose_token_has_expired_is_neither_sent_nor_kept() {
    let clock = Arc::new(ManualClock::default());
    let server = Arc::new(Server::new());
    let mut settings = settings(&server);
    settings.clock = clock.clone();
    settings.retries = seconds(&[1, 3000]);
    let outbox = outbox(settings);
    assert_eq!(push(&outbox, "late"), Ok(()));
    clock.advance(time::Duration::HOUR);
    outbox.drained().await;
    assert!(server.attempts().is_empty());
    assert_eq!(outbox.dropped().expired, 1);

    server.fails.store(2, Ordering::SeqCst);
    assert_eq!(push(&outbox, "later"), Ok(()));
    clock.advance(time::Duration::minutes(30));
    outbox.drained().await;
    assert_eq!(server.attempts(), ["later"; 2]);
    assert_eq!(
        server.started.elapsed().as_secs(),
        1,
        "nobody waits for the token to expire"
    );
    assert_eq!(outbox.dropped().given_up, 1);
}

#[tokio::test(start_paused = true)]
async fn e5_a_mailer_that_panics_or_hangs_costs_that_mail_alone() {
    let server = Arc::new(Server::new());
    let outbox = outbox(settings(&server));
    server.panics.store(3, Ordering::SeqCst);
    assert_eq!(push(&outbox, "panics"), Ok(()));
    outbox.drained().await;
    assert_eq!(server.attempts(), ["panics"; 3]);
    server.hangs.store(1, Ordering::SeqCst);
    assert_eq!(push(&outbox, "hangs"), Ok(()));
    outbox.drained().await;
    assert_eq!(server.attempts()[3..], ["hangs", "hangs"]);
    assert_eq!(server.arrived(), ["hangs"]);
    assert_eq!(outbox.dropped().total(), 1);
}

#[tokio::test(start_paused = true)]
async fn e5_an_error_whose_text_panics_costs_that_mail_alone() {
    #[derive(Debug)]
    struct Nasty;

    impl fmt::Display for Nasty {
        fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("on purpose")
        }
    }

    impl std::error::Error for Nasty {}

    #[async_trait]
    impl Mailer for Nasty {
        async fn send(&self, _mail: &Mail) -> Result<(), MailError> {
            Err(MailError::new(Self))
        }
    }

    let mut settings = settings(&Arc::new(Server::new()));
    settings.mailer = Some(Arc::new(Nasty));
    let outbox = outbox(settings);
    assert_eq!(push(&outbox, "arthur"), Ok(()));
    outbox.drained().await;
    assert_eq!(outbox.dropped().given_up, 1);
}

#[test]
fn a_runtime_that_ends_takes_no_mail_with_it() {
    let server = Arc::new(Server::new());
    let outbox = outbox(settings(&server));
    assert_eq!(push(&outbox, "early"), Ok(()), "before any runtime");
    server.hangs.store(2, Ordering::SeqCst);
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("runtime")
    };
    let first = runtime();
    first.block_on(async {
        assert_eq!(push(&outbox, "second"), Ok(()));
        while outbox.in_flight() < 2 || server.attempts().len() < 2 {
            tokio::task::yield_now().await;
        }
    });
    drop(first);
    assert_eq!((outbox.waiting(), outbox.in_flight()), (2, 0));
    runtime().block_on(async {
        assert_eq!(push(&outbox, "third"), Ok(()));
        let drained = tokio::time::timeout(Duration::from_secs(30), outbox.drained());
        drained.await.expect("another worker took over");
    });
    let mut arrived = server.arrived();
    arrived.sort();
    assert_eq!(arrived, ["early", "second", "third"]);
    assert_eq!(outbox.dropped().total(), 0);
}
