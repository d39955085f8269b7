//! The threads that hash, and their queues.

mod job;

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use auth_core::{
    StoreError,
    metrics::{HASH_WAIT, HASHES, HASHES_REFUSED, HASHES_WAITING, Level},
};
use tokio::sync::oneshot;

use super::{STORE, memory::Memory};
use crate::LOG;
use job::{Job, Task};

/// After this many hashes, nine tenths of the average come from the waiting crowd.
const ENOUGH: u32 = 16;

/// The queue that a hash waits in. The queues take turns, so a crowd in one does not delay another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashQueue {
    /// Log-ins.
    LogIn,
    /// Registrations.
    Registration,
    /// Requests for a reset, by "forgot password".
    ForgottenPassword,
    /// Resets of a password by a mailed token.
    Reset,
    /// Changes of a user's own password.
    Change,
    /// The application's own hashes.
    #[default]
    Application,
}

const QUEUES: usize = HashQueue::Application as usize + 1;

/// The settings, which do not change while it runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// The number of hashes that run at once.
    pub(super) permits: usize,
    /// The deadline of a call, its wait and its run together.
    pub(super) deadline: Duration,
    /// The number added to the nice value of the threads that hash.
    pub(super) niceness: u8,
    /// The blocks of a hash with today's parameters.
    pub(super) blocks: usize,
    /// The assumed time of a hash, until it is measured.
    pub(super) first_guess: Duration,
}

impl Settings {
    /// There is room after `wait`, at the latest when everything that waits now is served or refused.
    fn overloaded(&self, wait: Duration) -> StoreError {
        StoreError::overloaded(STORE, wait.min(self.deadline))
    }
}

/// Runs hashes on a limited number of its own threads, which end with the last handle to it.
pub(super) struct Executor {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    state: Mutex<State>,
    work: Condvar,
    started: AtomicU64,
}

/// The cost of a call, in hashes with today's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    pub(crate) hashes: f64,
    /// True if the cost is exact, so that its time measures the machine. For other schemes it is a guess.
    pub(crate) is_exact: bool,
}

impl Cost {
    /// One hash with today's parameters.
    pub(crate) const ONE: Self = Self {
        hashes: 1.0,
        is_exact: true,
    };
}

struct Waiting {
    job: Box<dyn Job>,
    cost: Cost,
    since: Instant,
}

struct State {
    queues: [VecDeque<Waiting>; QUEUES],
    /// The queue whose turn it is.
    turn: usize,
    threads: usize,
    /// Threads that wait for work.
    idle: usize,
    running: usize,
    /// The total cost of the running hashes.
    running_hashes: f64,
    /// The time of a hash with today's parameters: an average that follows the machine's load.
    typical: Duration,
    /// The shortest measured time.
    quickest: Option<Duration>,
    /// The number measured since the queues were last empty.
    measured: u32,
    is_closed: bool,
    level: Level,
}

impl Executor {
    pub(super) fn new(settings: Settings) -> Self {
        HASHES_REFUSED.begin([]);
        let state = State {
            queues: Default::default(),
            turn: 0,
            threads: 0,
            idle: 0,
            running: 0,
            running_hashes: 0.0,
            typical: settings.first_guess.min(settings.deadline / 2),
            quickest: None,
            measured: 0,
            is_closed: false,
            level: Level::new(&HASHES_WAITING),
        };
        Self {
            shared: Arc::new(Shared {
                settings,
                state: Mutex::new(state),
                work: Condvar::new(),
                started: AtomicU64::new(0),
            }),
        }
    }

    pub(super) fn started(&self) -> u64 {
        self.shared.started.load(Ordering::Relaxed)
    }

    pub(super) fn available_permits(&self) -> usize {
        let state = self.shared.lock();
        self.shared.settings.permits.saturating_sub(state.running)
    }

    pub(super) fn waiting(&self) -> usize {
        self.shared.lock().waiting()
    }

    /// Runs `hash`, of the given cost, on one of the threads, when it is the turn of `queue`.
    ///
    /// # Errors
    /// [`StoreError`], at once if too many wait for it to be done by the deadline, or at the deadline if it was not.
    /// Both say when to try again.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        queue: HashQueue,
        cost: Cost,
        hash: impl FnOnce(&mut Memory) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = self.answer(queue, cost, hash).await;
        if let Err(error) = &answer
            && error.retry_after().is_some()
        {
            HASHES_REFUSED.count([]);
        }
        answer
    }

    async fn answer<T: Send + 'static>(
        &self,
        queue: HashQueue,
        cost: Cost,
        hash: impl FnOnce(&mut Memory) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (since, limit) = (Instant::now(), self.shared.settings.deadline);
        let (tell, told) = oneshot::channel();
        let job = Task {
            hash,
            tell,
            deadline: since + limit,
        };
        let job = Box::new(job);
        Shared::submit(&self.shared, queue, Waiting { job, cost, since })?;
        match tokio::time::timeout(limit, told).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_dropped)) => Err(StoreError::internal(STORE, "a hash panicked")),
            Err(_elapsed) => {
                let estimate = self.shared.estimate(queue, cost);
                Err(self.shared.settings.overloaded(estimate))
            }
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    /// Ignores poisoning: a panic elsewhere leaves the state intact.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn estimate(&self, queue: HashQueue, cost: Cost) -> Duration {
        self.lock().estimate(queue as usize, cost, &self.settings)
    }

    fn submit(shared: &Arc<Self>, queue: HashQueue, waiting: Waiting) -> Result<(), StoreError> {
        let settings = &shared.settings;
        let mut state = shared.lock();
        // Always use a free permit, so that a too high estimate is measured again.
        if state.running + state.waiting() >= settings.permits {
            let mut estimate = state.estimate(queue as usize, waiting.cost, settings);
            if estimate > settings.deadline {
                // Hashes whose clients have left take no time.
                for queue in &mut state.queues {
                    queue.retain(|waiting| !waiting.job.is_abandoned());
                }
                state.note_the_queues();
                estimate = state.estimate(queue as usize, waiting.cost, settings);
            }
            if estimate > settings.deadline {
                return Err(settings.overloaded(estimate - settings.deadline));
            }
        }
        state.queues[queue as usize].push_back(waiting);
        state.note_the_queues();
        if state.waiting() <= state.idle {
            shared.work.notify_one();
        } else if state.threads < settings.permits {
            let worker = Arc::clone(shared);
            let spawned = thread::Builder::new()
                .name("password-hash".to_owned())
                .spawn(move || worker.work());
            match spawned {
                Ok(_detached) => state.threads += 1,
                // No other thread would ever take it.
                Err(error) if state.threads == 0 => {
                    state.queues[queue as usize].pop_back();
                    state.note_the_queues();
                    return Err(StoreError::contention(STORE, error));
                }
                Err(error) => {
                    tracing::warn!(target: LOG, %error, "no thread could be started to hash a password");
                }
            }
        }
        Ok(())
    }

    /// The loop of each thread, until there is nothing to do.
    fn work(&self) {
        lower_priority(self.settings.niceness);
        let mut memory = Memory::new(self.settings.blocks);
        let mut next = self.next();
        while let Some(Waiting { job, cost, since }) = next {
            let start = Instant::now();
            HASH_WAIT.observe(start - since, []);
            let done = catch_unwind(AssertUnwindSafe(|| job.run(&mut memory)));
            // The time of a failed hash does not measure the machine.
            let is_measured = cost.is_exact && done.as_ref().is_ok_and(|ran| ran.has_hashed);
            let took = start.elapsed();
            HASHES.observe(took, []);
            self.finished(cost, is_measured.then_some(took));
            if let Ok(ran) = done {
                (ran.hand_over)();
            }
            next = self.next_at_once();
            // A hash of the same size that follows at once overwrites the memory. Another one may not use all of it.
            let is_overwritten = cost.is_exact && next.as_ref().is_some_and(|next| next.cost.is_exact);
            if !is_overwritten {
                memory.wipe();
            }
            if next.is_none() {
                next = self.next();
            }
        }
    }

    /// The next hash, or `None` if the thread should end.
    fn next(&self) -> Option<Waiting> {
        let mut state = self.lock();
        loop {
            if let Some(next) = self.take(&mut state) {
                return Some(next);
            }
            if state.is_closed {
                state.threads -= 1;
                return None;
            }
            // A waiting thread keeps its buffer. If the thread ended, the allocator might not return the memory to the
            // system.
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// The next hash, if one waits.
    fn next_at_once(&self) -> Option<Waiting> {
        self.take(&mut self.lock())
    }

    /// Takes the next hash that can be done in time. It refuses those before it.
    fn take(&self, state: &mut State) -> Option<Waiting> {
        while let Some((queue, Waiting { job, cost, since })) = state.pop() {
            // An expensive hash is tried if half of the deadline is left. Otherwise it never would be.
            let expected = state.time_of(cost.hashes).min(self.settings.deadline / 2);
            if job.is_worth_it(expected) {
                state.running += 1;
                state.running_hashes += cost.hashes;
                self.started.fetch_add(1, Ordering::Relaxed);
                state.note_the_queues();
                return Some(Waiting { job, cost, since });
            }
            let estimate = state.estimate(queue, cost, &self.settings);
            job.refuse(self.settings.overloaded(estimate));
        }
        state.note_the_queues();
        None
    }

    /// Called before the answer is sent, so that its receiver finds the permit free.
    fn finished(&self, cost: Cost, took: Option<Duration>) {
        let mut state = self.lock();
        state.running -= 1;
        state.running_hashes -= cost.hashes;
        let Some(took) = took else {
            return;
        };
        let took = took.div_f64(cost.hashes);
        // After a sleep, the machine must not look slow for long, or so slow that nothing is tried.
        let took = took.min(self.settings.deadline / 2);
        state.typical = (state.typical * 7 + took) / 8;
        state.quickest = Some(state.quickest.map_or(took, |quickest| quickest.min(took)));
        state.measured = state.measured.saturating_add(1);
    }
}

impl State {
    fn waiting(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }

    /// The first hash of the queue whose turn it is, with that queue.
    fn pop(&mut self) -> Option<(usize, Waiting)> {
        for step in 0..QUEUES {
            let at = (self.turn + step) % QUEUES;
            if let Some(waiting) = self.queues[at].pop_front() {
                self.turn = (at + 1) % QUEUES;
                return Some((at, waiting));
            }
        }
        None
    }

    fn note_the_queues(&mut self) {
        let waiting = self.waiting();
        self.level.set(waiting);
        if waiting == 0 {
            self.measured = 0;
        }
    }

    /// The time of a call that joins `queue` now, including its wait.
    fn estimate(&self, queue: usize, cost: Cost, settings: &Settings) -> Duration {
        let place = self.queues[queue].len();
        let hashes = |queue: &VecDeque<Waiting>, first: usize| -> f64 {
            queue.iter().take(first).map(|waiting| waiting.cost.hashes).sum()
        };
        // The queues take turns, so each of the others goes first at most `place + 1` times.
        let ahead: f64 = self
            .queues
            .iter()
            .enumerate()
            .map(|(at, waiting)| hashes(waiting, if at == queue { place } else { place + 1 }))
            .sum();
        let before = (self.running_hashes + ahead) / settings.permits as f64;
        times(self.pace(), before + cost.hashes)
    }

    /// The time of a hash for decisions about waiting.
    ///
    /// The machine may have been busy when the last hashes were measured, and idle since. So a crowd is judged by
    /// measurements of the crowd itself, and until there are enough, by the shortest time.
    fn pace(&self) -> Duration {
        match self.quickest {
            Some(quickest) if self.measured < ENOUGH => quickest,
            _ => self.typical,
        }
    }

    /// The time of this many hashes with today's parameters, one after another.
    fn time_of(&self, hashes: f64) -> Duration {
        times(self.typical, hashes)
    }
}

fn times(pace: Duration, hashes: f64) -> Duration {
    Duration::try_from_secs_f64(pace.as_secs_f64() * hashes.max(0.0)).unwrap_or(Duration::MAX)
}

/// Gives threads that serve requests priority, by a higher nice value, which every process may set.
fn lower_priority(niceness: u8) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        // On Linux, "this process" means this thread only. The process may already have a nice value.
        let nicer = getpriority_process(None)
            .and_then(|nice| setpriority_process(None, (nice + i32::from(niceness)).min(19)));
        if let Err(refused) = nicer {
            tracing::debug!(target: LOG, %refused, "a password is hashed at the ordinary priority");
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _only_linux_has_a_nice_value_of_a_thread = niceness;
}

#[cfg(test)]
mod tests;
