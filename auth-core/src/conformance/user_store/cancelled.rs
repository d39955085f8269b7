use crate::{
    InsertUserError, NewUser, UpdateUserError, User, UserId as _, UserStore as _,
    conformance::{
        UserFixture, answered,
        cancel::Cancellations,
        sample::{assert_same, changed, differing_field, inserted, new_user},
    },
};

/// A cancelled insertion left the whole user or nothing, and the next insertion finds out which.
pub async fn a_cancelled_insertion_is_whole_or_absent<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let new = new_user(fixture, n);
        let normalized = new.email.normalized().clone();
        if let Some(answer) = cancellations.cancel(store.insert(new.clone())).await {
            answered(answer);
        }
        if let Some(found) = answered(store.find_by_email(&normalized).await) {
            let whole = new.clone().into_user(found.id.clone());
            assert_same(Some(found), &whole, "a cancelled insertion is whole");
        }
        let again = NewUser {
            id: F::Id::generate(),
            ..new.clone()
        };
        match store.insert(again).await {
            // If the profile has a unique field, too, the store may check that first.
            Ok(_) | Err(InsertUserError::EmailTaken | InsertUserError::ProfileTaken) => {}
            Err(error @ (InsertUserError::ProfileRefused { .. } | InsertUserError::Store(_))) => {
                panic!("the store works after a cancelled insertion: {error}")
            }
        }
        let Some(found) = answered(store.find_by_email(&normalized).await) else {
            panic!("an e-mail is taken by a user who can be found")
        };
        let whole = new.into_user(found.id.clone());
        assert_same(
            answered(store.find(&whole.id).await),
            &whole,
            "an insertion is whole",
        );
    }
}

/// A cancelled update wrote each field or none, and the user can be written afterwards.
pub async fn a_cancelled_update_is_whole_or_absent<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let old = inserted(fixture, 10 * n).await;
        let write = changed(fixture, &old, 10 * n + 1);
        if let Some(answer) = cancellations.cancel(store.update(&write)).await {
            answered(answer);
        }
        let new = User {
            revision: old.revision + 1,
            ..write.clone()
        };
        // The store may still be at it: then the first attempt here is a conflict, and the second is not.
        let mut attempts = 0;
        let last = loop {
            let found = answered(store.find(&old.id).await).expect("an update deletes nobody");
            assert!(
                differing_field(&found, &old).is_none() || differing_field(&found, &new).is_none(),
                "a cancelled update is whole or absent"
            );
            let last = changed(fixture, &found, 10 * n + 2);
            match store.update(&last).await {
                Ok(()) => break last,
                Err(UpdateUserError::Conflict) if attempts == 0 => attempts += 1,
                Err(error) => panic!("the store works after a cancelled update: {error}"),
            }
        };
        let expected = User {
            revision: last.revision + 1,
            ..last
        };
        assert_same(
            answered(store.find(&old.id).await),
            &expected,
            "the last update stands",
        );
        let found = answered(store.find_by_email(expected.email.normalized()).await);
        assert_same(found, &expected, "the last e-mail finds the user");
        for left in [&old.email, &write.email] {
            assert!(
                answered(store.find_by_email(left.normalized()).await).is_none(),
                "a cancelled update leaves no e-mail behind"
            );
        }
    }
}

/// A cancelled deletion deleted the user or did not, e-mail and all.
pub async fn a_cancelled_deletion_is_whole_or_absent<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let user = inserted(fixture, n).await;
        if let Some(found) = cancellations.cancel(store.delete(&user.id)).await {
            assert!(answered(found), "a deletion finds the user");
        }
        if let Some(found) = answered(store.find(&user.id).await) {
            assert_same(Some(found), &user, "a cancelled deletion leaves a whole user");
        }
        answered(store.delete(&user.id).await);
        assert!(
            answered(store.find(&user.id).await).is_none(),
            "a deleted user is not found"
        );
        assert!(
            answered(store.find_by_email(user.email.normalized()).await).is_none(),
            "a cancelled deletion leaves no e-mail behind"
        );
        match store.insert(new_user(fixture, n)).await {
            Ok(successor) => answered(store.delete(&successor.id).await),
            Err(error) => panic!("a deleted user's e-mail is free: {error}"),
        };
    }
}

/// After a cancelled look-up the next one gets its own answer, not the answer to the one before.
pub async fn a_cancelled_look_up_does_not_spoil_the_next<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let (one, two) = (inserted(fixture, 1).await, inserted(fixture, 2).await);
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let (first, next) = if n % 2 == 0 { (&one, &two) } else { (&two, &one) };
        if let Some(found) = cancellations.cancel(store.find(&first.id)).await {
            assert_same(answered(found), first, "a look-up finds its user");
        }
        assert_same(
            answered(store.find(&next.id).await),
            next,
            "the next look-up finds its user",
        );
        let found = answered(store.find_by_email(first.email.normalized()).await);
        assert_same(found, first, "the look-up after finds its user");
    }
    let mut cancellations = Cancellations::new();
    while let Some(n) = cancellations.next() {
        let (first, next) = if n % 2 == 0 { (&one, &two) } else { (&two, &one) };
        cancellations
            .cancel(store.find_by_email(first.email.normalized()))
            .await;
        let found = answered(store.find_by_email(next.email.normalized()).await);
        assert_same(found, next, "the next look-up finds its user");
    }
}
