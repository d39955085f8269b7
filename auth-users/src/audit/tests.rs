use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use auth_core::ManualClock;
use tokio::time::sleep;

use super::{
    watcher::{CAPACITY, DEADLINE, FOR_REFUSALS},
    *,
};
use crate::MailKind;

/// What an observer does at an event.
#[derive(Clone, Copy, Default)]
enum Mood {
    #[default]
    Notes,
    Takes(Duration),
    Panics,
    Hangs,
}

#[derive(Default)]
struct Keen {
    mood: Mutex<Mood>,
    begun: AtomicUsize,
    seen: Mutex<Vec<i64>>,
}

impl Keen {
    fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self {
            mood: Mutex::new(mood),
            ..Self::default()
        })
    }

    fn seen(&self) -> Vec<i64> {
        self.seen.lock().expect("lock").clone()
    }
}

#[async_trait]
impl Observer<i64> for Keen {
    async fn observe(&self, event: &AuditEvent<i64>) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let mood = *self.mood.lock().expect("lock");
        match mood {
            Mood::Notes => {}
            Mood::Takes(time) => sleep(time).await,
            Mood::Panics => panic!("on purpose"),
            Mood::Hangs => std::future::pending().await,
        }
        self.seen.lock().expect("lock").push(event.user.expect("a user"));
    }
}

fn audit() -> (Audit<i64>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    (Audit::new(clock.clone()), clock)
}

fn record(audit: &Audit<i64>, users: std::ops::Range<i64>) {
    for user in users {
        audit.record(EventKind::LoggedIn, Some(&user), &Origin::default());
    }
}

#[tokio::test(start_paused = true)]
async fn e7_each_observer_learns_of_every_event_in_their_order_and_a_slow_one_holds_up_no_other() {
    let (audit, _clock) = audit();
    let (quick, slow) = (
        Keen::new(Mood::Notes),
        Keen::new(Mood::Takes(Duration::from_secs(1))),
    );
    audit.observe(slow.clone());
    audit.observe(quick.clone());
    record(&audit, 0..20);
    sleep(Duration::from_millis(2500)).await;
    let all: Vec<_> = (0..20).collect();
    assert_eq!((quick.seen(), slow.seen()), (all.clone(), vec![0, 1]));
    assert_eq!(audit.waiting(), 18);
    audit.drained().await;
    assert_eq!((slow.seen(), audit.waiting(), audit.dropped()), (all, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn e5_e7_an_observer_that_panics_or_hangs_costs_that_event_alone() {
    for mood in [Mood::Panics, Mood::Hangs] {
        let (audit, _clock) = audit();
        let (broken, well) = (Keen::new(mood), Keen::new(Mood::Notes));
        audit.observe(broken.clone());
        audit.observe(well.clone());
        record(&audit, 0..2);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(well.seen(), [0, 1]);
        sleep(DEADLINE * 2).await;
        *broken.mood.lock().expect("lock") = Mood::Notes;
        record(&audit, 2..3);
        audit.drained().await;
        assert_eq!((broken.seen(), broken.begun.load(Ordering::SeqCst)), (vec![2], 3));
    }
}

#[tokio::test(start_paused = true)]
async fn e7_a_full_queue_drops_the_newest_event_and_counts_it() {
    let (audit, _clock) = audit();
    let (stuck, well) = (Keen::new(Mood::Hangs), Keen::new(Mood::Notes));
    audit.observe(stuck.clone());
    record(&audit, 0..1);
    tokio::task::yield_now().await;
    let capacity = i64::try_from(CAPACITY).expect("a number");
    record(&audit, 1..capacity + 1);
    assert_eq!((audit.dropped(), audit.waiting()), (0, CAPACITY + 1));
    audit.observe(well.clone());
    record(&audit, capacity + 1..capacity + 8);
    assert_eq!(audit.dropped(), 7);
    *stuck.mood.lock().expect("lock") = Mood::Notes;
    audit.drained().await;
    let kept: Vec<_> = (1..capacity + 1).collect();
    assert_eq!(stuck.seen(), kept);
    assert_eq!(well.seen().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn e7_refusals_which_anybody_can_cause_leave_room_for_what_has_happened() {
    let (audit, _clock) = audit();
    let slow = Keen::new(Mood::Takes(Duration::from_millis(5)));
    audit.observe(slow.clone());
    for user in 0..1500 {
        let refused = EventKind::CredentialRefused { why: "unknown" };
        audit.record(refused, Some(&user), &Origin::default());
    }
    assert_eq!(audit.waiting(), FOR_REFUSALS);
    let lost = EventKind::MailGivenUp {
        mail: MailKind::Verify,
        why: "failed",
    };
    for (user, kind) in [(-1, EventKind::RefreshTokenReused), (-2, lost)] {
        audit.record(kind, Some(&user), &Origin::default());
    }
    audit.drained().await;
    assert_eq!(slow.seen()[FOR_REFUSALS..], [-1, -2]);
    assert_eq!(audit.dropped(), 1500 - FOR_REFUSALS as u64);
}

#[tokio::test(start_paused = true)]
async fn e7_drained_waits_for_the_events_so_far_alone_while_others_come() {
    let (audit, _clock) = audit();
    let slow = Keen::new(Mood::Takes(Duration::from_secs(1)));
    audit.observe(slow.clone());
    record(&audit, 0..3);
    let traffic = async {
        for user in 3.. {
            sleep(Duration::from_millis(500)).await;
            record(&audit, user..user + 1);
        }
    };
    tokio::select! {
        () = audit.drained() => assert_eq!(slow.seen(), [0, 1, 2]),
        () = traffic => {}
        () = sleep(Duration::from_secs(60)) => panic!("it waits for later events, too"),
    }
}

#[test]
fn e7_drops_and_failures_are_logged_at_most_once_a_minute() {
    let lines = crate::audit::watcher::logged_at(&[0, 1, 59, 60, 61, 62, 119, 121]);
    assert_eq!(lines, [(0, 1), (60, 3), (121, 4)]);
}

#[tokio::test]
async fn e7_an_observer_that_never_waits_lets_others_run_between_two_events() {
    let (audit, _clock) = audit();
    let keen = Keen::new(Mood::Notes);
    audit.observe(keen.clone());
    record(&audit, 0..10);
    let mut between = 0;
    while keen.seen().len() < 10 {
        tokio::task::yield_now().await;
        between += usize::from((1..10).contains(&keen.seen().len()));
    }
    assert_eq!(between, 9);
}

#[test]
fn e7_the_next_runtime_goes_on_where_one_has_ended() {
    let (audit, _clock) = audit();
    let observer = Keen::new(Mood::Hangs);
    audit.observe(observer.clone());
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
    };
    let first = runtime().expect("a runtime");
    first.block_on(async {
        record(&audit, 0..3);
        while observer.begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    });
    drop(first);
    assert_eq!(audit.waiting(), 3, "that in hand is not lost");
    *observer.mood.lock().expect("lock") = Mood::Notes;
    // Nobody is there to tell it.
    record(&audit, 3..4);
    assert!(observer.seen().is_empty());
    runtime().expect("a runtime").block_on(audit.drained());
    assert_eq!(observer.seen(), [0, 1, 2, 3]);
}
