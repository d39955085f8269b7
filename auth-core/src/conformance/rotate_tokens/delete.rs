use std::num::NonZeroU32;

use super::step;
use crate::{
    AccessTokenIndex as _, AccessTokenStore as _, Cap, RotateTokens, TokenKind,
    conformance::{
        AccessTokenFixture, answered,
        parallel::at_once,
        sample::{EPOCH, inserted_token, token},
    },
};

/// The ways to end a log-in.
const ENDS: u32 = 4;

/// Steps that come after the log-in was ended, or at the same time, do not bring the token back: whether it was deleted by its
/// key, by its public id, with all others, or by a cap.
pub async fn a_step_never_brings_a_deleted_token_back<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    for round in 0..20 {
        let store = fixture.store();
        let user = fixture.user(None).await;
        let (key, first) = inserted_token(&*store, &user, 1).await;
        let made = at_once((0..16).map(|n| {
            let (store, user, id) = (fixture.store(), user.clone(), first.id);
            async move {
                if n != 8 {
                    let step = step(TokenKind::Refresh, n / 8, 60 + n);
                    let answer = answered(store.advance(&key, &step).await);
                    return answer.is_some_and(|answer| answer.by_this_call);
                }
                match round % ENDS {
                    0 => assert!(answered(store.delete(&key).await)),
                    1 => assert!(answered(store.delete_by_id(&user, id).await)),
                    2 => assert_eq!(answered(store.delete_all(&user).await), 1),
                    _ => answered(
                        store
                            .insert(&token(&user, 2).1, NonZeroU32::new(1).map(Cap::new))
                            .await,
                    ),
                }
                false
            }
        }))
        .await;
        let made = made.into_iter().filter(|made| *made).count();
        assert!(made <= 2, "{made} steps from two generations");
        for from in 0..=2 {
            assert_eq!(
                answered(store.find(&key).await),
                None,
                "a parallel or late step brings nothing back"
            );
            let late = step(TokenKind::Refresh, from, 90);
            assert_eq!(
                answered(store.advance(&key, &late).await),
                None,
                "a step of a deleted token is `None`"
            );
        }
        let list = answered(store.list(&user, EPOCH).await);
        assert!(!list.contains(&first), "a step brings nothing back into the list");
        assert_eq!(
            answered(store.delete_all(&user).await),
            u64::from(round % ENDS == 3),
            "a step leaves nothing to delete"
        );
    }
}
