use time::Duration;

use super::{KINDS, after, step, until};
use crate::{
    AccessToken, AccessTokenIndex as _, AccessTokenStore as _, Advanced, Generation, RotateTokens,
    TokenDigest, TokenKind, TokenLookup,
    conformance::{
        AccessTokenFixture, answered,
        sample::{EPOCH, inserted_token, start, token},
    },
};

/// A step sets the generation to the next number since the instant of the step, and the last use. The answer is the token as
/// it is now, and says that this call made the step. Nothing else changes, and no other token.
pub async fn a_step_replaces_the_generation_alone<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let store = fixture.store();
    let (user, other) = (fixture.user(None).await, fixture.user(None).await);
    let others = [
        inserted_token(&*store, &user, 1).await,
        inserted_token(&*store, &user, 3).await,
        inserted_token(&*store, &other, 2).await,
    ];
    for kind in KINDS {
        let (key, mut token) = inserted_token(&*store, &user, 2).await;
        for from in 0..3 {
            let step = step(kind, from, 60 + from);
            token = after(&token, &step);
            assert_eq!(
                answered(store.advance(&key, &step).await),
                Some(Advanced::new(token.clone(), true)),
                "a step is made, and the answer has the token as it is now"
            );
            assert_eq!(
                answered(store.find(&key).await).as_ref(),
                Some(&token),
                "a step replaces the generation alone"
            );
        }
    }
    for (key, token) in others {
        assert_eq!(
            answered(store.find(&key).await),
            Some(token),
            "a step changes no other token"
        );
    }
}

/// A step of the refresh tokens leaves the generation of the access tokens as it is, and the other way round.
pub async fn access_and_refresh_generations_are_independent<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    use TokenKind::{Access, Refresh};
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, mut token) = inserted_token(&*store, &user, 1).await;
    let steps = [
        (Access, 0),
        (Refresh, 0),
        (Refresh, 1),
        (Access, 1),
        (Access, 2),
        (Refresh, 2),
    ];
    for (seconds, (kind, from)) in (60..).zip(steps) {
        let step = step(kind, from, seconds);
        token = after(&token, &step);
        assert_eq!(
            answered(store.advance(&key, &step).await),
            Some(Advanced::new(token.clone(), true)),
            "the generations are independent"
        );
    }
}

/// A step from a generation that was replaced, or is yet to come, changes nothing. The answer is the token as it is, and says
/// that this call did not make the step.
pub async fn a_step_from_another_generation_changes_nothing<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    for kind in KINDS {
        let (key, mut token) = inserted_token(&*store, &user, 1).await;
        for from in 0..2 {
            let step = step(kind, from, 60 + from);
            answered(store.advance(&key, &step).await);
            token = after(&token, &step);
        }
        for from in [0, 1, 3, -1, 2 + (1 << 32), i64::MAX] {
            let wrong = until(step(kind, from, 90), start() + Duration::days(9));
            assert_eq!(
                answered(store.advance(&key, &wrong).await),
                Some(Advanced::new(token.clone(), false)),
                "a step from generation {from} of generation 2 is not made"
            );
            assert_eq!(
                answered(store.find(&key).await).as_ref(),
                Some(&token),
                "a step that is not made changes nothing"
            );
        }
    }
}

/// A step of a missing token is `None`. It inserts nothing, and a digest that is almost right advances no other token.
pub async fn a_step_of_an_unknown_token_is_none_and_inserts_nothing<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, token) = token(&user, 1);
    let (near, other) = inserted_token(&*store, &user, 2).await;
    let mut digest = *near.digest.as_bytes();
    digest[31] ^= 1;
    let almost = TokenLookup {
        digest: TokenDigest::from_bytes(digest),
        ..near
    };
    for kind in KINDS {
        let step = until(step(kind, 0, 60), start() + Duration::days(9));
        for key in [key, almost] {
            assert_eq!(
                answered(store.advance(&key, &step).await),
                None,
                "a step of an unknown token is `None`"
            );
            assert_eq!(answered(store.find(&key).await), None, "a step inserts nothing");
        }
    }
    assert_eq!(
        answered(store.list(&user, EPOCH).await),
        [other],
        "a step of an unknown token changes no other"
    );
    if let Err(error) = store.insert(&token, None).await {
        panic!("a step takes no digest: {error}");
    }
}

/// The user's list shows each step.
pub async fn a_step_shows_in_the_list<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (_, other) = inserted_token(&*store, &user, 2).await;
    let (key, mut token) = inserted_token(&*store, &user, 1).await;
    for kind in KINDS {
        let step = until(step(kind, 0, 60), start() + Duration::days(9));
        answered(store.advance(&key, &step).await);
        token = after(&token, &step);
        assert_eq!(
            answered(store.list(&user, EPOCH).await),
            [other.clone(), token.clone()],
            "a step shows in the list"
        );
    }
}

/// A generation is a number of more than 32 bits.
pub async fn generations_of_more_than_32_bits_are_counted<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    for number in [i64::from(i32::MAX), i64::from(u32::MAX), 1 << 40] {
        let (key, token) = token(&user, 1);
        let generation = Generation::new(number, Some(start()));
        let mut token = AccessToken {
            access_generation: generation,
            refresh_generation: generation,
            ..token
        };
        answered(store.insert(&token, None).await);
        for kind in KINDS {
            let step = step(kind, number, 60);
            token = after(&token, &step);
            assert_eq!(
                answered(store.advance(&key, &step).await),
                Some(Advanced::new(token.clone(), true)),
                "generation {number} is replaced by the next"
            );
        }
    }
}
