//! The task that sends mails.

use std::{future, sync::Arc};

use tokio::{task::JoinSet, time::Instant};

use super::{Shared, flight::Flight};
use crate::desk::Desk;

impl Desk for Shared {
    fn hire(&self) -> bool {
        self.lock().hire()
    }

    fn dismiss(&self) {
        self.lock().dismiss();
        self.gone.notify_waiters();
    }

    async fn work(self: Arc<Self>) {
        // If the runtime is dropped, each flight goes back to the queue.
        let mut flights = JoinSet::new();
        loop {
            while flights.try_join_next().is_some() {}
            while flights.len() < self.settings.in_flight
                && let Some(flight) = Flight::next(&self)
            {
                flights.spawn(flight.run());
            }
            let next_due = {
                let mut queue = self.lock();
                // Under the lock, so that no mail is left behind: one that comes later starts another worker.
                if queue.dismiss_if_empty() {
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
                () = self.changed.notified() => {}
                () = pause => {}
            }
        }
    }
}
