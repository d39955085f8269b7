//! Purges beside other calls.

use auth_core::{AccessTokenIndex as _, AccessTokenStore as _, PurgeExpired as _, UserStore as _};
use auth_sql::DigestColumn;
use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection as _};
use time::Duration;

use super::sample::{new_token, new_user, now};
use crate::backend::{Place, Tokens, Users, schema::access_tokens};

pub(crate) async fn a_purge_waits_for_nobody_and_leaves_what_another_call_is_at() {
    let place = Place::migrated().await;
    let database = place.database(2);
    let (users, tokens) = (Users::new(&database), Tokens::new(&database));
    let ada = users.insert(new_user("ada", ())).await.expect("a user");
    for secret in ["first", "second", "held"] {
        let mut expired = new_token(&ada.id, secret).1;
        expired.expires_at = Some(now());
        tokens.insert(&expired, None).await.expect("a token");
    }
    let (_, held) = new_token(&ada.id, "held");
    let other = place.pool(1);
    let mut other = other.get().await.expect("another process");
    other.batch_execute("BEGIN").await.expect("a transaction");
    let hold =
        diesel::update(access_tokens::table.filter(access_tokens::digest.eq(DigestColumn(held.digest))))
            .set(access_tokens::epoch.eq(1));
    RunQueryDsl::execute(hold, &mut *other).await.expect("the lock");

    let later = now() + Duration::DAY;
    assert_eq!(tokens.purge_expired(later, 100).await.expect("no wait"), 2);
    other.batch_execute("ROLLBACK").await.expect("no lock");
    let left = tokens.list(&ada.id, 0).await.expect("a list");
    assert_eq!(
        left.iter().map(|token| token.digest).collect::<Vec<_>>(),
        [held.digest]
    );
    assert_eq!(tokens.purge_expired(later, 100).await.expect("an answer"), 1);
}
