use super::{KINDS, step};
use crate::{
    RotateTokens,
    conformance::{AccessTokenFixture, answered, failed, sample::inserted_token},
};

/// If the data is out of reach, a step is a [`StoreError`](crate::StoreError), and never "no such token", which would log a
/// user out.
pub async fn a_step_out_of_reach_is_a_failure<F>(fixture: &F)
where
    F: AccessTokenFixture,
    F::Store: RotateTokens<F::Id>,
{
    let user = fixture.user(None).await;
    let (key, token) = inserted_token(&*fixture.store(), &user, 1).await;
    if let Some(store) = fixture.out_of_reach().await {
        for kind in KINDS {
            failed("advance", store.advance(&key, &step(kind, 0, 60)).await);
        }
    }
    assert_eq!(
        answered(crate::AccessTokenStore::find(&*fixture.store(), &key).await),
        Some(token),
        "a step out of reach changes nothing"
    );
}
