use super::{after, step};
use crate::{
    AccessToken, AccessTokenStore as _, Advanced, RotateTokens, TokenKind, TokenLookup, UserId,
    conformance::{
        AccessTokenFixture, answered,
        sample::{EPOCH, inserted_token},
    },
};

/// A process sees at once a step that another process has made, although it has looked before: in a look-up, in a list, and in
/// its own next step.
pub async fn another_process_sees_a_step_at_once<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let (here, there) = (fixture.store(), fixture.another_process().await);
    let user = fixture.user(None).await;
    let (key, mut token) = inserted_token(&*here, &user, 1).await;
    for from in 0..4 {
        let (one, other) = if from % 2 == 0 {
            (&here, &there)
        } else {
            (&there, &here)
        };
        assert_seen(&**other, &key, &token).await;
        let made = step(TokenKind::Refresh, from, 60 + from);
        token = after(&token, &made);
        assert_eq!(
            answered(one.advance(&key, &made).await),
            Some(Advanced::new(token.clone(), true)),
            "a step follows that of another process"
        );
        assert_seen(&**other, &key, &token).await;
        assert_eq!(
            answered(other.advance(&key, &made).await),
            Some(Advanced::new(token.clone(), false)),
            "a step that another process made is not made again"
        );
    }
    answered(there.delete(&key).await);
    assert_eq!(
        answered(here.advance(&key, &step(TokenKind::Refresh, 4, 90)).await),
        None,
        "a token that another process deleted is not advanced"
    );
}

async fn assert_seen<Id: UserId>(store: &impl RotateTokens<Id>, key: &TokenLookup, token: &AccessToken<Id>) {
    assert_eq!(
        answered(store.find(key).await).as_ref(),
        Some(token),
        "another process finds the token as a step left it"
    );
    assert_eq!(
        answered(store.list(&token.user_id, EPOCH).await),
        std::slice::from_ref(token),
        "another process lists the token as a step left it"
    );
}
