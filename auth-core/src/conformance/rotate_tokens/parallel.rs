use time::Duration;

use super::{KINDS, after, step};
use crate::{
    AccessTokenStore as _, Advanced, RotateTokens, TokenKind,
    conformance::{
        AccessTokenFixture, answered,
        parallel::{ROUNDS, at_once},
        sample::{inserted_token, start},
    },
};

/// Of 50 parallel steps from one generation, exactly one is made. Each other call is told the token as that one left it.
pub async fn of_parallel_steps_from_one_generation_exactly_one_is_made<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    for kind in KINDS {
        let (key, mut token) = inserted_token(&*store, &user, 1).await;
        for from in 0..i64::from(ROUNDS) {
            let steps: Vec<_> = (0..50).map(|n| step(kind, from, 60 * (1 + from) + n)).collect();
            let answers = at_once(steps.clone().into_iter().map(|step| {
                let store = fixture.store();
                async move { answered(store.advance(&key, &step).await) }
            }))
            .await;
            let answers: Vec<Advanced<F::Id>> = answers.into_iter().flatten().collect();
            assert_eq!(answers.len(), 50, "a step of a token that is there finds it");
            let made: Vec<_> = steps
                .iter()
                .zip(&answers)
                .filter(|(_, answer)| answer.by_this_call)
                .map(|(step, _)| step)
                .collect();
            assert_eq!(made.len(), 1, "of 50 parallel steps one is made");
            token = after(&token, made[0]);
            assert!(
                answers.iter().all(|answer| answer.token == token),
                "each call is told the token as the one step left it"
            );
            assert_eq!(
                answered(store.find(&key).await).as_ref(),
                Some(&token),
                "the one step is stored"
            );
        }
    }
}

/// A step of the access tokens, one of the refresh tokens and a touch, all at once, are all made: none writes back what it
/// read before another.
pub async fn parallel_changes_of_one_token_are_all_made<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, first) = inserted_token(&*store, &user, 1).await;
    for from in 0..20 {
        let end = start() + Duration::days(2) + Duration::milliseconds(from);
        at_once((0..3).map(|n| {
            let store = fixture.store();
            async move {
                let kind = match n {
                    0 => TokenKind::Access,
                    1 => TokenKind::Refresh,
                    _ => return answered(store.touch(&key, start() + Duration::MINUTE, Some(end)).await),
                };
                let answer = answered(store.advance(&key, &step(kind, from, 60)).await);
                let answer = answer.expect("a step of a token that is there finds it");
                assert!(
                    answer.by_this_call,
                    "a step is made, whatever else changes the token"
                );
            }
        }))
        .await;
        let token = answered(store.find(&key).await).expect("no change removes the token");
        assert_eq!(
            (
                token.access_generation.number,
                token.refresh_generation.number,
                token.expires_at
            ),
            (from + 1, from + 1, Some(end)),
            "parallel changes of one token are all made"
        );
    }
    assert_eq!(
        answered(store.find(&key).await).map(|token| token.client),
        Some(first.client),
        "changes leave the rest as it was"
    );
}
