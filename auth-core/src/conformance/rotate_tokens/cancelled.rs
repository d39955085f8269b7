use time::Duration;

use super::{after, step, until};
use crate::{
    AccessTokenStore as _, Advance, Advanced, RotateTokens, TokenKind,
    conformance::{
        AccessTokenFixture, answered,
        cancel::Cancellations,
        sample::{inserted_token, start},
    },
};

/// A cancelled step was made with all that belongs to it, or not at all. The next one finds out which.
pub async fn a_cancelled_step_is_whole_or_absent<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let store = fixture.store();
    let user = fixture.user(None).await;
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let (key, token) = inserted_token(&*store, &user, n).await;
        let first = until(step(TokenKind::Refresh, 0, 60), start() + Duration::days(9));
        let second = Advance {
            at: first.at + Duration::SECOND,
            ..first
        };
        if let Some(answer) = cancellations.cancel(store.advance(&key, &first)).await {
            let made = Advanced::new(after(&token, &first), true);
            assert_eq!(answered(answer), Some(made), "a step is made");
        }
        let found = answered(store.find(&key).await).expect("a step removes no token");
        assert!(
            found == token || found == after(&token, &first),
            "a cancelled step is whole or absent"
        );
        // The cancelled step may still arrive: then it comes before this one, or is not made.
        let answer = answered(store.advance(&key, &second).await).expect("a step removes no token");
        let made = if answer.by_this_call { &second } else { &first };
        assert_eq!(
            answer.token,
            after(&token, made),
            "the step after a cancelled one is made, or told what was"
        );
        assert_eq!(
            answered(store.find(&key).await),
            Some(answer.token),
            "one step is made"
        );
    }
}
