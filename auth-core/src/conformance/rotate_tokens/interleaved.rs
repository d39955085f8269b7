//! Random calls of several tasks, and the rules that their answers keep.

mod history;
mod plan;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use history::{Answer, Event, History};
use plan::{Action, CAP, Call, FIRST, LOG_INS, tasks};

use crate::{
    AccessToken, Advance, RotateTokens, TokenLookup, UserId,
    conformance::{
        AccessTokenFixture, answered,
        parallel::at_once,
        sample::{BACKEND, EPOCH, start, token},
        seed::{drawn_from, seed},
    },
};

/// Tasks of two processes insert log-ins of one user under a cap, replace their tokens, use, list and end them, all at once and
/// in a random order. Whatever the order:
///
/// - a generation is replaced once, and never goes back
/// - nothing is found after it was removed
/// - a backend never has more log-ins than the cap
/// - every log-in is there, or one call or the cap has removed it
/// - no change is lost, and none is half made
///
/// It makes [`AccessTokenFixture::interleavings`] of them. A failure says the seed of the calls. If `TEST_SEED` is set to it,
/// every interleaving has these calls. Their order still differs.
pub async fn f4_s4_s7_random_interleavings_keep_every_promise<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let processes = [fixture.store(), fixture.another_process().await];
    for _interleaving in 0..fixture.interleavings() {
        let seed = seed();
        let user = fixture.user(None).await;
        drawn_from(seed, async { play(&processes, &user, seed).await.check() }).await;
    }
}

/// A user's log-ins, and how often something has happened.
struct Stage<Id> {
    log_ins: Vec<(TokenLookup, AccessToken<Id>)>,
    ticks: AtomicU64,
}

async fn play<Id, Store>(processes: &[Arc<Store>; 2], user: &Id, seed: u64) -> History<Id>
where
    Id: UserId,
    Store: RotateTokens<Id> + 'static,
{
    let log_ins = (0..LOG_INS).map(|n| {
        let (key, mut token) = token(user, u32::try_from(n).expect("a small number"));
        token.backend = [BACKEND, "api"][n % 2].to_owned();
        (key, token)
    });
    let stage = Arc::new(Stage {
        log_ins: log_ins.collect(),
        ticks: AtomicU64::new(0),
    });
    let first = (0..FIRST).map(|n| Action::now(Call::Insert(n)));
    let mut events = act(Arc::clone(&processes[0]), Arc::clone(&stage), first.collect()).await;
    let tasks = tasks(seed).into_iter().zip(processes.iter().cycle());
    let tasks = tasks.map(|(actions, store)| act(Arc::clone(store), Arc::clone(&stage), actions));
    events.extend(at_once(tasks).await.into_iter().flatten());
    let look = (0..LOG_INS).map(Call::Find);
    let mut last = vec![Call::List];
    last.extend(look.clone());
    last.extend([Call::List, Call::DeleteAll, Call::List]);
    last.extend(look);
    let last = last.into_iter().map(Action::now).collect();
    events.extend(act(Arc::clone(&processes[0]), Arc::clone(&stage), last).await);
    let tokens = stage.log_ins.iter().map(|(_, token)| token.clone());
    History::new(tokens.collect(), events)
}

/// Makes the calls of one task.
async fn act<Id, Store>(store: Arc<Store>, stage: Arc<Stage<Id>>, actions: Vec<Action>) -> Vec<Event<Id>>
where
    Id: UserId,
    Store: RotateTokens<Id>,
{
    let tick = || stage.ticks.fetch_add(1, Ordering::SeqCst);
    // A task steps from the generation that it has last seen, as a client does.
    let mut seen: Vec<_> = stage.log_ins.iter().map(|(_, token)| token.clone()).collect();
    let mut events = Vec::with_capacity(actions.len());
    for Action { pause, at, call } in actions {
        for _turn in 0..pause {
            tokio::task::yield_now().await;
        }
        let key = |n: usize| &stage.log_ins[n].0;
        let user = &stage.log_ins[0].1.user_id;
        let began = tick();
        let answer = match call {
            Call::Insert(n) => {
                answered(store.insert(&stage.log_ins[n].1, Some(CAP)).await);
                Answer::Inserted
            }
            Call::Find(n) => Answer::Found(answered(store.find(key(n)).await)),
            Call::Touch(n, until) => {
                let until = until.map(|until| start() + until);
                answered(store.touch(key(n), start() + at, until).await);
                Answer::Touched
            }
            Call::Advance {
                n,
                kind,
                ahead,
                until,
            } => {
                let from = seen[n].generation(kind).number + ahead;
                let mut step = Advance::new(kind, from, start() + at);
                step.keep_until = until.map(|until| start() + until);
                Answer::Advanced(step, answered(store.advance(key(n), &step).await))
            }
            Call::Delete(n) => Answer::Deleted(answered(store.delete(key(n)).await)),
            Call::DeleteById(n) => {
                let id = stage.log_ins[n].1.id;
                Answer::Deleted(answered(store.delete_by_id(user, id).await))
            }
            Call::DeleteAll => Answer::DeletedAll(answered(store.delete_all(user).await)),
            Call::List => Answer::Listed(answered(store.list(user, EPOCH).await)),
        };
        let event = Event {
            start: began,
            call,
            answer,
            end: tick(),
        };
        if let (Some(n), Some(token)) = (call.log_in(), event.token()) {
            seen[n] = token.clone();
        }
        events.push(event);
    }
    events
}
