use crate::{
    InsertUserError, NewUser, UpdateUserError, User, UserId as _, UserStore as _,
    conformance::{
        UserFixture, answered,
        parallel::{ROUNDS, at_once},
        sample::{assert_same, email, ids_that_look_alike, insert, inserted, new_user},
    },
};

/// An insertion under a taken id is a [`StoreError`](crate::StoreError), because that is a mistake of the application.
/// The first user stays as it is, and there is no second. A store that makes ids may give the new user another id
/// instead.
pub async fn a_taken_id_is_refused_and_nothing_is_written<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let first = inserted(fixture, 1).await;
    let second = NewUser {
        id: Some(first.id.clone()),
        ..new_user(fixture, 2)
    };
    let email = second.email.clone();
    match store.insert(second).await {
        Err(InsertUserError::Store(_)) => assert!(
            answered(store.find_by_email(email.normalized()).await).is_none(),
            "the refused user is not there"
        ),
        Ok(user) if user.id != first.id && F::Id::generate().is_none() => {
            let found = answered(store.find(&user.id).await);
            assert_same(found, &user, "a user of another id is found by it");
        }
        Ok(_) => panic!("a taken id is not given to another"),
        Err(error) => panic!("a taken id is a failure, not {error:?}"),
    }
    assert_same(
        answered(store.find(&first.id).await),
        &first,
        "the first user stays as it is",
    );
    let found = answered(store.find_by_email(first.email.normalized()).await);
    assert_same(found, &first, "the e-mail stays the first user's");
}

/// Of 16 parallel insertions of one id, exactly one succeeds, and there is one user. A store that makes its ids is not
/// given one.
pub async fn of_parallel_insertions_of_one_id_exactly_one_succeeds<F: UserFixture>(fixture: &F) {
    for round in 0..ROUNDS {
        if let Some(id) = F::Id::generate() {
            race_for_one_id(fixture, &id, 100 * round).await;
        }
    }
}

async fn race_for_one_id<F: UserFixture>(fixture: &F, id: &F::Id, first: u32) {
    let users: Vec<_> = (first..first + 16)
        .map(|n| NewUser {
            id: Some(id.clone()),
            ..new_user(fixture, n)
        })
        .collect();
    let answers = at_once(users.clone().into_iter().map(|user| {
        let store = fixture.store();
        async move { store.insert(user).await }
    }))
    .await;

    let mut winners = Vec::new();
    for answer in answers {
        match answer {
            Ok(user) => winners.push(user),
            Err(InsertUserError::Store(_)) => {}
            Err(error) => panic!("a losing insertion is a failure, not {error:?}"),
        }
    }
    assert_eq!(
        winners.len(),
        1,
        "of 16 parallel insertions of one id one succeeds"
    );
    let (store, winner) = (fixture.store(), &winners[0]);
    assert_same(answered(store.find(id).await), winner, "the winner is found");
    for user in users {
        let found = answered(store.find_by_email(user.email.normalized()).await);
        let is_winner = user.email.as_str() == winner.email.as_str();
        assert_eq!(found.is_some(), is_winner, "no loser is found by e-mail");
    }
}

/// Ids that differ only in case, or in a trailing space, belong to different users, for look-ups, updates, deletions and
/// insertions. Ids with only one spelling have nothing to show here.
pub async fn ids_are_compared_byte_for_byte<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    for [id, other_id] in ids_that_look_alike::<F::Id>() {
        let new = |id: &F::Id, n| NewUser {
            id: Some(id.clone()),
            email: email(&format!("{}@example.com", crate::TokenId::generate())),
            ..new_user(fixture, n)
        };
        let user = insert(fixture, new(&id, 1)).await;
        assert!(
            answered(store.find(&other_id).await).is_none(),
            "another id finds nobody"
        );
        let twin = User {
            id: other_id.clone(),
            email: new(&other_id, 3).email,
            ..user.clone()
        };
        assert!(
            matches!(store.update(&twin).await, Err(UpdateUserError::Conflict)),
            "another id updates nobody"
        );
        assert!(
            !answered(store.delete(&other_id).await),
            "another id deletes nobody"
        );
        let other = match store.insert(new(&other_id, 2)).await {
            Ok(user) => user,
            Err(error) => panic!("another id is free: {error:?}"),
        };
        for user in [&user, &other] {
            assert_same(
                answered(store.find(&user.id).await),
                user,
                "each id finds its user",
            );
        }
        assert!(
            answered(store.delete(&other_id).await),
            "each id deletes its user"
        );
        assert_same(
            answered(store.find(&id).await),
            &user,
            "the user of another id stays",
        );
    }
}
