use crate::{
    AccessTokenStore as _, Cap, InsertTokenError,
    conformance::{
        AccessTokenFixture, failed,
        sample::{inserted_token, start, token},
    },
};

/// If the data is out of reach, each call is a [`StoreError`](crate::StoreError), never "no such token", "none was
/// there" or "taken". "No such token" would log a user out. "None was there" would report a revocation that did not
/// happen.
pub async fn every_call_out_of_reach_is_a_failure<F: AccessTokenFixture>(fixture: &F) {
    let user = fixture.user(None).await;
    let (key, _) = inserted_token(&*fixture.store(), &user, 1).await;
    let Some(store) = fixture.out_of_reach().await else {
        return;
    };
    failed("find", store.find(&key).await);
    failed("touch", store.touch(&key, start(), None).await);
    failed("delete", store.delete(&key).await);
    failed("delete_all", store.delete_all(&user).await);
    for cap in [None, std::num::NonZeroU32::new(1).map(Cap::new)] {
        match store.insert(&token(&user, 2).1, cap).await {
            Err(InsertTokenError::Store(_)) => {}
            answer => panic!("out of reach, `insert` is a failure, not {answer:?}"),
        }
    }
}
