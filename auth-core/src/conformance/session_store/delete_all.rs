use super::sample::{change, created, loaded, session};
use crate::{
    SessionStore as _, TokenLookup,
    conformance::{
        SessionFixture, answered,
        parallel::{ROUNDS, at_once},
        sample::{BATCH, HUNDREDS, ids_that_look_alike, users_of_one_shard_tag},
    },
};

/// Deleting all removes each of the user's sessions, whether it expires or not and whether it was saved since or not, and
/// returns their number.
pub async fn deleting_all_removes_the_users_sessions_and_counts_them<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    assert_eq!(
        answered(store.delete_all(&user).await),
        0,
        "a user without sessions has none to delete"
    );
    let mut keys = Vec::new();
    for n in 0..7 {
        let (key, mut session) = session(Some(&user), n);
        session.expires_at = session.expires_at.filter(|_| n % 3 != 0);
        answered(store.create(&key, &session, None).await);
        if n % 2 == 1 {
            answered(store.save(&key, &change(n, Some(0))).await);
        }
        keys.push(key);
    }
    answered(store.delete(&keys[0], None).await);
    assert_eq!(
        answered(store.delete_all(&user).await),
        6,
        "deleting all says how many there were"
    );
    assert_eq!(
        loaded(&*store, &keys).await,
        [false; 7],
        "deleting all leaves none"
    );
    assert_eq!(
        answered(store.delete_all(&user).await),
        0,
        "a second time there are none"
    );
}

/// Deleting all removes and counts hundreds of sessions, not only one page.
pub async fn deleting_all_removes_hundreds_of_sessions<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut sessions: Vec<_> = (0..HUNDREDS).map(|n| session(Some(&user), n)).collect();
    let keys: Vec<TokenLookup> = sessions.iter().map(|(key, _)| *key).collect();
    while !sessions.is_empty() {
        let batch = sessions.split_off(sessions.len().saturating_sub(BATCH));
        at_once(batch.into_iter().map(|(key, session)| {
            let store = fixture.store();
            async move { answered(store.create(&key, &session, None).await) }
        }))
        .await;
    }
    assert_eq!(
        answered(store.delete_all(&user).await),
        u64::from(HUNDREDS),
        "deleting all says how many hundreds there were"
    );
    assert!(
        !loaded(&*store, &keys).await.contains(&true),
        "deleting all leaves none of hundreds"
    );
}

/// Deleting all of one user's sessions removes no other user's, and none of a visitor.
pub async fn deleting_all_leaves_other_users_and_visitors_alone<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let (user, other) = (fixture.user(None).await, fixture.user(None).await);
    created(&*store, Some(&user), 1).await;
    let kept = [
        created(&*store, Some(&other), 2).await.0,
        created(&*store, None, 3).await.0,
    ];
    answered(store.delete_all(&user).await);
    assert_eq!(
        loaded(&*store, &kept).await,
        [true; 2],
        "deleting all leaves the sessions of others"
    );
}

/// Many users share a [`ShardTag`](crate::ShardTag). Deleting the sessions of one leaves those of another with the same
/// tag.
pub async fn users_of_one_shard_tag_are_told_apart<F: SessionFixture>(fixture: &F) {
    let users = users_of_one_shard_tag(async |id| fixture.user(id).await).await;
    told_apart(fixture, &users).await;
}

/// Users whose ids differ only in case, or in a trailing space, are different users. Ids with only one spelling have
/// nothing to show here.
pub async fn ids_of_users_are_compared_byte_for_byte<F: SessionFixture>(fixture: &F) {
    for [one, other] in ids_that_look_alike() {
        let users = [fixture.user(Some(one)).await, fixture.user(Some(other)).await];
        told_apart(fixture, &users).await;
    }
}

async fn told_apart<F: SessionFixture>(fixture: &F, [one, other]: &[F::Id; 2]) {
    let store = fixture.store();
    let theirs = [
        created(&*store, Some(other), 1).await.0,
        created(&*store, Some(other), 2).await.0,
    ];
    created(&*store, Some(one), 3).await;
    assert_eq!(
        answered(store.delete_all(one).await),
        1,
        "deleting all counts the user's own sessions"
    );
    assert_eq!(
        loaded(&*store, &theirs).await,
        [true; 2],
        "deleting all leaves a user of a similar id alone"
    );
    assert_eq!(
        answered(store.delete_all(other).await),
        2,
        "deleting all counts the user's own sessions"
    );
}

/// While others are created, deleting all removes each session that was created before. Those that are created meanwhile
/// may stay. The next call finds and counts each that did.
pub async fn deleting_all_wins_over_parallel_creations<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    for round in 0..ROUNDS {
        let mut before = Vec::new();
        for n in 0..10 {
            before.push(created(&*store, Some(&user), n).await.0);
        }
        let meanwhile = at_once((0..20).map(|n| {
            let (store, user, before) = (fixture.store(), user.clone(), before.clone());
            async move {
                // First in one round, last in another.
                if n != round * 19 / (ROUNDS - 1) {
                    return Some(created(&*store, Some(&user), 100 + n).await.0);
                }
                answered(store.delete_all(&user).await);
                assert_eq!(
                    loaded(&*store, &before).await,
                    [false; 10],
                    "a deletion is done when it returns"
                );
                None
            }
        }))
        .await;
        assert_eq!(
            loaded(&*store, &before).await,
            [false; 10],
            "no session comes back from before the deletion"
        );
        let meanwhile: Vec<_> = meanwhile.into_iter().flatten().collect();
        let survivors = loaded(&*store, &meanwhile).await;
        assert_eq!(
            answered(store.delete_all(&user).await),
            survivors.into_iter().filter(|there| *there).count() as u64,
            "the next deletion counts the survivors"
        );
        assert!(
            !loaded(&*store, &meanwhile).await.contains(&true),
            "the next deletion leaves none"
        );
    }
}
