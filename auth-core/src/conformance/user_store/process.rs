use crate::{
    UpdateUserError, User, UserStore as _,
    conformance::{
        UserFixture, answered,
        sample::{assert_same, changed, inserted, new_user},
    },
};

/// A process sees at its next look-up what another process has inserted, updated or deleted, although it has looked
/// before. A user who was disabled here is disabled there. Neither a user nor the lack of one is cached.
pub async fn another_process_sees_every_change_at_once<F: UserFixture>(fixture: &F) {
    let (here, there) = (fixture.store(), fixture.another_process().await);
    let new = new_user(fixture, 1);
    assert!(
        answered(there.find_by_email(new.email.normalized()).await).is_none(),
        "nobody is found before the insertion"
    );
    let old = match here.insert(new).await {
        Ok(user) => user,
        Err(error) => panic!("the store failed: {error}"),
    };
    assert_both(&*there, &old, "another process finds an inserted user").await;

    let mut new = changed(fixture, &old, 2);
    if let Err(error) = here.update(&new).await {
        panic!("the store failed: {error}");
    }
    new.revision += 1;
    assert_both(&*there, &new, "another process finds the updated user").await;
    assert!(
        answered(there.find_by_email(old.email.normalized()).await).is_none(),
        "another process does not find the old e-mail"
    );
    assert!(
        matches!(there.update(&old).await, Err(UpdateUserError::Conflict)),
        "an update of an old revision is a conflict in another process, too"
    );

    let other = inserted(fixture, 3).await;
    assert_both(&*there, &other, "another process finds an inserted user").await;
    assert!(answered(there.delete(&new.id).await), "a deletion finds the user");
    assert!(
        answered(here.delete(&other.id).await),
        "a deletion finds the user"
    );
    for (store, user) in [(&here, &new), (&there, &other)] {
        assert!(
            answered(store.find(&user.id).await).is_none(),
            "a user who was deleted in another process is not found by id"
        );
        assert!(
            answered(store.find_by_email(user.email.normalized()).await).is_none(),
            "a user who was deleted in another process is not found by e-mail"
        );
    }
}

async fn assert_both<Id: crate::UserId, P: crate::Profile + PartialEq>(
    store: &impl crate::UserStore<Id, P>,
    user: &User<Id, P>,
    promise: &str,
) {
    assert_same(answered(store.find(&user.id).await), user, promise);
    let found = answered(store.find_by_email(user.email.normalized()).await);
    assert_same(found, user, promise);
}
