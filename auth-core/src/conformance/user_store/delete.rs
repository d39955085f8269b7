use crate::{
    User, UserStore as _,
    conformance::{
        UserFixture, answered,
        parallel::{ROUNDS, at_once},
        sample::{assert_same, changed, inserted, new_user},
    },
};

/// A deletion returns `true`, the next one `false`. The user is found neither by id nor by e-mail, and the e-mail is free.
pub async fn a_deleted_user_is_gone_and_the_email_is_free<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let user = inserted(fixture, 1).await;
    assert!(
        answered(store.delete(&user.id).await),
        "a deletion finds the user"
    );
    assert!(
        answered(store.find(&user.id).await).is_none(),
        "a deleted user is not found by id"
    );
    assert!(
        answered(store.find_by_email(user.email.normalized()).await).is_none(),
        "a deleted user is not found by e-mail"
    );
    assert!(
        !answered(store.delete(&user.id).await),
        "a second deletion finds nobody"
    );
    let successor = match store.insert(new_user(fixture, 1)).await {
        Ok(user) => user,
        Err(error) => panic!("a deleted user's e-mail is free: {error}"),
    };
    let found = answered(store.find_by_email(user.email.normalized()).await);
    assert_same(found, &successor, "the e-mail finds its new owner");
}

/// A deletion leaves every other user as it was.
pub async fn a_deletion_leaves_the_other_users<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let (one, two, three) = (
        inserted(fixture, 1).await,
        inserted(fixture, 2).await,
        inserted(fixture, 3).await,
    );
    assert!(answered(store.delete(&two.id).await), "a deletion finds the user");
    for other in [one, three] {
        assert_same(
            answered(store.find(&other.id).await),
            &other,
            "another user is not deleted",
        );
        let found = answered(store.find_by_email(other.email.normalized()).await);
        assert_same(found, &other, "another user is still found by e-mail");
    }
}

/// Of 16 parallel deletions of one user, exactly one returns `true`. An update at the same time does not restore the user.
pub async fn of_parallel_deletions_exactly_one_finds_the_user<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    for round in 0..ROUNDS {
        let user = inserted(fixture, round).await;
        let write = changed(fixture, &user, round + 100);
        let answers = at_once((0..17).map(|n| {
            let (store, id, write): (_, _, User<_, _>) = (fixture.store(), user.id.clone(), write.clone());
            async move {
                if n == 8 {
                    let _done_or_conflict = store.update(&write).await;
                    return false;
                }
                answered(store.delete(&id).await)
            }
        }))
        .await;
        let found = answers.into_iter().filter(|found| *found).count();
        assert_eq!(found, 1, "of 16 parallel deletions one finds the user");
        assert!(
            answered(store.find(&user.id).await).is_none(),
            "a parallel update does not bring a deleted user back"
        );
        for taken in [&user.email, &write.email] {
            assert!(
                answered(store.find_by_email(taken.normalized()).await).is_none(),
                "a deleted user keeps no e-mail"
            );
        }
    }
}

/// The database never makes the id of a deleted user again: a credential of that user would open the new account.
pub async fn the_id_of_a_deleted_user_is_never_given_again<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let mut gone = Vec::new();
    for n in 0..4 {
        let user = inserted(fixture, n).await;
        assert!(
            !gone.contains(&user.id),
            "the id of a deleted user is not given again"
        );
        answered(store.delete(&user.id).await);
        gone.push(user.id);
    }
}
