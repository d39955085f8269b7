//! Observers that go wrong slow no request.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use portcullis::{async_trait, users::AuditEvent, users::Observer};

use crate::harness::{Blueprint, Kind, Pass, Service};

/// As many requests are told, and more than a queue holds.
const REQUESTS: usize = 1500;

#[derive(Clone, Copy)]
enum Bad {
    Slow,
    Panicking,
    Hanging,
}

#[async_trait]
impl Observer for Bad {
    async fn observe(&self, _event: &AuditEvent) {
        match self {
            Self::Slow => tokio::time::sleep(Duration::from_secs(1)).await,
            Self::Panicking => panic!("on purpose"),
            Self::Hanging => std::future::pending().await,
        }
    }
}

/// How long refused requests take, each of which is an event.
async fn refusals(service: &Service) -> Duration {
    let pass = Pass::new(Kind::DbBearer, "A".repeat(43));
    let start = Instant::now();
    for _ in 0..REQUESTS {
        assert_eq!(service.me(&pass).await.status, 401);
    }
    start.elapsed()
}

#[test]
fn e7_observers_that_are_slow_panic_or_hang_slow_no_request() {
    // A panic prints its trace, which takes longer than a request.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str() != Some("on purpose") {
            usual(panic);
        }
    }));
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        let audit = service.auth.users().audit();
        refusals(service).await;
        let alone = refusals(service).await;
        audit.drained().await;
        assert_eq!(audit.dropped(), 0, "the journal keeps up");
        for bad in [Bad::Slow, Bad::Panicking, Bad::Hanging] {
            audit.observe(Arc::new(bad));
        }
        let with_them = refusals(service).await;
        let ratio = with_them.as_secs_f64() / alone.as_secs_f64();
        assert!(
            ratio < 2.0,
            "{REQUESTS} requests: {alone:?} without them, {with_them:?} with"
        );
        assert!(audit.dropped() > 0, "what two of them miss is counted");
        assert!(service.journal.events().len() >= 3 * REQUESTS - 1024);
    });
}
