//! Steps to the next generation, beyond what the suite shows.

use auth_core::{
    AccessTokenIndex as _, AccessTokenStore as _, Advance, PurgeExpired as _, RotateTokens as _, TokenKind,
};
use auth_mongo::MongoAccessTokenStore;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::database::{TestDatabase, new_token};

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn s3_no_call_sees_a_log_in_past_its_absolute_limit_that_a_step_moved_up_to_it() {
    let database = TestDatabase::new().await;
    let tokens = MongoAccessTokenStore::<Uuid>::builder(&database.database)
        .build()
        .expect("a store");
    tokens.create_indexes().await.expect("indexes");
    let user = Uuid::now_v7();
    let (key, bare) = new_token(&user, "a token");
    // In the future, so that a server with TTL indexes leaves it alone.
    let limit = OffsetDateTime::from_unix_timestamp(4_102_444_800).expect("the year 2100");
    let mut token = bare.ending(Some(limit));
    token.expires_at = Some(limit - Duration::days(5));
    tokens.insert(&token, None).await.expect("a token");

    let mut step = Advance::new(TokenKind::Refresh, 0, limit - Duration::days(6));
    step.keep_until = Some(limit + Duration::days(8));
    let advanced = tokens.advance(&key, &step).await.expect("an answer");
    let advanced = advanced.expect("the log-in");
    assert!(advanced.by_this_call);
    assert_eq!(advanced.token.expires_at, Some(limit));
    let listed = tokens.list(&user, 0).await.expect("an answer");
    assert_eq!(listed, std::slice::from_ref(&advanced.token));

    let week = Some(limit + Duration::days(7));
    tokens.touch(&key, limit, week).await.expect("an answer");
    step.from = 1;
    step.at = limit;
    let refused = tokens.advance(&key, &step).await.expect("an answer");
    let refused = refused.expect("the log-in");
    assert_eq!((refused.by_this_call, refused.token), (false, advanced.token));
    let just_before = limit - Duration::milliseconds(1);
    assert_eq!(tokens.purge_expired(just_before, 10).await.expect("an answer"), 0);
    assert_eq!(tokens.purge_expired(limit, 10).await.expect("an answer"), 1);
    assert_eq!(tokens.find(&key).await.expect("an answer"), None);
}
