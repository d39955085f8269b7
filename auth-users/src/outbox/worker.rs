//! The task that sends mails.

use std::{future, sync::Arc};

use tokio::{task::JoinSet, time::Instant};

use super::{Shared, flight::Flight};

/// Releases its place, even if its runtime is shut down.
pub(super) struct Worker(pub(super) Option<Arc<Shared>>);

impl Worker {
    pub(super) async fn run(mut self) {
        // If the runtime is dropped, each flight goes back to the queue.
        let mut flights = JoinSet::new();
        while let Some(shared) = &self.0 {
            while flights.try_join_next().is_some() {}
            while flights.len() < shared.settings.in_flight
                && let Some(flight) = Flight::next(shared)
            {
                flights.spawn(flight.run());
            }
            let next_due = {
                let mut queue = shared.lock();
                // Under the lock, so that no mail is left behind: one that comes later starts another worker.
                if queue.dismiss_if_empty() {
                    drop(queue);
                    self.0 = None;
                    return;
                }
                queue.next_due(Instant::now())
            };
            let pause = async {
                match next_due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => future::pending().await,
                }
            };
            tokio::select! {
                Some(_landed) = flights.join_next() => {}
                () = shared.changed.notified() => {}
                () = pause => {}
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.lock().dismiss();
            shared.gone.notify_waiters();
        }
    }
}
