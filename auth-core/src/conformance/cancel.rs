//! Calls that are dropped at one of their awaits.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

/// More cancelled calls than a pool has connections, so that leaked connections show.
const MIN_CALLS: u32 = 32;
const MAX_POLLS: u32 = 1000;

/// Cancels one call after another: before its first poll, at its first await, at its second, and so on, until one
/// completes. Then it starts over, until enough were cancelled.
pub(super) struct Cancellations {
    polls: u32,
    drop_when: DropWhen,
    calls: u32,
    completed: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum DropWhen {
    /// As soon as the call waits.
    Pending,
    /// When its reply has arrived but is still unread in the connection.
    Woken,
}

impl Cancellations {
    pub(super) fn new() -> Self {
        Self {
            polls: 0,
            drop_when: DropWhen::Pending,
            calls: 0,
            completed: false,
        }
    }

    /// The number of the next call, or `None` once there were enough.
    pub(super) fn next(&mut self) -> Option<u32> {
        if self.completed {
            self.completed = false;
            self.polls = 0;
            if self.drop_when == DropWhen::Woken && self.calls >= MIN_CALLS {
                return None;
            }
            self.drop_when = match self.drop_when {
                DropWhen::Pending => DropWhen::Woken,
                DropWhen::Woken => DropWhen::Pending,
            };
        }
        self.calls += 1;
        Some(self.calls)
    }

    /// Runs `call` up to its point of cancellation and drops it. Returns its answer if it completed.
    pub(super) async fn cancel<T>(&mut self, call: impl Future<Output = T>) -> Option<T> {
        assert!(
            self.polls < MAX_POLLS,
            "a call completes within {MAX_POLLS} polls"
        );
        let (polls, drop_when) = (self.polls, self.drop_when);
        let answer = interrupt(call, polls, drop_when).await;
        self.completed = answer.is_some();
        self.polls += 1;
        answer
    }
}

async fn interrupt<T>(call: impl Future<Output = T>, polls: u32, drop_when: DropWhen) -> Option<T> {
    let mut call = pin!(call);
    let mut polled = 0;
    poll_fn(|context| {
        if polled == polls {
            return Poll::Ready(None);
        }
        polled += 1;
        match call.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if polled == polls && drop_when == DropWhen::Pending => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn k2_every_await_of_a_call_is_cancelled_and_the_call_completes_at_last() {
        let reached = [const { AtomicU32::new(0) }; 4];
        let mut cancellations = Cancellations::new();
        let mut completed = 0;
        while cancellations.next().is_some() {
            let call = async {
                for step in &reached[..3] {
                    step.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
                reached[3].fetch_add(1, Ordering::SeqCst);
            };
            completed += u32::from(cancellations.cancel(call).await.is_some());
        }
        let reached = reached.map(AtomicU32::into_inner);
        assert!(
            reached.is_sorted_by(|earlier, later| earlier > later),
            "{reached:?}"
        );
        assert_eq!(reached[3], completed);
        assert!(completed >= 2, "once for each way to drop a call");
    }
}
