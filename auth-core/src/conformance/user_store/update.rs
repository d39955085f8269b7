use time::Duration;

use crate::{
    NewUser, UpdateUserError, User, UserStore as _,
    conformance::{
        UserFixture, answered,
        parallel::{ROUNDS, at_once},
        sample::{assert_same, changed, email, insert, inserted, new_user},
    },
};

/// An update writes each field except the id and the creation, and the revision grows by exactly one. So does the next one.
pub async fn an_update_writes_every_field_but_the_creation<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    for n in 0..4 {
        let mut stored = inserted(fixture, n).await;
        for step in [10, 20] {
            let written = changed(fixture, &stored, n + step);
            let forged = User {
                created_at: stored.created_at + Duration::days(1),
                ..written.clone()
            };
            answered(store.update(&forged).await);
            stored = User {
                revision: stored.revision + 1,
                ..written
            };
            assert_same(
                answered(store.find(&stored.id).await),
                &stored,
                "an update writes every field",
            );
            let found = answered(store.find_by_email(stored.email.normalized()).await);
            assert_same(found, &stored, "an updated user is found by e-mail");
        }
    }
}

/// An update leaves every other user as it was.
pub async fn an_update_changes_no_other_user<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let others = [inserted(fixture, 1).await, inserted(fixture, 2).await];
    let user = inserted(fixture, 3).await;
    answered(store.update(&changed(fixture, &user, 13)).await);
    for other in &others {
        assert_same(
            answered(store.find(&other.id).await),
            other,
            "another user is not written",
        );
        let found = answered(store.find_by_email(other.email.normalized()).await);
        assert_same(found, other, "another user's e-mail is not written");
    }
}

/// An update of an earlier revision, or of one that never was, is [`UpdateUserError::Conflict`] and writes nothing.
pub async fn an_update_of_another_revision_is_a_conflict_and_writes_nothing<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let first = inserted(fixture, 1).await;
    answered(store.update(&changed(fixture, &first, 2)).await);
    let stored = answered(store.find(&first.id).await).expect("the user is there");
    for revision in [first.revision, stored.revision + 1, -1] {
        let stale = User {
            revision,
            ..changed(fixture, &stored, 3)
        };
        let refused = store.update(&stale).await;
        assert!(
            matches!(refused, Err(UpdateUserError::Conflict)),
            "an update of another revision is a `Conflict`, not {refused:?}"
        );
        assert_same(
            answered(store.find(&stored.id).await),
            &stored,
            "a conflict writes nothing",
        );
        assert!(
            answered(store.find_by_email(stale.email.normalized()).await).is_none(),
            "a conflict writes no e-mail"
        );
    }
}

/// An update of a deleted user is [`UpdateUserError::Conflict`] and does not restore the user.
pub async fn an_update_of_a_missing_user_is_a_conflict_and_inserts_nothing<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let user = inserted(fixture, 1).await;
    answered(store.delete(&user.id).await);
    let refused = store.update(&user).await;
    assert!(
        matches!(refused, Err(UpdateUserError::Conflict)),
        "an update of a missing user is a `Conflict`, not {refused:?}"
    );
    assert!(
        answered(store.find(&user.id).await).is_none(),
        "an update inserts nobody"
    );
    assert!(
        answered(store.find_by_email(user.email.normalized()).await).is_none(),
        "an update takes no e-mail for a missing user"
    );
}

/// Of 50 parallel updates of one revision, exactly one succeeds and is stored as a whole. The others are
/// [`UpdateUserError::Conflict`].
pub async fn of_parallel_updates_of_one_revision_exactly_one_succeeds<F: UserFixture>(fixture: &F) {
    for round in 0..ROUNDS {
        race_from_one_revision(fixture, 1000 * round).await;
    }
}

async fn race_from_one_revision<F: UserFixture>(fixture: &F, first: u32) {
    let store = fixture.store();
    let user = inserted(fixture, first).await;
    let writes: Vec<_> = (1..=50).map(|n| changed(fixture, &user, first + n)).collect();
    let answers = at_once(writes.clone().into_iter().map(|write| {
        let store = fixture.store();
        async move { store.update(&write).await }
    }))
    .await;

    let mut winners = Vec::new();
    for (write, answer) in writes.into_iter().zip(answers) {
        match answer {
            Ok(()) => winners.push(write),
            Err(UpdateUserError::Conflict) => {}
            Err(error) => panic!("a losing update is a `Conflict`, not {error}"),
        }
    }
    assert_eq!(
        winners.len(),
        1,
        "of 50 parallel updates of one revision one succeeds"
    );
    let expected = User {
        revision: user.revision + 1,
        ..winners.remove(0)
    };
    assert_same(
        answered(store.find(&user.id).await),
        &expected,
        "the winner is stored",
    );
}

/// An update to another user's e-mail, however spelled, is [`UpdateUserError::EmailTaken`] and writes nothing.
pub async fn an_update_to_a_taken_email_is_refused_and_writes_nothing<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let owner = insert(
        fixture,
        NewUser {
            email: email("José@example.com"),
            ..new_user(fixture, 1)
        },
    )
    .await;
    let user = inserted(fixture, 2).await;
    for spelling in ["José@example.com", "JOSE\u{301}@EXAMPLE.COM"] {
        let write = User {
            email: email(spelling),
            ..changed(fixture, &user, 3)
        };
        let refused = store.update(&write).await;
        assert!(
            matches!(refused, Err(UpdateUserError::EmailTaken)),
            "{spelling} is `EmailTaken`, not {refused:?}"
        );
        assert_same(
            answered(store.find(&user.id).await),
            &user,
            "a refused update writes nothing",
        );
        let found = answered(store.find_by_email(owner.email.normalized()).await);
        assert_same(found, &owner, "the e-mail stays its owner's");
        let found = answered(store.find_by_email(user.email.normalized()).await);
        assert_same(found, &user, "the user keeps the old e-mail");
    }
}

/// A user's own e-mail in another spelling is not taken.
pub async fn an_update_may_respell_the_users_own_email<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let user = inserted(fixture, 1).await;
    let respelled = User {
        email: email(&user.email.as_str().to_uppercase()),
        ..user.clone()
    };
    assert_ne!(respelled.email.as_str(), user.email.as_str());
    if let Err(error) = store.update(&respelled).await {
        panic!("a user's own e-mail may be respelled: {error}");
    }
    let expected = User {
        revision: user.revision + 1,
        ..respelled
    };
    let found = answered(store.find_by_email(user.email.normalized()).await);
    assert_same(found, &expected, "a respelled e-mail is stored as typed");
}

/// After a change of e-mail, the new one finds the user. The old one finds no user, and is free.
pub async fn a_changed_email_is_found_and_the_old_one_is_free<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let old = inserted(fixture, 1).await;
    let moved = User {
        email: email("moved@example.com"),
        ..old.clone()
    };
    answered(store.update(&moved).await);
    assert!(
        answered(store.find_by_email(old.email.normalized()).await).is_none(),
        "the old e-mail finds nobody"
    );
    let found = answered(store.find_by_email(moved.email.normalized()).await);
    assert_eq!(
        found.map(|user| user.id),
        Some(old.id.clone()),
        "the new e-mail finds the user"
    );
    let successor = match store.insert(new_user(fixture, 1)).await {
        Ok(user) => user,
        Err(error) => panic!("the old e-mail is free: {error}"),
    };
    let found = answered(store.find_by_email(old.email.normalized()).await);
    assert_same(found, &successor, "the old e-mail finds its new owner");
}

/// Of parallel updates of 20 users to one e-mail, exactly one succeeds. The others are
/// [`UpdateUserError::EmailTaken`] and write nothing.
pub async fn of_parallel_updates_to_one_email_exactly_one_succeeds<F: UserFixture>(fixture: &F) {
    for round in 0..ROUNDS {
        race_to_one_email(fixture, 1000 * round).await;
    }
}

async fn race_to_one_email<F: UserFixture>(fixture: &F, first: u32) {
    let store = fixture.store();
    let wanted = email(&format!("wanted-{first}@example.com"));
    let mut users = Vec::new();
    for n in first..first + 20 {
        users.push(inserted(fixture, n).await);
    }
    let answers = at_once(users.clone().into_iter().map(|user| {
        let store = fixture.store();
        let write = User {
            email: wanted.clone(),
            ..user
        };
        async move { store.update(&write).await }
    }))
    .await;

    let mut winners = 0;
    for (user, answer) in users.iter().zip(answers) {
        match answer {
            Ok(()) => winners += 1,
            Err(UpdateUserError::EmailTaken) => {
                assert_same(
                    answered(store.find(&user.id).await),
                    user,
                    "a losing update writes nothing",
                );
            }
            Err(error) => panic!("a losing update is `EmailTaken`, not {error}"),
        }
    }
    assert_eq!(winners, 1, "of 20 parallel updates to one e-mail one succeeds");
}
