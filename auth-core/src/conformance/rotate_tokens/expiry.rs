use time::{Duration, OffsetDateTime};

use super::{KINDS, after, step, until};
use crate::{
    AccessToken, AccessTokenStore as _, Advance, Advanced, RotateTokens,
    conformance::{
        AccessTokenFixture, answered,
        sample::{start, token},
    },
};

/// A step moves the expiry to the given instant, later or earlier, but never past the absolute limit. Without such a
/// limit, it may be in a hundred years.
pub async fn a_step_moves_the_expiry_but_never_past_the_absolute_limit<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let (limit, century) = (
        start() + Duration::milliseconds(30 * 86_400_000 + 3),
        start() + Duration::days(36_525),
    );
    let soon = start() + Duration::milliseconds(2 * 3_600_000 + 1);
    let moves = [
        (Some(limit), soon + Duration::DAY, soon + Duration::DAY),
        (Some(limit), soon, soon),
        (
            Some(limit),
            limit - Duration::MILLISECOND,
            limit - Duration::MILLISECOND,
        ),
        (Some(limit), limit, limit),
        (Some(limit), limit + Duration::MILLISECOND, limit),
        (Some(limit), century, limit),
        (None, soon, soon),
        (None, century, century),
    ];
    let store = fixture.store();
    let user = fixture.user(None).await;
    for expires_at in [Some(start() + Duration::DAY), None] {
        for (absolute_expires_at, keep_until, expected) in moves {
            for kind in KINDS {
                let (key, token) = token(&user, 1);
                let token = AccessToken {
                    expires_at,
                    absolute_expires_at,
                    ..token
                };
                answered(store.insert(&token, None).await);
                let step = until(step(kind, 0, 60), keep_until);
                let stepped = AccessToken {
                    expires_at: Some(expected),
                    ..after(&token, &step)
                };
                assert_made(&*store, &key, &step, stepped).await;
            }
        }
    }
}

/// A step that names no expiry leaves it as it is.
pub async fn a_step_that_names_no_expiry_leaves_it<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    for expires_at in [Some(start() + Duration::milliseconds(7_200_005)), None] {
        for kind in KINDS {
            let (key, token) = token(&user, 1);
            let token = AccessToken { expires_at, ..token };
            answered(store.insert(&token, None).await);
            let step = step(kind, 0, 60);
            let stepped = AccessToken {
                expires_at,
                ..after(&token, &step)
            };
            assert_made(&*store, &key, &step, stepped).await;
        }
    }
}

/// A step at the instant of the expiry, or later, is not made and changes nothing. A millisecond before, it is made. The tokens
/// of a log-in that does not expire can always be replaced.
pub async fn an_expired_token_is_not_advanced<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    let end = start() + Duration::milliseconds(5 * 86_400_000 + 5);
    let at = |instant: OffsetDateTime, kind| Advance {
        at: instant,
        ..until(step(kind, 0, 0), end + Duration::days(2))
    };
    for kind in KINDS {
        let (key, token) = token(&user, 1);
        let token = AccessToken {
            expires_at: Some(end),
            ..token
        };
        answered(store.insert(&token, None).await);
        for late in [end, end + Duration::MILLISECOND, end + Duration::DAY] {
            assert_eq!(
                answered(store.advance(&key, &at(late, kind)).await),
                Some(Advanced::new(token.clone(), false)),
                "an expired token is not advanced"
            );
            assert_eq!(
                answered(store.find(&key).await).as_ref(),
                Some(&token),
                "a step that is not made changes nothing"
            );
        }
        let step = at(end - Duration::MILLISECOND, kind);
        assert_made(&*store, &key, &step, after(&token, &step)).await;
    }
    for kind in KINDS {
        let (key, token) = token(&user, 1);
        let token = token.ending(None);
        answered(store.insert(&token, None).await);
        let step = Advance::new(kind, 0, start() + Duration::days(36_525));
        assert_made(&*store, &key, &step, after(&token, &step)).await;
    }
}

/// Fails unless `step` is made and leaves the token `stepped`.
async fn assert_made<Id: crate::UserId>(
    store: &impl RotateTokens<Id>,
    key: &crate::TokenLookup,
    step: &Advance,
    stepped: AccessToken<Id>,
) {
    assert_eq!(
        answered(store.advance(key, step).await),
        Some(Advanced::new(stepped.clone(), true)),
        "{step:?} is made"
    );
    assert_eq!(
        answered(store.find(key).await),
        Some(stepped),
        "{step:?} is stored"
    );
}
