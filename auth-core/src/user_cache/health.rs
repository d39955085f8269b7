//! Whether a cache answers.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{StoreError, StoreErrorKind};

/// How long reads leave a cache alone that did not answer.
const REST: Duration = Duration::from_secs(1);

/// The least time between two lines in the log.
const QUIET: Duration = Duration::from_secs(10);

/// What the last calls of a cache came to.
#[derive(Debug)]
pub(super) struct Health {
    /// The last call failed, or the log does not say yet that it is no longer so. Without it, no call takes the lock.
    is_ill: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    failed_at: Option<Instant>,
    /// What the log says.
    told_down: bool,
    told_at: Option<Instant>,
}

impl Health {
    pub(super) fn new() -> Self {
        Self {
            is_ill: AtomicBool::new(false),
            state: Mutex::new(State {
                failed_at: None,
                told_down: false,
                told_at: None,
            }),
        }
    }

    /// True if a call failed a moment ago. After that moment, one caller finds it false, and asks whether the cache is back.
    pub(super) fn is_resting(&self) -> bool {
        if !self.is_ill.load(Ordering::Relaxed) {
            return false;
        }
        let mut state = self.state();
        match state.failed_at {
            Some(failed) if failed.elapsed() >= REST => {
                state.failed_at = Some(Instant::now());
                false
            }
            failed => failed.is_some(),
        }
    }

    /// Takes note of an answer, and hands it back. The log gets a line if the cache fails, and one if it answers again.
    pub(super) fn note<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        let failure = answer.as_ref().err().map(StoreError::kind);
        // Any other failure is that of one user.
        let is_down = matches!(
            failure,
            Some(StoreErrorKind::Timeout | StoreErrorKind::Unreachable)
        );
        if !is_down && !self.is_ill.load(Ordering::Relaxed) {
            return answer;
        }
        let mut state = self.state();
        let now = Instant::now();
        state.failed_at = is_down.then_some(now);
        let is_quiet = state
            .told_at
            .is_some_and(|told| now.saturating_duration_since(told) < QUIET);
        if state.told_down != is_down && !is_quiet {
            (state.told_down, state.told_at) = (is_down, Some(now));
            match &answer {
                _ if !is_down => tracing::info!(target: "portcullis", "the cache of users answers again"),
                Ok(_) => {}
                Err(error) => {
                    let problem = error.to_string();
                    tracing::warn!(
                        target: "portcullis", origin = error.origin(), kind = %error.kind(), ?problem,
                        "the cache of users does not answer: users are read from the store, and cannot be changed"
                    );
                }
            }
        }
        self.is_ill.store(is_down || state.told_down, Ordering::Relaxed);
        answer
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Result<(), StoreError> {
        Err(StoreError::unreachable("cache", "it is down"))
    }

    #[test]
    fn reads_rest_for_a_moment_after_a_failure_and_no_longer_once_it_answers() {
        let health = Health::new();
        assert!(health.note(Ok(())).is_ok() && !health.is_resting());
        assert!(health.note(failure()).is_err() && health.is_resting());
        health.state().failed_at = Instant::now().checked_sub(REST);
        assert!(!health.is_resting() && health.is_resting(), "one call asks again");
        assert!(health.note(failure()).is_err() && health.is_resting());
        assert!(health.note(Ok(())).is_ok() && !health.is_resting());
    }

    #[test]
    fn what_fails_for_one_user_is_no_reason_to_leave_the_cache_alone() {
        let health = Health::new();
        let odd: Result<(), _> = Err(StoreError::invalid_data("cache", "a list"));
        assert!(health.note(odd).is_err() && !health.is_resting());
    }

    #[test]
    fn a_cache_that_comes_and_goes_does_not_fill_the_log() {
        let health = Health::new();
        for _call in 0..100 {
            let _failed = health.note(failure());
            let _answered = health.note(Ok(()));
        }
        assert!(health.state().told_down, "that was told first");
        let told = health.state().told_at;
        assert!(
            health.is_ill.load(Ordering::Relaxed),
            "its recovery is still to be told"
        );
        health.state().told_at = Instant::now().checked_sub(QUIET);
        let _answered = health.note(Ok(()));
        assert!(!health.state().told_down && health.state().told_at != told);
        assert!(!health.is_ill.load(Ordering::Relaxed));
    }
}
