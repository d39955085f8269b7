use std::num::NonZeroU32;

use crate::{
    AccessTokenStore, Cap, UserId,
    conformance::{
        AccessTokenFixture, answered,
        sample::{ids_that_look_alike, inserted_token, token, users_of_one_shard_tag},
    },
};

/// Many users share a [`ShardTag`](crate::ShardTag). Insertions under a cap and deletions of one user leave the tokens
/// of another user with the same tag alone.
pub async fn users_of_one_shard_tag_are_told_apart<F: AccessTokenFixture>(fixture: &F) {
    let users = users_of_one_shard_tag(async |id| fixture.user(id).await).await;
    told_apart(&*fixture.store(), &users).await;
}

/// Users whose ids differ only in case, or in a trailing space, are different users. Insertions under a cap and
/// deletions of one leave the tokens of the other alone. Ids with only one spelling have nothing to show here.
pub async fn ids_of_users_are_compared_byte_for_byte<F: AccessTokenFixture>(fixture: &F) {
    for [one, other] in ids_that_look_alike() {
        let users = [fixture.user(Some(one)).await, fixture.user(Some(other)).await];
        told_apart(&*fixture.store(), &users).await;
    }
}

async fn told_apart<Id: UserId>(store: &impl AccessTokenStore<Id>, users: &[Id; 2]) {
    let [one, other] = users;
    let mut theirs = Vec::new();
    for n in 0..2 {
        theirs.push(inserted_token(store, other, n).await);
    }
    for n in 10..13 {
        let (_, token) = token(one, n);
        answered(store.insert(&token, NonZeroU32::new(2).map(Cap::new)).await);
    }
    assert_found(store, &theirs, "a cap leaves a user of a similar id alone").await;
    assert_eq!(
        answered(store.delete_all(one).await),
        2,
        "deleting all counts the user's own tokens"
    );
    assert_found(store, &theirs, "deleting all leaves a user of a similar id alone").await;
    assert_eq!(
        answered(store.delete_all(other).await),
        2,
        "deleting all counts the user's own tokens"
    );
}

async fn assert_found<Id: UserId>(
    store: &impl AccessTokenStore<Id>,
    tokens: &[(crate::TokenLookup, crate::AccessToken<Id>)],
    promise: &str,
) {
    for (key, token) in tokens {
        assert_eq!(answered(store.find(key).await).as_ref(), Some(token), "{promise}");
    }
}
