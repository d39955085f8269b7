use time::Duration;

use crate::{
    AccessTokenStore as _,
    conformance::{
        AccessTokenFixture, answered,
        parallel::at_once,
        sample::{inserted_token, start, token},
    },
};

/// A touch sets the time of the last use and the expiry, to the millisecond: to a later one, an earlier one, or none. It
/// changes nothing else, and no other token.
pub async fn a_touch_sets_the_last_use_and_the_expiry_alone<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, mut token) = inserted_token(&*store, &user, 1).await;
    let (other_key, other) = inserted_token(&*store, &user, 2).await;
    let end = token.expires_at;
    let expiries = [
        end,
        end.map(|end| end + Duration::milliseconds(86_400_005)),
        Some(start() + Duration::milliseconds(7_200_007)),
        None,
        end,
    ];
    for (n, expires_at) in (1..).zip(expiries) {
        let at = start() + n * Duration::milliseconds(90_001);
        answered(store.touch(&key, at, expires_at).await);
        token.last_used_at = at;
        token.expires_at = expires_at;
        assert_eq!(
            answered(store.find(&key).await).as_ref(),
            Some(&token),
            "a touch sets the last use and the expiry alone"
        );
    }
    assert_eq!(
        answered(store.find(&other_key).await),
        Some(other),
        "another token is not touched"
    );
}

/// A touch at the instant of the expiry, or later, changes nothing: the token stays expired. The expiry is the present one,
/// which an earlier touch has set.
pub async fn a_touch_never_revives_an_expired_token<F: AccessTokenFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, mut token) = inserted_token(&*store, &user, 1).await;
    let later = start() + Duration::days(20);
    for end in [start() + Duration::days(6), start() + Duration::hours(3)] {
        let last = end - Duration::MILLISECOND;
        answered(store.touch(&key, last, Some(end)).await);
        token.last_used_at = last;
        token.expires_at = Some(end);
        assert_eq!(
            answered(store.find(&key).await).as_ref(),
            Some(&token),
            "a touch just before the expiry counts"
        );
        for at in [end, end + Duration::MILLISECOND, end + Duration::HOUR] {
            for expires_at in [Some(later), None] {
                answered(store.touch(&key, at, expires_at).await);
                assert_eq!(
                    answered(store.find(&key).await).as_ref(),
                    Some(&token),
                    "a touch does not revive an expired token"
                );
            }
        }
    }
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
