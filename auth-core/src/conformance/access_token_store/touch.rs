use time::Duration;

use crate::{
    AccessToken, AccessTokenStore as _,
    conformance::{
        AccessTokenFixture, answered,
        parallel::at_once,
        sample::{inserted_token, start, token},
    },
};

/// A touch sets the time of the last use, to the millisecond. It changes nothing else, and no other token.
pub async fn a_touch_sets_the_last_use_alone<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, token) = inserted_token(&*store, &user, 1).await;
    let (other_key, other) = inserted_token(&*store, &user, 2).await;
    let at = start() + Duration::milliseconds(90_001);
    answered(store.touch(&key, at, token.expires_at).await);
    let touched = AccessToken {
        last_used_at: at,
        ..token
    };
    assert_eq!(
        answered(store.find(&key).await),
        Some(touched),
        "a touch sets the last use alone"
    );
    assert_eq!(
        answered(store.find(&other_key).await),
        Some(other),
        "another token is not touched"
    );
}

/// A touch of a missing token does nothing.
pub async fn a_touch_of_an_unknown_token_inserts_nothing<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, token) = token(&user, 1);
    answered(store.touch(&key, start(), token.expires_at).await);
    assert_eq!(answered(store.find(&key).await), None, "a touch inserts nothing");
    if let Err(error) = store.insert(&token, None).await {
        panic!("a touch takes no digest: {error}");
    }
    assert_eq!(
        answered(store.find(&key).await),
        Some(token),
        "a touch leaves nothing behind"
    );
}

/// Touches that come after a deletion, or at the same time, do not bring the token back.
pub async fn a_touch_never_brings_a_deleted_token_back<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, _) = inserted_token(&*store, &user, 1).await;
    answered(store.delete(&key).await);
    answered(store.touch(&key, start() + Duration::minutes(1), None).await);
    assert_eq!(
        answered(store.find(&key).await),
        None,
        "a late touch brings nothing back"
    );
    assert_eq!(
        answered(store.delete_all(&user).await),
        0,
        "a late touch leaves nothing to delete"
    );

    for round in 0..20 {
        let (key, _) = inserted_token(&*store, &user, round).await;
        at_once((0..16).map(|n| {
            let (store, user) = (fixture.store(), user.clone());
            async move {
                match n {
                    8 if round % 2 == 0 => assert!(answered(store.delete(&key).await)),
                    8 => assert_eq!(answered(store.delete_all(&user).await), 1),
                    _ => answered(store.touch(&key, start() + Duration::seconds(n), None).await),
                }
            }
        }))
        .await;
        assert_eq!(
            answered(store.find(&key).await),
            None,
            "a parallel touch brings nothing back"
        );
    }
}
