//! Processes that stand ready for the next test: a start for each would take longer than all that the tests ask.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Place, Service};

/// Each takes some 30 MiB, and some connections of the servers. The tests go from place to place.
const MOST: usize = 8;

static IDLE: Mutex<Vec<Service>> = Mutex::new(Vec::new());

fn idle() -> MutexGuard<'static, Vec<Service>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process at `place` that nobody else uses until it is given back, with no user.
pub(crate) async fn take(place: Place, verification: bool) -> Service {
    let ready = {
        let mut idle = idle();
        let found = idle.iter().position(|service| service.is_at(place, verification));
        found.map(|index| idle.remove(index))
    };
    match ready {
        None => Service::start(place, verification).await,
        Some(mut service) => {
            service.renew().await;
            service
        }
    }
}

/// It stands ready for the next test; if too many do, the one ends that has waited for longest.
pub(crate) async fn give_back(service: Service) {
    let longest = {
        let mut idle = idle();
        idle.push(service);
        (idle.len() > MOST).then(|| idle.remove(0))
    };
    if let Some(service) = longest {
        service.end().await;
    }
}

/// Ends what stands ready.
pub(crate) async fn finish() {
    let all = std::mem::take(&mut *idle());
    for service in all {
        service.end().await;
    }
}
