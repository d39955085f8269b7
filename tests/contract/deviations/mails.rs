//! Deviation 16: mails leave out of band.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use portcullis::users::{AuditEvent, Mail, MailError, Mailer, Observer};
use serde_json::json;

use crate::harness::{Blueprint, Kind, Service, address, person};

/// A mail server that never answers, refuses, or takes the mailer down.
enum Broken {
    Hanging,
    Failing,
    Panicking,
}

struct BrokenMailer(Broken, Arc<AtomicUsize>);

#[async_trait]
impl Mailer for BrokenMailer {
    async fn send(&self, _mail: &Mail) -> Result<(), MailError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        match self.0 {
            Broken::Hanging => std::future::pending().await,
            Broken::Failing => Err(MailError::new("no mail today")),
            Broken::Panicking => panic!("on purpose"),
        }
    }
}

#[test]
fn deviation_16_a_mailer_that_hangs_fails_or_panics_neither_slows_nor_fails_a_request() {
    for broken in [Broken::Hanging, Broken::Failing, Broken::Panicking] {
        let attempts = Arc::new(AtomicUsize::new(0));
        let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
        blueprint.mailer = Some(Arc::new(BrokenMailer(broken, Arc::clone(&attempts))));
        blueprint.run(async |service: &Service| {
            service.seed(person("percival")).await;
            for path in ["/auth/request-verify-token", "/auth/forgot-password"] {
                let known = json!({"email": address("percival")});
                let unknown = json!({"email": address("nobody")});
                let answers = async {
                    (
                        service.post_json(path, known).await,
                        service.post_json(path, unknown).await,
                    )
                };
                // An attempt alone is given 10 seconds.
                let (known, unknown) = tokio::time::timeout(Duration::from_secs(8), answers)
                    .await
                    .expect("the mailer is not waited for");
                known.is(202, "null");
                assert_eq!(known.visible(), unknown.visible());
            }
            let pass = service.pass(Kind::DbBearer, &address("percival")).await;
            assert_eq!(service.me(&pass).await.status, 200, "the worker lives on");
        });
        assert!(attempts.load(Ordering::SeqCst) > 0, "the mailer was asked");
    }
}

#[test]
fn deviation_16_an_observer_is_not_waited_for_either() {
    struct Hanging;

    #[async_trait]
    impl Observer for Hanging {
        async fn observe(&self, _event: &AuditEvent) {
            std::future::pending().await
        }
    }

    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service.auth.users().audit().observe(Arc::new(Hanging));
        service.seed(person("percival")).await;
        for path in ["/auth/request-verify-token", "/auth/forgot-password"] {
            let answer = service.post_json(path, json!({"email": address("percival")}));
            let answer = tokio::time::timeout(Duration::from_secs(8), answer).await;
            answer.expect("the observer is not waited for").is(202, "null");
        }
    });
}
