//! J9: a kind of token is good at its own endpoint and backend alone.

use auth_core::{
    ExposeSecret as _, OpaqueStrategy, ReadError, RefreshStrategy as _, RevocableStrategy as _,
    RotateStrategy as _, Strategy,
};
use auth_jwt::TrackedJwtStrategy;

use crate::stage::{APP, LOG_IN, Pair, Stage, claims, seconds};

const WEB: &str = "web";

/// Where a credential is presented, all with the same keys, the same secret and the same store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Tracked(&'static str),
    Unchecked(&'static str),
    Rotation(&'static str),
    Refresh(&'static str),
    Plain(&'static str),
    Opaque(&'static str),
}

use Door::{Opaque, Plain, Refresh, Rotation, Tracked, Unchecked};

struct House {
    tracked: TrackedJwtStrategy,
    unchecked: TrackedJwtStrategy,
    opaque: OpaqueStrategy,
    plain: auth_jwt::JwtStrategy,
}

impl House {
    fn of(stage: &Stage) -> Self {
        Self {
            tracked: stage
                .refreshing()
                .rotation(auth_jwt::Rotation::after(std::time::Duration::ZERO))
                .expect("valid"),
            unchecked: stage.refreshing().check_at_refresh_only().expect("valid"),
            opaque: OpaqueStrategy::new(stage.store.clone(), seconds(LOG_IN)).clock(stage.clock.clone()),
            // Tokens of this one name the other backend, too: the audience alone does not keep them out.
            plain: stage.jwt().audience(WEB).also_accept(APP).also_accept(WEB),
        }
    }

    async fn opens(&self, door: Door, token: &str) -> bool {
        let outcome = match door {
            Tracked(backend) => self.tracked.read(backend, token).await.map(drop),
            Unchecked(backend) => self.unchecked.read(backend, token).await.map(drop),
            Rotation(backend) => self.tracked.rotate(backend, token).await.map(drop),
            Refresh(backend) => self.tracked.refresh(backend, token).await.map(drop),
            Plain(backend) => self.plain.read(backend, token).await.map(drop),
            Opaque(backend) => self.opaque.read(backend, token).await.map(drop),
        };
        match outcome {
            Ok(()) => true,
            Err(ReadError::Rejected(_)) => false,
            Err(ReadError::Unavailable(error)) => panic!("{error}"),
        }
    }

    /// What a log-out at every door but its own does to a token: nothing.
    async fn log_out_at(&self, backend: &str, token: &str) {
        self.tracked.revoke(backend, token).await.expect("in memory");
        self.opaque.revoke(backend, token).await.expect("in memory");
    }
}

async fn issued(stage: &Stage, strategy: &dyn Strategy, backend: &'static str) -> Pair {
    Pair::of(&stage.issue(strategy, |log_in| log_in.audience = backend).await)
}

#[tokio::test]
async fn j9_every_kind_of_token_opens_its_own_doors_alone() {
    let stage = Stage::new();
    let house = House::of(&stage);
    let mut tokens = Vec::new();
    for backend in [APP, WEB] {
        let tracked = issued(&stage, &house.tracked, backend).await;
        let said = claims(&tracked.access);
        let jti = said["jti"].as_str().expect("a text").to_owned();
        let row = stage.rows().await.remove(0);
        let digest: String = row
            .digest
            .as_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        tokens.extend([
            ("jti", jti, vec![]),
            ("public id", row.id.to_string(), vec![]),
            ("digest", digest, vec![]),
            (
                "refresh token",
                tracked.refresh().to_owned(),
                vec![Refresh(backend)],
            ),
            (
                "tracked JWT",
                tracked.access,
                vec![Tracked(backend), Unchecked(backend), Rotation(backend)],
            ),
            (
                "opaque token",
                issued(&stage, &house.opaque, backend).await.access,
                vec![Opaque(backend)],
            ),
            (
                "plain JWT",
                issued(&stage, &house.plain, backend).await.access,
                vec![Plain(APP), Plain(WEB)],
            ),
        ]);
    }
    let log_ins = stage.rows().await.len();
    assert_eq!(log_ins, 4);
    for (kind, token, own) in &tokens {
        for backend in [APP, WEB] {
            for door in [
                Tracked(backend),
                Unchecked(backend),
                Rotation(backend),
                Plain(backend),
                Opaque(backend),
                Refresh(backend),
            ] {
                assert_eq!(
                    house.opens(door, token).await,
                    own.contains(&door),
                    "{kind} at {door:?}"
                );
            }
            let by_refresh = own.contains(&Refresh(backend));
            if !by_refresh {
                let outcome = house.tracked.end_by_refresh(backend, token).await;
                assert!(
                    matches!(outcome, Err(ReadError::Rejected(_))),
                    "{kind} at the log-out of {backend}: {outcome:?}"
                );
            }
            if !own.contains(&Tracked(backend)) && !own.contains(&Opaque(backend)) {
                house.log_out_at(backend, token).await;
            }
            assert_eq!(stage.rows().await.len(), log_ins, "{kind} at {backend}");
        }
    }
}

#[tokio::test]
async fn j9_a_tracked_token_of_another_issuer_can_be_read_without_its_store() {
    use auth_jwt::{AsymmetricKeys, JwtStrategy, SigningAlgorithm, SigningKey};
    let stage = Stage::new();
    let key = |pem| SigningKey::from_pem(SigningAlgorithm::EdDsa, pem).expect("valid");
    let theirs = key(include_str!("../keys/ed25519-1.pem"));
    let public = theirs.verifying_key().clone();
    let issuer = "https://login.example";
    let jwt = JwtStrategy::new(theirs, seconds(crate::stage::ACCESS)).expect("valid");
    let jwt = jwt.issuer(issuer).audience(WEB).clock(stage.clock.clone());
    let strategy = TrackedJwtStrategy::new(jwt, stage.store.clone(), seconds(LOG_IN)).expect("valid");
    let issued = stage.issue(&strategy, |_log_in| ()).await;
    let token = issued.access.secret.expose_secret();

    let keys = AsymmetricKeys::new(key(include_str!("../keys/ed25519-2.pem")));
    let trusting = keys.trust_issuer(issuer, public).expect("valid");
    let reader = JwtStrategy::new(trusting, seconds(crate::stage::ACCESS)).expect("valid");
    let reader = reader.clock(stage.clock.clone());
    let credential = reader
        .read(WEB, token)
        .await
        .expect("the keys say that it is theirs");
    assert_eq!(credential.subject, stage.subject);
}
