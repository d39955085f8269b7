//! Deviation 17: what stands in the store.

use serde_json::json;

use crate::harness::{Blueprint, Kind, NEW_PASSWORD, PASSWORD, Service, address};

#[test]
fn deviation_17_the_database_holds_no_token_and_no_password() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        let body = json!({"email": address("galahad"), "password": PASSWORD});
        assert_eq!(service.post_json("/auth/register", body).await.status, 201);
        let mut secrets = vec![PASSWORD.to_owned(), NEW_PASSWORD.to_owned()];
        for kind in Kind::ALL {
            secrets.push(service.pass(kind, &address("galahad")).await.token);
        }
        let verify = service.verify_token(&address("galahad")).await;
        let reset = service.reset_token(&address("galahad")).await;
        assert_eq!(
            service
                .post_json("/auth/verify", json!({"token": verify}))
                .await
                .status,
            200
        );
        let body = json!({"token": reset, "password": NEW_PASSWORD});
        assert_eq!(service.post_json("/auth/reset-password", body).await.status, 200);
        secrets.extend([verify, reset]);
        for kind in Kind::ALL {
            let answer = service.log_in(kind, &address("galahad"), NEW_PASSWORD).await;
            secrets.push(kind.issued(&answer).token);
        }

        let mut held = Vec::new();
        for file in service.database_files() {
            held.extend(std::fs::read(&file).expect("readable"));
        }
        let holds = |needle: &[u8]| held.windows(needle.len()).any(|window| window == needle);
        assert!(holds(address("galahad").as_bytes()), "this is the database");
        for secret in &secrets {
            assert!(!holds(secret.as_bytes()), "{secret}");
            // Not the secret part of an opaque token alone, nor the signature of a JWT, nor the raw bytes.
            let tail = secret.rsplit('.').next().unwrap_or(secret);
            assert!(!holds(&tail.as_bytes()[..tail.len().min(32)]), "{secret}");
        }
        let digests: Vec<_> = secrets
            .iter()
            .flat_map(|secret| {
                [Kind::DbBearer, Kind::DbCookie]
                    .map(|kind| portcullis::store::TokenDigest::for_audience(kind.name(), secret))
            })
            .filter(|digest| holds(digest.as_bytes()))
            .collect();
        assert_eq!(
            digests.len(),
            4,
            "two opaque tokens of each of two log-ins, as digests"
        );
    });
}
