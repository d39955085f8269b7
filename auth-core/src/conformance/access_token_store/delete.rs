use crate::{
    AccessTokenStore as _,
    conformance::{
        AccessTokenFixture, answered,
        parallel::{ROUNDS, at_once},
        sample::{HUNDREDS, inserted_hundreds, inserted_token, present, token, token_key},
    },
};

/// A deletion returns `true`, the next one `false`, and the token is not found. A token that never existed is `false`.
pub async fn a_deleted_token_is_gone<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, _) = inserted_token(&*store, &user, 1).await;
    assert!(
        !answered(store.delete(&token_key(&user)).await),
        "an unknown token is not deleted"
    );
    assert!(answered(store.delete(&key).await), "a deletion finds the token");
    assert_eq!(
        answered(store.find(&key).await),
        None,
        "a deleted token is not found"
    );
    assert!(
        !answered(store.delete(&key).await),
        "a second deletion finds nothing"
    );
    assert_eq!(
        answered(store.delete_all(&user).await),
        0,
        "a deleted token is not counted"
    );
}

/// A deletion leaves the user's other tokens, and those of other users.
pub async fn a_deletion_leaves_the_other_tokens<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let (user, other) = (fixture.user(None).await, fixture.user(None).await);
    let keys = [
        inserted_token(&*store, &user, 1).await.0,
        inserted_token(&*store, &user, 2).await.0,
        inserted_token(&*store, &user, 3).await.0,
        inserted_token(&*store, &other, 4).await.0,
    ];
    assert!(
        answered(store.delete(&keys[1]).await),
        "a deletion finds the token"
    );
    assert_eq!(
        present(&*store, &keys).await,
        [true, false, true, true],
        "a deletion removes one token"
    );
}

/// Of 16 parallel deletions of one token, exactly one returns `true`.
pub async fn of_parallel_deletions_exactly_one_finds_the_token<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    for round in 0..ROUNDS {
        let (key, _) = inserted_token(&*store, &user, round).await;
        let answers = at_once((0..16).map(|_| {
            let store = fixture.store();
            async move { answered(store.delete(&key).await) }
        }))
        .await;
        let found = answers.into_iter().filter(|found| *found).count();
        assert_eq!(found, 1, "of 16 parallel deletions one finds the token");
    }
}

/// Deleting all removes each of the user's tokens, whether it expires or not, and returns their number.
pub async fn deleting_all_removes_the_users_tokens_and_counts_them<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    assert_eq!(
        answered(store.delete_all(&user).await),
        0,
        "a user without tokens has none to delete"
    );
    let mut keys = Vec::new();
    for n in 0..7 {
        let (key, mut token) = token(&user, n);
        token.expires_at = token.expires_at.filter(|_| n % 3 != 0);
        answered(store.insert(&token, None).await);
        keys.push(key);
    }
    answered(store.delete(&keys[0]).await);
    assert_eq!(
        answered(store.delete_all(&user).await),
        6,
        "deleting all says how many there were"
    );
    assert_eq!(
        present(&*store, &keys).await,
        [false; 7],
        "deleting all leaves none"
    );
    assert_eq!(
        answered(store.delete_all(&user).await),
        0,
        "a second time there are none"
    );
}

/// Deleting all removes and counts hundreds of tokens, not only one page.
pub async fn deleting_all_removes_hundreds_of_tokens<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let keys = inserted_hundreds(fixture, &user, None).await;
    assert_eq!(
        answered(store.delete_all(&user).await),
        u64::from(HUNDREDS),
        "deleting all says how many hundreds there were"
    );
    assert!(
        !present(&*store, &keys).await.contains(&true),
        "deleting all leaves none of hundreds"
    );
}

/// Deleting all of one user's tokens removes no other user's.
pub async fn deleting_all_leaves_other_users_alone<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let (user, other) = (fixture.user(None).await, fixture.user(None).await);
    inserted_token(&*store, &user, 1).await;
    let kept = [
        inserted_token(&*store, &other, 1).await.0,
        inserted_token(&*store, &other, 2).await.0,
    ];
    answered(store.delete_all(&user).await);
    assert_eq!(
        present(&*store, &kept).await,
        [true; 2],
        "another user's tokens stay"
    );
}

/// While others are issued, deleting all removes each token that was inserted before. Those that are inserted meanwhile
/// may stay. The next call finds and counts each that did.
pub async fn deleting_all_wins_over_parallel_insertions<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    for round in 0..ROUNDS {
        let mut before = Vec::new();
        for n in 0..10 {
            before.push(inserted_token(&*store, &user, n).await.0);
        }
        let meanwhile = at_once((0..20).map(|n| {
            let (store, user, before) = (fixture.store(), user.clone(), before.clone());
            async move {
                // First in one round, last in another.
                if n != round * 19 / (ROUNDS - 1) {
                    return Some(inserted_token(&*store, &user, 100 + n).await.0);
                }
                answered(store.delete_all(&user).await);
                assert_eq!(
                    present(&*store, &before).await,
                    [false; 10],
                    "a deletion is done when it returns"
                );
                None
            }
        }))
        .await;
        assert_eq!(
            present(&*store, &before).await,
            [false; 10],
            "no token comes back from before the deletion"
        );
        let meanwhile: Vec<_> = meanwhile.into_iter().flatten().collect();
        let survivors = present(&*store, &meanwhile)
            .await
            .into_iter()
            .filter(|present| *present)
            .count() as u64;
        assert_eq!(
            answered(store.delete_all(&user).await),
            survivors,
            "the next deletion counts the survivors"
        );
        assert!(
            !present(&*store, &meanwhile).await.contains(&true),
            "the next deletion leaves none"
        );
    }
}
