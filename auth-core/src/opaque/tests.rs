use super::*;
use crate::{ClientInfo, ManualClock, TokenDigest, memory::MemoryAccessTokenStore};

type Store = Arc<MemoryAccessTokenStore<Uuid>>;

fn subject() -> Subject {
    Subject::new(Uuid::now_v7(), 0)
}

fn strategy(store: &Store) -> OpaqueStrategy {
    OpaqueStrategy::new(store.clone(), Lifetime::FOREVER)
}

async fn issued(strategy: &OpaqueStrategy, audience: &str) -> String {
    let issued = strategy
        .issue(&NewLogIn::new(audience, &subject(), &ClientInfo::default()))
        .await
        .expect("issued");
    issued.access.secret.expose_secret().to_owned()
}

async fn is_valid(strategy: &OpaqueStrategy, audience: &str, token: &str) -> bool {
    match strategy.read(audience, token).await {
        Ok(_credential) => true,
        Err(ReadError::Rejected(Rejection::Unknown)) => false,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn j9_over_one_store_a_token_is_good_for_its_own_audience_alone() {
    let strategy = strategy(&Store::default());
    let audiences = ["db", "cookie", "DB", ""];
    for own in audiences {
        let token = issued(&strategy, own).await;
        for other in audiences.into_iter().filter(|other| *other != own) {
            assert!(!is_valid(&strategy, other, &token).await, "{own} {other}");
            strategy.revoke(other, &token).await.expect("nothing to revoke");
        }
        assert!(is_valid(&strategy, own, &token).await, "{own}");
        strategy.revoke(own, &token).await.expect("revoked");
        assert!(!is_valid(&strategy, own, &token).await, "{own}");
    }
}

#[tokio::test]
async fn a_renamed_backend_accepts_and_revokes_the_tokens_of_its_old_name_if_it_is_told_to() {
    let store = Store::default();
    let renamed = strategy(&store).also_accept("old");
    let (old, new) = (
        issued(&strategy(&store), "old").await,
        issued(&renamed, "new").await,
    );
    assert!(!is_valid(&strategy(&store), "new", &old).await);
    for token in [&old, &new] {
        assert!(is_valid(&renamed, "new", token).await);
    }
    assert!(!is_valid(&strategy(&store), "old", &new).await);
    renamed.revoke("new", &old).await.expect("revoked");
    assert!(!is_valid(&renamed, "new", &old).await);
    assert!(is_valid(&renamed, "new", &new).await);
}

#[tokio::test]
async fn a_token_of_another_system_is_accepted_by_its_plain_digest_if_that_is_asked_for() {
    let store = Store::default();
    let now = SystemClock.now();
    let foreign = "GJVoaIZSOvs4-2kAmcYRoZKDyRw24VDNxlXtcPJXRPc";
    let token = AccessToken::new(TokenId::generate(), TokenDigest::new(foreign), subject(), now);
    store.insert(&token, None).await.expect("inserted");
    assert!(!is_valid(&strategy(&store), "db", foreign).await);
    let importing = strategy(&store).also_accept_imported();
    let credential = importing.read("db", foreign).await.expect("it lives on");
    assert_eq!(credential.subject.user_id, token.user_id);
    importing.revoke("db", foreign).await.expect("revoked");
    assert!(!is_valid(&importing, "db", foreign).await);
}

#[tokio::test]
async fn a_token_is_replaced_by_the_digest_under_which_it_is_stored() {
    let store = Store::default();
    let strategy = strategy(&store).also_accept("old").also_accept_imported();
    let foreign = "GJVoaIZSOvs4-2kAmcYRoZKDyRw24VDNxlXtcPJXRPc";
    let now = SystemClock.now();
    let token = AccessToken::new(TokenId::generate(), TokenDigest::new(foreign), subject(), now);
    store.insert(&token, None).await.expect("inserted");
    let (old, own) = (issued(&strategy, "old").await, issued(&strategy, "db").await);
    for presented in [foreign, &*old, &*own] {
        let found = strategy.replaceable("db", TokenKind::Access, presented).await;
        let log_in = found.expect("an answer").expect("a log-in");
        assert!(store.find(&log_in).await.expect("an answer").is_some());
        assert!(is_valid(&strategy, "db", presented).await, "it only asks");
        strategy.end(&log_in).await.expect("ended");
        assert!(!is_valid(&strategy, "db", presented).await);
    }
    for (kind, presented) in [
        (TokenKind::Refresh, &*issued(&strategy, "db").await),
        (TokenKind::Access, "a.b.c"),
    ] {
        let none = strategy.replaceable("db", kind, presented).await;
        assert_eq!(none.expect("an answer"), None);
    }
}

/// A strategy with a clock, and the store behind it.
fn timed(lifetime: Lifetime) -> (OpaqueStrategy, Store, Arc<ManualClock>) {
    let (store, clock) = (Store::default(), Arc::new(ManualClock::default()));
    let strategy = OpaqueStrategy::new(store.clone(), lifetime).clock(clock.clone());
    (strategy, store, clock)
}

fn minutes(minutes: u64) -> Lifetime {
    Lifetime::from_secs(60 * minutes).expect("a lifetime")
}

async fn row(store: &Store, token: &str) -> Option<AccessToken> {
    let found = store.find(&TokenLookup::for_audience("db", token)).await;
    found.expect("an answer")
}

async fn rejection(strategy: &OpaqueStrategy, token: &str) -> Rejection {
    match strategy.read("db", token).await {
        Err(ReadError::Rejected(rejection)) => rejection,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn s3_a_token_slides_with_its_use_and_never_past_its_lifetime() {
    let (strategy, store, clock) = timed(minutes(150));
    let strategy = strategy.idle(minutes(60)).expect("an idle limit");
    let start = clock.now();
    let end = start + time::Duration::minutes(150);
    let log_in = subject();
    let issued = strategy
        .issue(&NewLogIn::new("db", &log_in, &ClientInfo::default()))
        .await
        .expect("issued");
    assert_eq!(
        issued.access.expires_at,
        Some(end),
        "a client keeps it as long as it can live"
    );
    let token = issued.access.secret.expose_secret();
    let ends = async || {
        let row = row(&store, token).await.expect("a row");
        assert_eq!(row.absolute_expires_at, Some(end));
        row.expires_at.expect("an end") - start
    };
    assert_eq!(ends().await, time::Duration::minutes(60));
    for (step, expected) in [(50, 110), (50, 150), (49, 150)] {
        clock.advance(time::Duration::minutes(step));
        strategy.read("db", token).await.expect("in use");
        assert_eq!(ends().await, time::Duration::minutes(expected));
    }
    clock.advance(time::Duration::MINUTE - time::Duration::MILLISECOND);
    strategy
        .read("db", token)
        .await
        .expect("until its last millisecond");
    clock.advance(time::Duration::MILLISECOND);
    assert_eq!(rejection(&strategy, token).await, Rejection::Expired);
}

#[tokio::test]
async fn s3_an_idle_token_has_ended_even_if_the_clock_steps_back() {
    let (strategy, store, clock) = timed(Lifetime::FOREVER);
    let strategy = strategy.idle(minutes(60)).expect("an idle limit");
    let token = issued(&strategy, "db").await;
    clock.advance(time::Duration::minutes(61));
    assert_eq!(rejection(&strategy, &token).await, Rejection::Expired);
    assert_eq!(row(&store, &token).await, None);
    clock.advance(-time::Duration::HOUR);
    assert_eq!(rejection(&strategy, &token).await, Rejection::Unknown);
}

#[tokio::test]
async fn s3_a_node_that_finds_a_token_expired_does_not_end_it_for_one_that_is_just_extending_it() {
    let (early, store, clock) = timed(Lifetime::FOREVER);
    let early = early.idle(minutes(60)).expect("an idle limit");
    let token = issued(&early, "db").await;
    clock.advance(time::Duration::HOUR);
    let late = Arc::new(ManualClock::new(clock.now()));
    clock.advance(-time::Duration::MILLISECOND);
    let late = OpaqueStrategy::new(store.clone(), Lifetime::FOREVER).clock(late);
    assert_eq!(rejection(&late, &token).await, Rejection::Expired);
    early.read("db", &token).await.expect("in time");
    let row = row(&store, &token).await.expect("a row");
    assert_eq!(row.expires_at, minutes(60).end(clock.now()));
    late.read("db", &token).await.expect("extended");
}

#[tokio::test]
async fn s3_a_use_within_a_tenth_of_the_idle_limit_at_most_a_minute_is_not_written() {
    for (limit, interval) in [(1, 6), (10, 60), (60, 60)] {
        let (strategy, store, clock) = timed(Lifetime::FOREVER);
        let strategy = strategy.idle(minutes(limit)).expect("an idle limit");
        let token = issued(&strategy, "db").await;
        let before = row(&store, &token).await;
        clock.advance(time::Duration::seconds(interval) - time::Duration::MILLISECOND);
        strategy.read("db", &token).await.expect("in use");
        assert_eq!(row(&store, &token).await, before, "{limit}");
        clock.advance(time::Duration::MILLISECOND);
        strategy.read("db", &token).await.expect("in use");
        let after = row(&store, &token).await.expect("a row");
        assert_eq!(after.last_used_at, clock.now(), "{limit}");
        assert_eq!(after.expires_at, minutes(limit).end(clock.now()), "{limit}");
    }
}

#[tokio::test]
async fn s3_a_row_that_names_no_absolute_limit_ends_with_the_lifetime() {
    let (strategy, store, clock) = timed(minutes(120));
    let strategy = strategy.idle(minutes(60)).expect("an idle limit");
    let start = clock.now();
    let digest = TokenLookup::for_audience("db", "an-older-token").digest;
    let mut older = AccessToken::new(TokenId::generate(), digest, subject(), start);
    older.expires_at = Some(start + time::Duration::minutes(120));
    store.insert(&older, None).await.expect("inserted");
    for minute in [50, 99] {
        clock.advance(start + time::Duration::minutes(minute) - clock.now());
        strategy.read("db", "an-older-token").await.expect("in use");
    }
    let row = row(&store, "an-older-token").await.expect("a row");
    assert_eq!(row.expires_at, older.expires_at);
    clock.advance(time::Duration::minutes(21));
    assert_eq!(rejection(&strategy, "an-older-token").await, Rejection::Expired);
}

#[tokio::test]
async fn a_log_in_as_somebody_else_names_the_actor_and_ends_by_itself() {
    for (lifetime, ends_after, expected) in [
        (minutes(120), Some(30), Some(30)),
        (minutes(120), Some(180), Some(120)),
        (minutes(120), None, Some(120)),
        (Lifetime::FOREVER, Some(30), Some(30)),
        (Lifetime::FOREVER, None, None),
    ] {
        let (strategy, store, clock) = timed(lifetime);
        let start = clock.now();
        let (log_in, mut client) = (subject(), ClientInfo::default());
        client.user_agent = Some("a browser".to_owned());
        let mut new = NewLogIn::new("db", &log_in, &client);
        new.actor = Some("42");
        new.ends_at = ends_after.map(|minutes| start + time::Duration::minutes(minutes));
        let issued = strategy.issue(&new).await.expect("issued");
        let expected = expected.map(|minutes| start + time::Duration::minutes(minutes));
        assert_eq!(issued.access.expires_at, expected);
        let token = issued.access.secret.expose_secret();
        let row = row(&store, token).await.expect("a row");
        assert_eq!(row.actor.as_deref(), Some("42"));
        assert_eq!(row.backend, "db");
        assert_eq!(row.client, client);
        assert_eq!((row.expires_at, row.absolute_expires_at), (expected, expected));
        let credential = strategy.read("db", token).await.expect("valid");
        assert_eq!(credential.actor.as_deref(), Some("42"));
        assert_eq!(credential.subject, log_in);
        if let Some(end) = expected {
            clock.advance(end - start);
            assert_eq!(rejection(&strategy, token).await, Rejection::Expired);
        }
    }
}

#[tokio::test]
async fn s3_use_does_not_extend_a_log_in_that_ends_by_itself() {
    let (strategy, _store, clock) = timed(Lifetime::FOREVER);
    let strategy = strategy.idle(minutes(60)).expect("an idle limit");
    let (log_in, client) = (subject(), ClientInfo::default());
    let mut new = NewLogIn::new("db", &log_in, &client);
    new.ends_at = Some(clock.now() + time::Duration::minutes(90));
    let issued = strategy.issue(&new).await.expect("issued");
    let token = issued.access.secret.expose_secret();
    for _use in 0..2 {
        clock.advance(time::Duration::minutes(40));
        strategy.read("db", token).await.expect("in use");
    }
    clock.advance(time::Duration::minutes(10));
    assert_eq!(rejection(&strategy, token).await, Rejection::Expired);
}

#[tokio::test]
async fn deviation_27_s8_unless_told_otherwise_a_user_has_a_thousand_log_ins_and_a_new_one_removes_the_oldest()
 {
    let (log_in, client) = (subject(), ClientInfo::default());
    for is_capped in [true, false] {
        let (strategy, store, clock) = timed(Lifetime::FOREVER);
        let strategy = if is_capped { strategy } else { strategy.uncapped() };
        let mut tokens = Vec::new();
        for _log_in in 0..=1000 {
            clock.advance(time::Duration::SECOND);
            let issued = strategy.issue(&NewLogIn::new("db", &log_in, &client)).await;
            tokens.push(issued.expect("issued").access.secret.expose_secret().to_owned());
        }
        assert_eq!(is_valid(&strategy, "db", &tokens[0]).await, !is_capped);
        assert!(is_valid(&strategy, "db", &tokens[1]).await);
        let left = store.list(&log_in.user_id, 0).await.expect("a list").len();
        assert_eq!(left, if is_capped { 1000 } else { 1001 });
    }
}

#[test]
fn only_a_store_that_can_list_has_log_ins() {
    let (listed, store, _clock) = timed(Lifetime::FOREVER);
    assert!(listed.abilities().log_ins.is_some());
    let unlisted = OpaqueStrategy::unlisted(store, Lifetime::FOREVER);
    assert!(unlisted.abilities().log_ins.is_none());
}

#[test]
fn an_idle_limit_is_shorter_than_the_lifetime() {
    for (lifetime, limit) in [
        (minutes(60), Lifetime::FOREVER),
        (Lifetime::FOREVER, Lifetime::FOREVER),
        (minutes(60), minutes(60)),
        (minutes(60), minutes(61)),
    ] {
        let refused = timed(lifetime).0.idle(limit).err().expect("a contradiction");
        assert_eq!(refused.setting(), "idle limit");
    }
    for lifetime in [minutes(61), Lifetime::FOREVER] {
        assert!(timed(lifetime).0.idle(minutes(60)).is_ok());
    }
}
