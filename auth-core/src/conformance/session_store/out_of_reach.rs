use super::sample::{change, created, session};
use crate::{
    InsertTokenError, SessionStore as _,
    conformance::{SessionFixture, failed},
};

/// If the data is out of reach, each call is a [`StoreError`](crate::StoreError), never "no such session", "gone",
/// "done" or "taken". "No such session" would log a user out. "Done" would report a log-out that did not happen.
pub async fn every_call_out_of_reach_is_a_failure<F: SessionFixture>(fixture: &F) {
    let user = fixture.user(None).await;
    let (key, _) = created(&*fixture.store(), Some(&user), 1).await;
    let Some(store) = fixture.out_of_reach().await else {
        return;
    };
    failed("load", store.load(&key).await);
    failed("delete_all", store.delete_all(&user).await);
    for revision in [None, Some(0)] {
        failed("save", store.save(&key, &change(1, revision)).await);
        failed("delete", store.delete(&key, revision).await);
    }
    let (key, session) = session(Some(&user), 2);
    match store.create(&key, &session, None).await {
        Err(InsertTokenError::Store(_)) => {}
        answer => panic!("out of reach, `create` is a failure, not {answer:?}"),
    }
}
