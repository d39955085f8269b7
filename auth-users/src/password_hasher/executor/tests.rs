use std::sync::mpsc;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn executor(permits: usize, deadline: Duration, first_guess: Duration) -> Arc<Executor> {
    Arc::new(Executor::new(Settings {
        permits,
        deadline,
        niceness: 0,
        blocks: 4,
        first_guess,
    }))
}

/// A hash that holds its permit until it is told to end.
struct Held {
    end: mpsc::Sender<()>,
    call: tokio::task::JoinHandle<Result<(), StoreError>>,
}

impl Held {
    async fn start(executor: &Arc<Executor>) -> Self {
        let (end, ended) = mpsc::channel();
        let (started, has_started) = oneshot::channel();
        let executor = Arc::clone(executor);
        let call = tokio::spawn(async move {
            let hash = move |_: &mut Memory| {
                started.send(()).expect("the test waits");
                // An error is a test that ended before.
                let _ended = ended.recv();
                Ok(())
            };
            executor.run(HashQueue::LogIn, Cost::ONE, hash).await
        });
        has_started.await.expect("it starts");
        Self { end, call }
    }

    async fn end(self) {
        self.end.send(()).expect("it runs");
        self.call.await.expect("the task").expect("the hash");
    }
}

/// Calls that note `name` when they run, and that have been submitted when this returns.
async fn submit(
    executor: &Arc<Executor>,
    queue: HashQueue,
    name: &'static str,
    log: &Arc<Mutex<Vec<&'static str>>>,
) -> tokio::task::JoinHandle<Result<(), StoreError>> {
    let before = executor.waiting();
    let call = tokio::spawn({
        let (executor, log) = (Arc::clone(executor), Arc::clone(log));
        async move {
            let hash = move |_: &mut Memory| {
                log.lock().expect("the log").push(name);
                Ok(())
            };
            executor.run(queue, Cost::ONE, hash).await
        }
    });
    while executor.waiting() <= before && !call.is_finished() {
        if executor.waiting() < before {
            break;
        }
        tokio::task::yield_now().await;
    }
    call
}

#[tokio::test]
async fn b3_d4_a_crowd_in_one_queue_takes_no_places_of_another() {
    let executor = executor(1, MINUTE, Duration::ZERO);
    let held = Held::start(&executor).await;
    let log = Arc::default();
    let mut calls = Vec::new();
    for _ in 0..24 {
        calls.push(submit(&executor, HashQueue::ForgottenPassword, "forgot", &log).await);
    }
    for (queue, name) in [
        (HashQueue::LogIn, "log-in"),
        (HashQueue::Registration, "register"),
        (HashQueue::LogIn, "second log-in"),
    ] {
        calls.push(submit(&executor, queue, name, &log).await);
    }
    held.end().await;
    for call in calls {
        call.await.expect("the task").expect("done by the deadline");
    }
    let log = log.lock().expect("the log");
    let place = |name| log.iter().position(|done| *done == name).expect(name);
    assert!(place("log-in") <= 2, "{log:?}");
    assert!(place("register") <= 2, "{log:?}");
    assert!(place("second log-in") <= 5, "{log:?}");
}

#[tokio::test]
async fn b2_d4_what_can_be_done_by_the_deadline_waits_and_what_cannot_is_told_when() {
    // A hash takes a second: three fit into the deadline, the one that runs among them.
    let executor = executor(1, Duration::from_secs(3), Duration::from_secs(1));
    let held = Held::start(&executor).await;
    let log = Arc::default();
    let mut calls = Vec::new();
    for name in ["second", "third"] {
        calls.push(submit(&executor, HashQueue::LogIn, name, &log).await);
    }
    for after in [1, 1] {
        let refused = executor
            .run(HashQueue::LogIn, Cost::ONE, |_| Ok(()))
            .await
            .expect_err("no room");
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(after)));
    }
    // Two of the other queue go before it at most, so that it still fits.
    calls.push(submit(&executor, HashQueue::Reset, "reset", &log).await);
    let refused = executor
        .run(HashQueue::Reset, Cost::ONE, |_| Ok(()))
        .await
        .expect_err("no room");
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(2)));
    held.end().await;
    for call in calls {
        call.await.expect("the task").expect("served");
    }
    assert_eq!(executor.started(), 4, "what is refused is not hashed");
}

#[tokio::test]
async fn d3_a_hash_that_would_end_too_late_is_not_begun() {
    let executor = executor(1, Duration::from_millis(200), Duration::ZERO);
    let held = Held::start(&executor).await;
    let log = Arc::default();
    let late = submit(&executor, HashQueue::LogIn, "late", &log).await;
    executor.shared.lock().typical = MINUTE;
    // One with half of its deadline left would be tried.
    thread::sleep(Duration::from_millis(120));
    held.end.send(()).expect("it runs");
    let error = late.await.expect("the task").expect_err("too late");
    let there_is_room = |wait| wait <= Duration::from_millis(200);
    assert!(error.retry_after().is_some_and(there_is_room), "{error}");
    assert_eq!((executor.started(), log.lock().expect("the log").len()), (1, 0));
}

#[tokio::test]
async fn d4_a_free_permit_is_used_however_slow_the_machine_seemed() {
    let executor = executor(1, Duration::from_secs(1), MINUTE);
    for _ in 0..3 {
        executor
            .run(HashQueue::LogIn, Cost::ONE, |_| Ok(()))
            .await
            .expect("served");
    }
    assert!(executor.shared.lock().typical < Duration::from_millis(500));
}

#[tokio::test]
async fn b2_d4_dear_hashes_make_no_crowd_of_others_look_late() {
    let executor = executor(1, Duration::from_secs(10), Duration::from_millis(20));
    // Of another scheme, and slower than its cost says: nothing that tells of the machine.
    let dear = Cost {
        hashes: 10.0,
        is_exact: false,
    };
    for _ in 0..3 {
        let hash = |_: &mut Memory| {
            thread::sleep(Duration::from_millis(300));
            Ok(())
        };
        executor.run(HashQueue::LogIn, dear, hash).await.expect("served");
    }
    let held = Held::start(&executor).await;
    let estimate = |cost| executor.shared.estimate(HashQueue::LogIn, cost);
    assert!(estimate(Cost::ONE) < Duration::from_millis(100));
    assert!(
        estimate(dear) > estimate(Cost::ONE) * 3,
        "a dear one waits for itself"
    );
    held.end().await;
}

#[tokio::test]
async fn b2_d4_those_who_went_away_take_no_places() {
    let executor = executor(1, Duration::from_secs(3), Duration::from_secs(1));
    let held = Held::start(&executor).await;
    let log = Arc::default();
    for _ in 0..2 {
        let call = submit(&executor, HashQueue::LogIn, "gone", &log).await;
        call.abort();
        assert!(call.await.expect_err("aborted").is_cancelled());
    }
    let kept = submit(&executor, HashQueue::LogIn, "kept", &log).await;
    held.end().await;
    kept.await.expect("the task").expect("served");
}

#[tokio::test]
async fn b2_d4_a_crowd_is_sent_away_by_what_was_measured_of_the_crowd_itself() {
    let executor = executor(1, Duration::from_secs(2), Duration::from_millis(10));
    {
        let mut state = executor.shared.lock();
        // The best that the machine has shown, and what it needed while other work kept it busy.
        state.quickest = Some(Duration::from_millis(10));
        state.typical = Duration::from_millis(500);
    }
    let held = Held::start(&executor).await;
    let log = Arc::default();
    let mut calls = Vec::new();
    for _ in 0..100 {
        calls.push(submit(&executor, HashQueue::LogIn, "served", &log).await);
    }
    executor.shared.lock().measured = ENOUGH;
    let refused = executor
        .run(HashQueue::LogIn, Cost::ONE, |_| Ok(()))
        .await
        .expect_err("the crowd is as slow as the busy machine");
    let there_is_room_then = Some(Duration::from_secs(2));
    assert_eq!(refused.retry_after(), there_is_room_then, "{refused}");
    held.end().await;
    for call in calls {
        call.await.expect("the task").expect("served");
    }
    assert!(executor.shared.lock().measured < ENOUGH, "the crowd is over");
}

#[tokio::test]
async fn b2_d4_the_time_of_a_hash_is_what_was_measured_and_never_that_of_one_that_failed() {
    let executor = executor(1, MINUTE, Duration::from_millis(20));
    let slow = executor.run(HashQueue::LogIn, Cost::ONE, |_| {
        thread::sleep(Duration::from_millis(200));
        Ok(())
    });
    slow.await.expect("served");
    let failed = executor.run(HashQueue::LogIn, Cost::ONE, |_| -> Result<(), StoreError> {
        Err(StoreError::contention(STORE, "no memory"))
    });
    assert!(failed.await.is_err());
    let panicked = executor.run(HashQueue::LogIn, Cost::ONE, |_| -> Result<(), StoreError> {
        panic!("on purpose")
    });
    assert!(panicked.await.is_err());
    let held = Held::start(&executor).await;
    let estimate = executor.shared.estimate(HashQueue::LogIn, Cost::ONE);
    assert!(estimate >= Duration::from_millis(400), "{estimate:?}");
    held.end().await;
}

#[tokio::test]
async fn b2_d4_a_crowd_that_fits_the_deadline_is_served_whole() {
    let executor = executor(2, MINUTE, Duration::from_millis(20));
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let executor = Arc::clone(&executor);
            tokio::spawn(async move { executor.run(HashQueue::LogIn, Cost::ONE, |_| Ok(())).await })
        })
        .collect();
    for call in calls {
        call.await.expect("the task").expect("served");
    }
}

#[tokio::test]
async fn b4_the_deadline_holds_for_a_hash_that_runs_and_the_permit_for_as_long_as_it_runs() {
    let executor = executor(1, Duration::from_millis(20), Duration::ZERO);
    let (end, ended) = mpsc::channel::<()>();
    let (gone, is_gone) = mpsc::channel::<()>();
    let stuck = executor.run(HashQueue::LogIn, Cost::ONE, move |_| {
        let _gone = gone;
        ended.recv().map_err(|error| StoreError::internal(STORE, error))
    });
    let error = stuck.await.expect_err("the hash gets no time");
    assert!(error.retry_after().is_some(), "{error}");
    assert_eq!(executor.available_permits(), 0, "the hash still runs");
    let error = executor
        .run(HashQueue::LogIn, Cost::ONE, |_| Ok(()))
        .await
        .expect_err("no permit");
    assert!(error.retry_after().is_some(), "{error}");
    assert_eq!(executor.started(), 1);
    end.send(()).expect("it runs");
    assert!(is_gone.recv().is_err(), "it ended");
    while executor.available_permits() == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn k2_a_call_that_is_dropped_while_it_waits_is_not_hashed_and_one_that_runs_ends_by_itself() {
    let executor = executor(1, MINUTE, Duration::ZERO);
    let held = Held::start(&executor).await;
    let log = Arc::default();
    let dropped = submit(&executor, HashQueue::LogIn, "dropped", &log).await;
    let kept = submit(&executor, HashQueue::LogIn, "kept", &log).await;
    dropped.abort();
    assert!(dropped.await.expect_err("aborted").is_cancelled());
    held.call.abort();
    assert!(held.call.await.expect_err("aborted").is_cancelled());
    assert_eq!(executor.available_permits(), 0, "the hash still runs");
    held.end.send(()).expect("it runs");
    kept.await.expect("the task").expect("served");
    assert_eq!(*log.lock().expect("the log"), ["kept"]);
    assert_eq!((executor.started(), executor.available_permits()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn d3_never_more_hashes_run_than_there_are_permits() {
    let executor = executor(2, MINUTE, Duration::ZERO);
    let (running, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let (executor, running, most) = (Arc::clone(&executor), Arc::clone(&running), Arc::clone(&most));
            tokio::spawn(async move {
                let hash = move |_: &mut Memory| {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                };
                executor.run(HashQueue::LogIn, Cost::ONE, hash).await
            })
        })
        .collect();
    for call in calls {
        call.await.expect("the task").expect("served");
    }
    assert!(most.load(Ordering::SeqCst) <= 2);
    assert!(executor.shared.lock().threads <= 2);
}

#[tokio::test]
async fn e5_a_panicking_hash_is_an_error_and_its_thread_goes_on() {
    let executor = executor(1, MINUTE, Duration::ZERO);
    let answer = executor.run(HashQueue::LogIn, Cost::ONE, |_| -> Result<(), StoreError> {
        panic!("on purpose")
    });
    assert!(answer.await.is_err());
    executor
        .run(HashQueue::LogIn, Cost::ONE, |_| Ok(()))
        .await
        .expect("served");
    assert_eq!(executor.available_permits(), 1);
}

#[tokio::test]
async fn b6_memory_is_used_again_and_wiped_when_no_hash_follows_after_a_panic_too() {
    let executor = executor(1, MINUTE, Duration::ZERO);
    let address = |memory: &mut Memory, panics: bool| {
        let blocks = memory.blocks(4).expect("memory");
        assert!(blocks.iter().all(is_zero));
        blocks[3].as_mut().fill(7);
        assert!(!panics, "on purpose");
        Ok(blocks.as_ptr() as usize)
    };
    let mut addresses = Vec::new();
    for panics in [false, true, false] {
        let hash = executor.run(HashQueue::LogIn, Cost::ONE, move |memory| address(memory, panics));
        addresses.extend(hash.await.map_err(|_error| assert!(panics)));
        while executor.shared.lock().idle == 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(addresses.len(), 2);
    assert_eq!(addresses[0], addresses[1], "the same memory");
}

#[tokio::test]
async fn b6_memory_is_wiped_before_a_hash_that_may_not_overwrite_it() {
    let executor = executor(1, MINUTE, Duration::ZERO);
    let of_another_scheme = Cost {
        hashes: 1.0,
        is_exact: false,
    };
    let held = Held::start(&executor).await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut calls = Vec::new();
    for cost in [Cost::ONE, of_another_scheme, Cost::ONE] {
        let waiting = executor.waiting();
        let (executor, tell) = (Arc::clone(&executor), tell.clone());
        let hash = move |memory: &mut Memory| {
            let blocks = memory.blocks(4).expect("memory");
            tell.send(blocks.iter().all(is_zero)).expect("the test waits");
            blocks[0].as_mut().fill(7);
            Ok(())
        };
        let shared = Arc::clone(&executor.shared);
        calls.push(tokio::spawn(async move {
            executor.run(HashQueue::LogIn, cost, hash).await
        }));
        while shared.lock().waiting() == waiting {
            tokio::task::yield_now().await;
        }
    }
    held.end().await;
    for call in calls {
        call.await.expect("the task").expect("served");
        assert_eq!(told.recv().await, Some(true));
    }
}

fn is_zero(block: &argon2::Block) -> bool {
    block.as_ref().iter().all(|word| *word == 0)
}

#[test]
fn b6_what_the_next_hash_leaves_of_the_memory_is_wiped() {
    let mut memory = Memory::new(4);
    memory
        .blocks(4)
        .expect("memory")
        .iter_mut()
        .for_each(|block| block.as_mut().fill(7));
    memory.blocks(2).expect("memory");
    let blocks = memory.blocks(4).expect("memory");
    assert!(!blocks[..2].iter().any(is_zero) && blocks[2..].iter().all(is_zero));
}

#[test]
fn b6_memory_for_a_dearer_hash_is_given_back() {
    let mut memory = Memory::new(4);
    memory.blocks(64).expect("memory");
    memory.wipe();
    assert_eq!(memory.blocks(0).expect("memory").len(), 0);
    assert_eq!(memory.kept(), 0);
    memory.blocks(4).expect("memory");
    memory.wipe();
    assert_eq!(memory.kept(), 4);
}

#[tokio::test]
async fn b6_the_threads_end_with_their_hasher() {
    let executor = executor(2, MINUTE, Duration::ZERO);
    executor
        .run(HashQueue::LogIn, Cost::ONE, |_| Ok(()))
        .await
        .expect("served");
    let shared = Arc::downgrade(&executor.shared);
    drop(executor);
    let ended = async {
        while shared.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(MINUTE, ended)
        .await
        .expect("the threads end");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn b1_a_hash_steps_back_by_its_nice_value_alone() {
    let executor = Executor::new(Settings {
        niceness: 3,
        ..executor(1, MINUTE, Duration::ZERO).shared.settings
    });
    let nice = |_: &mut Memory| {
        rustix::process::getpriority_process(None).map_err(|error| StoreError::internal(STORE, error))
    };
    let outside = rustix::process::getpriority_process(None).expect("the nice value");
    let inside = executor
        .run(HashQueue::LogIn, Cost::ONE, nice)
        .await
        .expect("the nice value");
    assert_eq!(inside, (outside + 3).min(19));
}
