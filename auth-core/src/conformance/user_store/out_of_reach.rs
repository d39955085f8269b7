use crate::{
    InsertUserError, UpdateUserError, UserStore as _,
    conformance::{
        UserFixture, failed,
        sample::{inserted, new_user},
    },
};

/// If the data is out of reach, each call is a [`StoreError`](crate::StoreError), never "no such user", "not there",
/// "taken" or "conflict". "No such user" would log a user out. "Not there" would report a deletion that did not happen.
pub async fn every_call_out_of_reach_is_a_failure<F: UserFixture>(fixture: &F) {
    let user = inserted(fixture, 1).await;
    let Some(store) = fixture.out_of_reach().await else {
        return;
    };
    failed("find", store.find(&user.id).await);
    failed(
        "find_by_email",
        store.find_by_email(user.email.normalized()).await,
    );
    failed("delete", store.delete(&user.id).await);
    match store.insert(new_user(fixture, 2)).await {
        Err(InsertUserError::Store(_)) => {}
        answer => panic!("out of reach, `insert` is a failure, not {answer:?}"),
    }
    match store.update(&user).await {
        Err(UpdateUserError::Store(_)) => {}
        answer => panic!("out of reach, `update` is a failure, not {answer:?}"),
    }
}
