//! The promises of an [`AccessTokenIndex`].
//!
//! # Panics
//! Each function panics if the promise in its name is broken.

use std::num::NonZeroU32;

use time::Duration;

use super::{
    AccessTokenFixture, answered,
    cancel::Cancellations,
    failed,
    sample::{
        EPOCH, HUNDREDS, ids_that_look_alike, inserted_hundreds, inserted_token, start, token,
        users_of_one_shard_tag,
    },
};
use crate::{AccessToken, AccessTokenIndex, AccessTokenStore as _, Cap, InsertTokenError, TokenId, UserId};

/// A list has the user's tokens with every field, newest first, in whatever order they were inserted. It has no other
/// user's.
pub async fn a_list_holds_the_users_tokens_the_newest_first<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: AccessTokenIndex<F::Id>,
{
    let store = fixture.store();
    let (user, other) = (fixture.user(None).await, fixture.user(None).await);
    assert_eq!(
        answered(store.list(&user, EPOCH).await),
        [],
        "a user without tokens has an empty list"
    );
    let mut expected = Vec::new();
    for n in [3, 1, 5, 2, 4] {
        let (_, mut token) = token(&user, n);
        token.expires_at = token.expires_at.filter(|_| n != 2);
        answered(store.insert(&token, None).await);
        inserted_token(&*store, &other, n).await;
        expected.push(token);
    }
    expected.sort_by_key(|token| std::cmp::Reverse(token.created_at));
    assert_eq!(
        answered(store.list(&user, EPOCH).await),
        expected,
        "a list holds the user's tokens, the newest first"
    );
}

/// A token of an earlier or later epoch is not listed, but a look-up finds it: its reader must reject it.
pub async fn a_list_holds_the_tokens_of_one_epoch_alone<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: AccessTokenIndex<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut tokens = Vec::new();
    for (n, epoch) in [(1, EPOCH - 1), (2, EPOCH), (3, EPOCH + (1 << 40))] {
        let (key, token) = token(&user, n);
        let token = AccessToken { epoch, ..token };
        answered(store.insert(&token, None).await);
        tokens.push((key, token));
    }
    for (key, token) in tokens {
        assert_eq!(
            answered(store.list(&user, token.epoch).await),
            std::slice::from_ref(&token),
            "a list holds the tokens of one epoch"
        );
        assert_eq!(
            answered(store.find(&key).await),
            Some(token),
            "a list removes nothing"
        );
    }
    assert_eq!(
        answered(store.list(&user, EPOCH + 1).await),
        [],
        "an epoch without tokens has an empty list"
    );
}

/// The list shows a touch, a deletion, a removal by a cap and a deletion of all at once.
pub async fn a_list_follows_every_change<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: AccessTokenIndex<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (one_key, one) = inserted_token(&*store, &user, 1).await;
    let (two_key, two) = inserted_token(&*store, &user, 2).await;
    let at = start() + Duration::milliseconds(60_001);
    answered(store.touch(&one_key, at, one.expires_at).await);
    let one = AccessToken {
        last_used_at: at,
        ..one
    };
    assert_eq!(
        answered(store.list(&user, EPOCH).await),
        [two, one.clone()],
        "a touch shows in the list"
    );
    answered(store.delete(&two_key).await);
    assert_eq!(
        answered(store.list(&user, EPOCH).await),
        [one],
        "a deletion shows in the list"
    );
    let (_, three) = token(&user, 3);
    answered(store.insert(&three, NonZeroU32::new(1).map(Cap::new)).await);
    assert_eq!(
        answered(store.list(&user, EPOCH).await),
        [three],
        "a cap shows in the list"
    );
    answered(store.delete_all(&user).await);
    assert_eq!(
        answered(store.list(&user, EPOCH).await),
        [],
        "a deletion of all shows in the list"
    );
}

/// A deletion by public id returns `true`, the next one `false`. The token is neither found nor listed. The user's
/// other tokens stay.
pub async fn a_token_deleted_by_its_id_is_gone<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: AccessTokenIndex<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, token) = inserted_token(&*store, &user, 1).await;
    let (_, kept) = inserted_token(&*store, &user, 2).await;
    let unknown = answered(store.delete_by_id(&user, TokenId::generate()).await);
    assert!(!unknown, "an unknown id deletes nothing");
    assert!(
        answered(store.delete_by_id(&user, token.id).await),
        "a deletion by id finds the token"
    );
    assert_eq!(
        answered(store.find(&key).await),
        None,
        "a token deleted by its id is not found"
    );
    assert_eq!(
        answered(store.list(&user, EPOCH).await),
        [kept],
        "a token deleted by its id is not listed"
    );
    assert!(
        !answered(store.delete_by_id(&user, token.id).await),
        "a second deletion finds nothing"
    );
    assert_eq!(
        answered(store.delete_all(&user).await),
        1,
        "a token deleted by its id is not counted"
    );
}

/// The public id of another user's token is like an unknown one, and the token stays.
pub async fn another_users_token_is_not_deleted_by_its_id<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: AccessTokenIndex<F::Id>,
{
    let store = fixture.store();
    let (owner, other) = (fixture.user(None).await, fixture.user(None).await);
    let (key, token) = inserted_token(&*store, &owner, 1).await;
    inserted_token(&*store, &other, 2).await;
    let deleted = answered(store.delete_by_id(&other, token.id).await);
    assert!(!deleted, "another user's token is not deleted");
    assert_eq!(
        answered(store.find(&key).await).as_ref(),
        Some(&token),
        "another user's token stays"
    );
    assert_eq!(
        answered(store.list(&owner, EPOCH).await),
        [token],
        "another user's token stays listed"
    );
}

/// If two users have tokens with the same public id, each deletes only their own by it.
pub async fn a_taken_public_id_ends_no_other_users_token<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: AccessTokenIndex<F::Id>,
{
    let store = fixture.store();
    let (owner, other) = (fixture.user(None).await, fixture.user(None).await);
    let (key, first) = inserted_token(&*store, &owner, 1).await;
    let (_, second) = token(&other, 2);
    let second = AccessToken {
        id: first.id,
        ..second
    };
    let is_inserted = match store.insert(&second, None).await {
        Ok(()) => true,
        Err(InsertTokenError::Store(_)) => false,
        Err(error) => panic!("a taken public id is a failure, not {error:?}"),
    };
    assert_eq!(
        answered(store.delete_by_id(&other, first.id).await),
        is_inserted,
        "a deletion by a taken id finds the user's own token"
    );
    assert_eq!(
        answered(store.find(&key).await).as_ref(),
        Some(&first),
        "another user's token of the same id stays"
    );
    assert!(
        answered(store.delete_by_id(&owner, first.id).await),
        "a deletion by a taken id finds the first token"
    );
    assert_eq!(
        answered(store.find(&key).await),
        None,
        "a token deleted by its id is not found"
    );
}

/// A list has hundreds of tokens, not only one page.
pub async fn a_list_holds_hundreds_of_tokens<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: AccessTokenIndex<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    inserted_hundreds(fixture, &user, None).await;
    let list = answered(store.list(&user, EPOCH).await);
    let newest_first = (0..HUNDREDS).rev().map(|n| token(&user, n).1.created_at);
    assert!(
        list.iter().map(|token| token.created_at).eq(newest_first),
        "a list holds all of hundreds, the newest first, and not {}",
        list.len()
    );
    let oldest = list.last().map_or_else(TokenId::generate, |token| token.id);
    assert!(
        answered(store.delete_by_id(&user, oldest).await),
        "the oldest of hundreds is deleted by its id"
    );
}

/// Users of one [`ShardTag`](crate::ShardTag) neither see nor end each other's log-ins.
pub async fn users_of_one_shard_tag_have_lists_of_their_own<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: AccessTokenIndex<F::Id>,
{
    let users = users_of_one_shard_tag(async |id| fixture.user(id).await).await;
    lists_of_their_own(&*fixture.store(), users).await;
}

/// Users whose ids differ only in case, or in a trailing space, neither see nor end each other's log-ins. Ids with only
/// one spelling have nothing to show here.
pub async fn users_of_ids_that_look_alike_have_lists_of_their_own<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: AccessTokenIndex<F::Id>,
{
    for [one, other] in ids_that_look_alike() {
        let users = [fixture.user(Some(one)).await, fixture.user(Some(other)).await];
        lists_of_their_own(&*fixture.store(), users).await;
    }
}

async fn lists_of_their_own<Id: UserId>(store: &impl AccessTokenIndex<Id>, users: [Id; 2]) {
    let [one, other] = &users;
    let (_, own) = inserted_token(store, one, 1).await;
    let (_, theirs) = inserted_token(store, other, 2).await;
    for (user, token) in [(one, &own), (other, &theirs)] {
        assert_eq!(
            answered(store.list(user, EPOCH).await),
            std::slice::from_ref(token),
            "a list holds no token of a user of a similar id"
        );
    }
    assert!(
        !answered(store.delete_by_id(one, theirs.id).await),
        "a token of a user of a similar id is not deleted"
    );
    assert_eq!(
        answered(store.list(other, EPOCH).await),
        [theirs],
        "a token of a user of a similar id stays listed"
    );
}

/// A process lists at once what another process has inserted or deleted, although it has listed before, and can end a
/// log-in by its id.
pub async fn another_process_lists_every_change_at_once<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: AccessTokenIndex<F::Id>,
{
    let (here, there) = (fixture.store(), fixture.another_process().await);
    let user = fixture.user(None).await;
    assert_eq!(
        answered(there.list(&user, EPOCH).await),
        [],
        "a user without tokens has an empty list"
    );
    let (key, one) = inserted_token(&*here, &user, 1).await;
    let (_, two) = inserted_token(&*here, &user, 2).await;
    assert_eq!(
        answered(there.list(&user, EPOCH).await),
        [two.clone(), one.clone()],
        "another process lists an inserted token"
    );
    assert!(
        answered(here.find(&key).await).is_some(),
        "an inserted token is found"
    );
    assert!(
        answered(there.delete_by_id(&user, one.id).await),
        "another process deletes a token by its id"
    );
    assert_eq!(
        answered(here.find(&key).await),
        None,
        "a token that another process deleted by its id is not found"
    );
    for store in [&here, &there] {
        assert_eq!(
            answered(store.list(&user, EPOCH).await),
            std::slice::from_ref(&two),
            "a token that another process deleted by its id is not listed"
        );
    }
}

/// If the data is out of reach, a list and a deletion by public id are a [`StoreError`](crate::StoreError): never an
/// empty list, and never "no such token".
pub async fn every_call_of_an_index_out_of_reach_is_a_failure<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: AccessTokenIndex<F::Id>,
{
    let user = fixture.user(None).await;
    let (_, token) = inserted_token(&*fixture.store(), &user, 1).await;
    let Some(store) = fixture.out_of_reach().await else {
        return;
    };
    failed("list", store.list(&user, EPOCH).await);
    failed("delete_by_id", store.delete_by_id(&user, token.id).await);
}

/// A cancelled deletion by public id removed the token from the store and the list, or from neither.
pub async fn a_cancelled_deletion_by_id_is_whole_or_absent<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: AccessTokenIndex<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let (key, token) = inserted_token(&*store, &user, n).await;
        if let Some(found) = cancellations.cancel(store.delete_by_id(&user, token.id)).await {
            assert!(answered(found), "a deletion by id finds the token");
        }
        let found = answered(store.find(&key).await);
        assert!(
            found.is_none_or(|found| found == token),
            "a cancelled deletion is whole or absent"
        );
        answered(store.delete_by_id(&user, token.id).await);
        assert_eq!(
            answered(store.find(&key).await),
            None,
            "a token deleted by its id is not found"
        );
        assert_eq!(
            answered(store.list(&user, EPOCH).await),
            [],
            "a cancelled deletion leaves nothing in the list"
        );
    }
}
