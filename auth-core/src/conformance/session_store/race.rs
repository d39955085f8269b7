//! Random interleavings of requests. Each lasts a few calls, so that there can be many.

use std::time::Duration;

use fastrand::Rng;
use time::OffsetDateTime;

use super::sample::{change, created, session};
use crate::{
    SessionChange, SessionStore, SessionWrite, TokenLookup, UserId,
    conformance::{
        SessionFixture, answered,
        parallel::at_once,
        sample::start,
        seed::{drawn_from, seed},
    },
};

/// The number of random interleavings in a run.
const INTERLEAVINGS: u32 = 50;

/// The requests of one interleaving.
const REQUESTS: usize = 6;

/// A log-out (a deletion of the session, or of all of the user) runs together with requests that save data, at a revision
/// or as the last writer, and move the limit. Once it is answered, the session is gone for each of them and stays so.
/// 50 random interleavings. A failure says the seed. If `TEST_SEED` is set to it, every interleaving has these requests. Their
/// order still differs.
pub async fn s4_a_log_out_beats_requests_in_flight<F: SessionFixture>(fixture: &F) {
    let user = fixture.user(None).await;
    for round in 0..INTERLEAVINGS {
        let seed = seed();
        drawn_from(
            seed,
            log_out_in_flight(fixture, &user, round, Dice::of_seed(seed)),
        )
        .await;
    }
}

async fn log_out_in_flight<F: SessionFixture>(fixture: &F, user: &F::Id, round: u32, dice: Dice) {
    let store = fixture.store();
    let (key, session) = created(&*store, Some(user), round).await;
    let log_out = dice.of(0) as usize % REQUESTS;
    let answers = at_once((0..REQUESTS).map(|n| {
        let (store, user) = (fixture.store(), user.clone());
        async move {
            dice.pause(n).await;
            if n != log_out {
                let write = request(&*store, key, session.revision, dice.of(n)).await;
                return Some(write);
            }
            if dice.of(n).is_multiple_of(2) {
                assert_eq!(
                    answered(store.delete(&key, None).await),
                    SessionWrite::Done,
                    "a log-out finds its session"
                );
            } else {
                assert_eq!(
                    answered(store.delete_all(&user).await),
                    1,
                    "a log-out finds its session"
                );
            }
            assert_eq!(
                answered(store.load(&key).await),
                None,
                "a session is gone once its log-out is answered"
            );
            let late = change(1, None);
            assert_eq!(
                answered(store.save(&key, &late).await),
                SessionWrite::Gone,
                "a save after a log-out finds the session gone"
            );
            None
        }
    }))
    .await;
    assert!(
        answers.iter().filter(|answer| answer.is_none()).count() == 1,
        "one request is the log-out"
    );
    assert_eq!(
        answered(store.load(&key).await),
        None,
        "no request in flight brings a session back"
    );
    assert_eq!(
        answered(store.delete_all(user).await),
        0,
        "no request in flight leaves a session behind"
    );
}

/// One request: it saves data as the last writer, or at the revision that it loaded, or only moves the limit.
async fn request<Id: UserId>(
    store: &impl SessionStore<Id>,
    key: TokenLookup,
    revision: i64,
    dice: u8,
) -> SessionWrite {
    let at = start() + time::Duration::minutes(1 + i64::from(dice));
    let mut change = SessionChange::new(at, Some(at + time::Duration::days(1)));
    match dice % 3 {
        0 => {}
        1 => change.data = Some("[1]".to_owned()),
        _ => {
            change.data = Some("[2]".to_owned());
            change.revision = Some(revision);
        }
    }
    answered(store.save(&key, &change).await)
}

/// Parallel requests load the session, add an entry to its data, and save it at the revision that they loaded, again if
/// there was a conflict, while others move the limit. At the end each entry is there once. 50 random interleavings, with
/// `TEST_SEED` as above.
pub async fn no_update_is_lost_between_parallel_saves<F: SessionFixture>(fixture: &F) {
    let user = fixture.user(None).await;
    for round in 0..INTERLEAVINGS {
        let seed = seed();
        drawn_from(seed, parallel_saves(fixture, &user, round, Dice::of_seed(seed))).await;
    }
}

async fn parallel_saves<F: SessionFixture>(fixture: &F, user: &F::Id, round: u32, dice: Dice) {
    let store = fixture.store();
    let (key, mut session) = session(Some(user), round);
    // A number, each of whose digits is an entry.
    session.data = "9".to_owned();
    answered(store.create(&key, &session, None).await);
    at_once((0..REQUESTS).map(|n| {
        let store = fixture.store();
        async move {
            dice.pause(n).await;
            if n % 3 == 2 {
                let at = start() + time::Duration::minutes(i64::from(dice.of(n)));
                let slide = SessionChange::new(at, Some(later(at)));
                let slid = answered(store.save(&key, &slide).await);
                assert_eq!(slid, SessionWrite::Done, "moving the limit is never a conflict");
                return;
            }
            add_entry(&*store, key, n, dice).await;
        }
    }))
    .await;
    let found = answered(store.load(&key).await).expect("a saved session is there");
    let mut entries: Vec<_> = found.data.chars().collect();
    entries.sort_unstable();
    assert_eq!(
        entries,
        ['0', '1', '3', '4', '9'],
        "no update is lost, and none is made twice"
    );
    assert_eq!(
        found.revision,
        session.revision + 4,
        "a revision counts the changes of the data"
    );
}

async fn add_entry<Id: UserId>(store: &impl SessionStore<Id>, key: TokenLookup, n: usize, dice: Dice) {
    // Of four that add, one succeeds in each round of saves.
    for _attempt in 0..REQUESTS {
        let loaded = answered(store.load(&key).await).expect("nobody deletes the session");
        // As long as a handler runs.
        dice.pause(n).await;
        let mut change = SessionChange::new(start(), Some(later(start())));
        change.data = Some(format!("{}{n}", loaded.data));
        change.revision = Some(loaded.revision);
        match answered(store.save(&key, &change).await) {
            SessionWrite::Done => return,
            SessionWrite::Conflict => {}
            SessionWrite::Gone => panic!("nobody deletes the session"),
        }
    }
    panic!("a save is a conflict only if another was done");
}

fn later(at: OffsetDateTime) -> OffsetDateTime {
    at + time::Duration::days(2)
}

/// Random bytes, one for each request: what it does and how long it waits before.
#[derive(Clone, Copy)]
struct Dice([u8; 2 * REQUESTS]);

impl Dice {
    fn of_seed(seed: u64) -> Self {
        let mut bytes = [0; 2 * REQUESTS];
        Rng::with_seed(seed).fill(&mut bytes);
        Self(bytes)
    }

    fn of(&self, n: usize) -> u8 {
        self.0[n]
    }

    /// Waits for up to two milliseconds, which is as long as a few calls, or not at all.
    async fn pause(&self, n: usize) {
        let dice = self.0[REQUESTS + n];
        match dice % 4 {
            0 => {}
            1 => tokio::task::yield_now().await,
            _ => tokio::time::sleep(Duration::from_micros(8 * u64::from(dice))).await,
        }
    }
}
