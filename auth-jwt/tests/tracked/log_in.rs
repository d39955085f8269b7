//! Log-ins: their rows, their ends, and how many there are.

use std::num::NonZeroU32;

use auth_core::{
    AccessTokenStore as _, ClientInfo, Credential, Lifetime, NewLogIn,
    Rejection::{BadSignature, Expired, StaleEpoch, Unknown},
    ReplaceStrategy as _, RevocableStrategy as _, SigningSecret, Strategy as _, Subject, TokenKind,
    TokenLookup,
};
use auth_jwt::{JwtStrategy, Rotation, TrackedJwtStrategy};
use time::Duration as Span;
use uuid::Uuid;

use crate::stage::{
    ACCESS, APP, LOG_IN, Pair, Stage, check, claims, expiry, parallel, read, refresh, rotate, seconds,
};

/// How long after its expiry a token still logs out.
const LEEWAY: Span = Span::seconds(5);

#[tokio::test]
async fn a_token_names_its_log_in_and_the_row_names_backend_and_client() {
    let stage = Stage::new();
    let strategy = stage.bare();
    let mut client = ClientInfo::default();
    client.label = Some("phone".to_owned());
    let log_in = NewLogIn::new(APP, &stage.subject, &client);
    let issued = strategy.issue(&log_in).await.expect("issued");
    let token = Pair::of(&issued).access;
    let said = claims(&token);
    assert_eq!(said["sub"], stage.subject.user_id.to_string());
    assert_eq!(said["aud"], serde_json::json!([APP]));
    assert_eq!(said["epoch"], stage.subject.epoch);
    let jti = said["jti"].as_str().expect("a text");
    assert_eq!(jti.len(), 46, "256 bits and the tag");

    let row = stage.row().await;
    assert_eq!((row.backend.as_str(), &row.client), (APP, &client));
    assert_eq!(row.created_at, stage.now());
    let credential = read(&strategy, &token).await.expect("valid");
    assert_eq!(credential.subject, stage.subject);
    assert_eq!(credential.id, Some(row.id));
    assert_eq!(credential.issued_at, Some(row.created_at));
    assert_eq!(credential.expires_at, Some(stage.now() + ACCESS));
    assert_eq!((credential.actor, credential.rotation_due), (None, false));
    let abilities = strategy.abilities();
    assert!(abilities.refresh.is_none() && abilities.rotate.is_none() && abilities.log_ins.is_some());
}

#[tokio::test]
async fn without_refresh_and_rotation_a_log_in_ends_with_its_token() {
    let stage = Stage::new();
    let token = stage.log_in(&stage.bare()).await.access;
    let row = stage.row().await;
    assert_eq!(row.expires_at, Some(expiry(&token)));
    assert_eq!(row.absolute_expires_at, row.expires_at);
    assert_eq!(expiry(&token), stage.now() + ACCESS);
    stage.pass(ACCESS);
    assert_eq!(check(&stage.bare(), &token).await, Err(Expired));
}

#[tokio::test]
async fn a_log_in_that_is_to_end_earlier_does() {
    let stage = Stage::new();
    for strategy in [stage.bare(), stage.refreshing(), stage.rotating(Span::MINUTE)] {
        stage.pass(Span::milliseconds(250));
        let end = stage.now() + Span::minutes(3);
        let issued = stage.issue(&strategy, |log_in| log_in.ends_at = Some(end)).await;
        let token = Pair::of(&issued).access;
        let whole = end - Span::milliseconds(i64::from(end.millisecond()));
        assert_eq!(expiry(&token), whole);
        let row = stage.rows().await.remove(0);
        assert_eq!(row.absolute_expires_at, Some(whole));
        assert!(row.expires_at <= row.absolute_expires_at);
        if let Some(refresh) = issued.refresh {
            assert_eq!(refresh.expires_at, Some(whole));
        }
    }
}

#[tokio::test]
async fn a_log_in_can_have_no_absolute_end() {
    let stage = Stage::new();
    let strategy = TrackedJwtStrategy::new(stage.jwt(), stage.store.clone(), Lifetime::FOREVER)
        .and_then(|strategy| strategy.rotation(Rotation::after(std::time::Duration::ZERO)))
        .expect("valid");
    let token = stage.log_in(&strategy).await.access;
    assert_eq!(stage.row().await.absolute_expires_at, None);
    assert_eq!(stage.row().await.expires_at, Some(expiry(&token)));
}

#[tokio::test]
async fn j12_a_log_out_is_real_and_ends_one_log_in() {
    let stage = Stage::new();
    let strategy = stage.bare();
    let (one, two) = (stage.log_in(&strategy).await, stage.log_in(&strategy).await);
    strategy.revoke(APP, &one.access).await.expect("revoked");
    assert_eq!(check(&strategy, &one.access).await, Err(Unknown));
    assert_eq!(check(&strategy, &two.access).await, Ok(()));
    strategy
        .revoke_all(&stage.subject.user_id)
        .await
        .expect("revoked");
    assert_eq!(check(&strategy, &two.access).await, Err(Unknown));
}

#[tokio::test]
async fn a_token_that_has_just_expired_still_logs_out_and_an_older_one_ends_nothing() {
    let stage = Stage::new();
    let strategy = stage.refreshing();
    let (one, two) = (stage.log_in(&strategy).await, stage.log_in(&strategy).await);
    stage.pass(ACCESS + LEEWAY - Span::MILLISECOND);
    assert_eq!(check(&strategy, &one.access).await, Err(Expired));
    assert_eq!(stage.rows().await.len(), 2, "the log-ins have not expired");
    strategy.revoke(APP, &one.access).await.expect("revoked");
    assert_eq!(stage.rows().await.len(), 1);
    stage.pass(Span::MILLISECOND);
    strategy
        .revoke(APP, &two.access)
        .await
        .expect("nothing to revoke");
    assert_eq!(stage.rows().await.len(), 1);
    assert!(refresh(&strategy, two.refresh()).await.is_ok());
}

#[tokio::test]
async fn a_log_in_can_be_replaced_by_what_would_end_it_and_by_nothing_else() {
    let stage = Stage::new();
    let rotation = Rotation::after(Span::MINUTE.unsigned_abs());
    let strategy = stage.refreshing().rotation(rotation).expect("valid");
    let pair = stage.log_in(&strategy).await;
    let digest = stage.row().await.digest;
    let replaceable = async |kind, token: &str| {
        let found = strategy.replaceable(APP, kind, token).await;
        found.expect("an answer").map(|log_in| log_in.digest)
    };
    assert_eq!(replaceable(TokenKind::Access, &pair.access).await, Some(digest));
    assert_eq!(
        replaceable(TokenKind::Refresh, pair.refresh()).await,
        Some(digest)
    );
    assert_eq!(replaceable(TokenKind::Refresh, &pair.access).await, None);
    assert_eq!(replaceable(TokenKind::Access, pair.refresh()).await, None);
    stage.pass(Span::MINUTE);
    rotate(&strategy, &pair.access).await.expect("rotated");
    let next = refresh(&strategy, pair.refresh()).await.expect("the next");
    stage.pass(Span::seconds(30));
    // Both were replaced before the grace. To ask changes nothing, also if it was a theft.
    assert_eq!(replaceable(TokenKind::Access, &pair.access).await, None);
    assert_eq!(replaceable(TokenKind::Refresh, pair.refresh()).await, None);
    assert_eq!(
        replaceable(TokenKind::Refresh, next.refresh()).await,
        Some(digest)
    );
    assert_eq!(stage.rows().await.len(), 1);
}

#[tokio::test]
async fn with_a_cap_of_one_a_new_log_in_ends_the_one_before() {
    let stage = Stage::new();
    let strategy = stage.refreshing().cap(NonZeroU32::MIN);
    let one = stage.log_in(&strategy).await;
    let neighbour = stage.issue(&stage.bare(), |log_in| log_in.audience = "web").await;
    let two = stage.log_in(&strategy).await;
    assert_eq!(check(&strategy, &one.access).await, Err(Unknown));
    assert_eq!(check(&strategy, &two.access).await, Ok(()));
    let neighbour = Pair::of(&neighbour).access;
    assert!(
        stage.bare().read("web", &neighbour).await.is_ok(),
        "another backend's does not count"
    );
}

#[tokio::test]
async fn deviation_27_s8_unless_told_otherwise_a_user_has_a_thousand_log_ins_and_a_new_one_ends_the_oldest() {
    for is_capped in [true, false] {
        let stage = Stage::new();
        let strategy = stage.refreshing();
        let strategy = if is_capped { strategy } else { strategy.uncapped() };
        let oldest = stage.log_in(&strategy).await.access;
        for _log_in in 0..1000 {
            stage.pass(Span::MILLISECOND);
            stage.log_in(&strategy).await;
        }
        assert_eq!(check(&strategy, &oldest).await.is_ok(), !is_capped);
        assert_eq!(stage.rows().await.len(), if is_capped { 1000 } else { 1001 });
    }
}

#[tokio::test]
async fn s7_of_parallel_log_ins_one_is_left_if_the_cap_is_one() {
    let stage = Stage::new();
    let strategy = stage.bare().cap(NonZeroU32::MIN);
    let tokens = parallel(async || stage.log_in(&strategy).await.access);
    let mut live = 0;
    for token in &tokens {
        live += usize::from(check(&strategy, token).await.is_ok());
    }
    assert_eq!((live, stage.rows().await.len()), (1, 1));
}

#[tokio::test]
async fn the_signature_is_verified_before_the_log_in_is_looked_up() {
    let stage = Stage::new();
    let token = stage.log_in(&stage.bare()).await.access;
    let mut row = stage.row().await;
    row.expires_at = Some(stage.now());
    stage.overwrite(&row).await;

    let other = SigningSecret::generate().expect("randomness");
    let jwt = JwtStrategy::hs256(&other, seconds(ACCESS))
        .expect("valid")
        .clock(stage.clock.clone());
    let stranger = TrackedJwtStrategy::new(jwt, stage.store.clone(), seconds(LOG_IN)).expect("valid");
    assert_eq!(check(&stranger, &token).await, Err(BadSignature));
    stranger.revoke(APP, &token).await.expect("nothing to revoke");
    assert_eq!(stage.rows().await.len(), 1);
    assert_eq!(check(&stage.bare(), &token).await, Err(Expired));
}

#[tokio::test]
async fn what_the_row_says_wins() {
    let stage = Stage::new();
    let strategy = stage.bare();
    let token = stage.log_in(&strategy).await.access;
    let mut row = stage.row().await;
    let end = stage.now() + Span::MINUTE;
    row = row.ending(Some(end));
    row.actor = Some("7".to_owned());
    stage.overwrite(&row).await;
    let credential = read(&strategy, &token).await.expect("valid");
    assert_eq!(credential.expires_at, Some(end));
    assert_eq!(credential.actor.as_deref(), Some("7"));

    let Subject { user_id, epoch, .. } = stage.subject;
    row.epoch = epoch + 1;
    stage.overwrite(&row).await;
    assert_eq!(check(&strategy, &token).await, Err(StaleEpoch));
    row.epoch = epoch;
    stage.overwrite(&row).await;
    stage.pass(Span::MINUTE);
    assert_eq!(check(&strategy, &token).await, Err(Expired));
    // The look-up has deleted it.
    assert_eq!(stage.store.delete_all(&user_id).await.expect("in memory"), 0);
}

#[tokio::test]
async fn a_backend_that_was_renamed_keeps_its_log_ins_if_it_is_told_to() {
    let stage = Stage::new();
    let old = stage
        .refreshing()
        .rotation(Rotation::after(std::time::Duration::ZERO))
        .expect("valid");
    let pair = stage.log_in(&old).await;
    let renamed = |jwt| {
        TrackedJwtStrategy::new(jwt, stage.store.clone(), seconds(LOG_IN))
            .and_then(|strategy| strategy.rotation(Rotation::after(std::time::Duration::ZERO)))
            .expect("valid")
            .refresh_tokens(auth_jwt::RefreshTokens::new(&stage.secret))
    };
    use auth_core::{ExposeSecret as _, RefreshStrategy as _, RotateStrategy as _};
    let forgetful = renamed(stage.jwt());
    assert!(forgetful.read("new", &pair.access).await.is_err());
    assert!(forgetful.refresh("new", pair.refresh()).await.is_err());

    let strategy = renamed(stage.jwt().also_accept(APP));
    let next = strategy
        .rotate("new", &pair.access)
        .await
        .expect("valid")
        .expect("due");
    assert!(strategy.read("new", next.secret.expose_secret()).await.is_ok());
    let refreshed = strategy.refresh("new", pair.refresh()).await.expect("valid");
    let refreshed = Pair::of(&refreshed);
    assert!(strategy.refresh("new", refreshed.refresh()).await.is_ok());
    strategy.revoke("new", &refreshed.access).await.expect("revoked");
    assert!(stage.rows().await.is_empty());
}

#[tokio::test]
async fn ids_of_other_types_have_refresh_tokens_too() {
    use auth_core::{RefreshStrategy as _, UserId, memory::MemoryAccessTokenStore};
    async fn round_trip<Id: UserId>(user_id: Id) {
        let secret = SigningSecret::generate().expect("randomness");
        let jwt = JwtStrategy::hs256(&secret, seconds(ACCESS)).expect("valid");
        let store = std::sync::Arc::new(MemoryAccessTokenStore::new());
        let strategy = TrackedJwtStrategy::new(jwt, store, seconds(LOG_IN))
            .expect("valid")
            .refresh_tokens(auth_jwt::RefreshTokens::new(&secret));
        let subject = Subject::new(user_id, -1);
        let client = ClientInfo::default();
        let issued = strategy
            .issue(&NewLogIn::new(APP, &subject, &client))
            .await
            .expect("issued");
        let pair = Pair::of(&issued);
        assert_eq!(
            strategy.holder_of(APP, pair.refresh()),
            Ok(Credential::new(subject.clone()))
        );
        let refreshed = strategy.refresh(APP, pair.refresh()).await.expect("valid");
        let refreshed = Pair::of(&refreshed);
        assert_eq!(
            strategy.holder_of(APP, refreshed.refresh()),
            Ok(Credential::new(subject.clone()))
        );
        let credential = strategy.read(APP, &pair.access).await.expect("valid");
        assert_eq!(credential.subject, subject);
    }
    round_trip(Uuid::now_v7()).await;
    round_trip(i64::MIN).await;
    round_trip(String::from("a.b \"quoted\" \u{1F600} \u{1}")).await;
}

#[tokio::test]
async fn a_log_in_whose_tokens_could_not_be_read_is_not_stored() {
    use auth_core::{AccessTokenIndex as _, memory::MemoryAccessTokenStore};
    let secret = SigningSecret::generate().expect("randomness");
    let jwt = JwtStrategy::<String>::hs256(&secret, seconds(ACCESS)).expect("valid");
    let store = std::sync::Arc::new(MemoryAccessTokenStore::new());
    let strategy = TrackedJwtStrategy::new(jwt, store.clone(), seconds(LOG_IN)).expect("valid");
    for user_id in ["lance\0lot".to_owned(), "x".repeat(auth_jwt::MAX_TOKEN_BYTES)] {
        let subject = Subject::new(user_id, 0);
        let client = ClientInfo::default();
        assert!(
            strategy
                .issue(&NewLogIn::new(APP, &subject, &client))
                .await
                .is_err()
        );
        assert!(
            store
                .list(&subject.user_id, 0)
                .await
                .expect("in memory")
                .is_empty()
        );
    }
}

#[tokio::test]
async fn the_store_has_no_part_of_a_token() {
    let stage = Stage::new();
    let pair = stage.log_in(&stage.refreshing()).await;
    let said = claims(&pair.access);
    let jti = said["jti"].as_str().expect("a text");
    for key in [TokenLookup::new(jti), TokenLookup::for_audience(APP, jti)] {
        assert_eq!(stage.store.find(&key).await.expect("in memory"), None);
    }
    assert!(!format!("{:?}", stage.row().await).contains(jti));
}
