use crate::{
    InsertUserError, NewUser, PasswordHash, UserId as _, UserStore as _,
    conformance::{
        UserFixture, answered,
        parallel::{ROUNDS, at_once},
        sample::{assert_same, email, insert, inserted, new_user},
    },
};

/// [`UserStore::insert`](crate::UserStore::insert) returns the user that was given, and look-ups by id and e-mail find
/// it: instants to the millisecond, an absent hash, letters beyond ASCII, the e-mail as typed, the profile. Epoch and
/// revision are 0.
pub async fn an_inserted_user_is_found_with_every_field<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    for n in 0..8 {
        let new = new_user(fixture, n);
        let returned = insert(fixture, new.clone()).await;
        let expected = new.into_user(returned.id.clone());
        assert_same(Some(returned), &expected, "what insertion returns");
        assert_same(
            answered(store.find(&expected.id).await),
            &expected,
            "an inserted user is found by id",
        );
        let found = answered(store.find_by_email(expected.email.normalized()).await);
        assert_same(found, &expected, "an inserted user is found by e-mail");
    }
}

/// A user gets the given id. An id that the database makes belongs to one user only.
pub async fn an_inserted_user_keeps_the_id_that_it_was_given<F: UserFixture>(fixture: &F) {
    let (one, two) = (new_user(fixture, 1), new_user(fixture, 2));
    let given = [one.id.clone(), two.id.clone()];
    let made = [insert(fixture, one).await.id, insert(fixture, two).await.id];
    assert_ne!(made[0], made[1], "two users have two ids");
    for (given, made) in given.into_iter().zip(made) {
        assert!(given.is_none_or(|given| given == made), "a given id is kept");
    }
}

/// An unknown id or e-mail finds no user, also in an empty store.
pub async fn an_unknown_user_is_not_found<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let nobody = email("nobody@example.com");
    assert!(
        answered(store.find_by_email(nobody.normalized()).await).is_none(),
        "nobody is found by e-mail in an empty store"
    );
    let unknown = match F::Id::generate() {
        Some(id) => id,
        None => {
            let gone = inserted(fixture, 1).await.id;
            answered(store.delete(&gone).await);
            gone
        }
    };
    inserted(fixture, 2).await;
    assert!(
        answered(store.find(&unknown).await).is_none(),
        "an unknown id finds nobody"
    );
    assert!(
        answered(store.find_by_email(nobody.normalized()).await).is_none(),
        "an unknown e-mail finds nobody"
    );
}

/// An e-mail of 254 bytes, a hash of 512 bytes, quotes, backslashes and emoji are read back unchanged.
pub async fn long_and_odd_values_are_kept<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let longest = format!("{}@example.com", "é".repeat(121));
    assert_eq!(longest.len(), 254);
    let hashes = [
        "h".repeat(512),
        r#"'; DROP TABLE users; -- " \ \\ \n %s ${x} {"$ne":1} "#.to_owned(),
        "\u{1f512}\u{10ffff} \r\n\t".to_owned(),
        String::new(),
    ];
    let emails = [
        longest.as_str(),
        "o'brien`--{$ne}@example.com",
        "\u{1f98a}/*|?=!#&~^@bücher.example",
        "-@a-b.co",
    ];
    for (n, (typed, hash)) in (0..).zip(emails.into_iter().zip(hashes)) {
        let new = NewUser {
            email: email(typed),
            password_hash: Some(PasswordHash::new(hash)),
            ..new_user(fixture, n)
        };
        let expected = new.clone().into_user(insert(fixture, new).await.id);
        assert_same(
            answered(store.find(&expected.id).await),
            &expected,
            "long and odd values are kept",
        );
        let found = answered(store.find_by_email(expected.email.normalized()).await);
        assert_same(found, &expected, "a long or odd e-mail is found");
    }
}

/// An insertion with a taken e-mail is [`InsertUserError::EmailTaken`]; the first user stays as it is, and there is
/// no second.
pub async fn a_taken_email_is_refused_and_nothing_is_written<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let first = inserted(fixture, 1).await;
    let second = NewUser {
        email: first.email.clone(),
        ..new_user(fixture, 2)
    };
    let id = second.id.clone();
    let refused = store.insert(second).await;
    assert!(
        matches!(refused, Err(InsertUserError::EmailTaken)),
        "a taken e-mail is `EmailTaken`, not {:?}",
        refused.map(|user| user.id)
    );
    assert_same(
        answered(store.find(&first.id).await),
        &first,
        "the first user stays as it is",
    );
    let found = answered(store.find_by_email(first.email.normalized()).await);
    assert_same(found, &first, "the e-mail stays the first user's");
    if let Some(id) = id {
        assert!(
            answered(store.find(&id).await).is_none(),
            "the refused user is not there"
        );
    }
}

/// Of 50 parallel insertions of one e-mail, in different spellings, exactly one succeeds. The others are
/// [`InsertUserError::EmailTaken`], and there is one user.
pub async fn of_parallel_insertions_of_one_email_exactly_one_succeeds<F: UserFixture>(fixture: &F) {
    for _round in 0..ROUNDS {
        race_for_one_email(fixture).await;
    }
}

/// Leaves the store as empty as it was.
async fn race_for_one_email<F: UserFixture>(fixture: &F) {
    let spellings = [
        "zoë@example.com",
        "ZOË@EXAMPLE.COM",
        "zoe\u{308}@example.com",
        "Ｚoë@Example.com",
    ];
    let users: Vec<_> = (0..50)
        .zip(spellings.into_iter().cycle())
        .map(|(n, spelling)| NewUser {
            email: email(spelling),
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
            Err(InsertUserError::EmailTaken) => {}
            Err(error) => panic!("a losing insertion is `EmailTaken`, not {error}"),
        }
    }
    assert_eq!(
        winners.len(),
        1,
        "of 50 parallel insertions of one e-mail one succeeds"
    );
    let (store, winner) = (fixture.store(), &winners[0]);
    let found = answered(store.find_by_email(winner.email.normalized()).await);
    assert_same(found, winner, "the winner is found");
    for id in users
        .into_iter()
        .filter_map(|user| user.id)
        .filter(|id| *id != winner.id)
    {
        assert!(answered(store.find(&id).await).is_none(), "no loser is found");
    }
    assert!(answered(store.delete(&winner.id).await), "the winner is deleted");
    assert!(
        answered(store.find_by_email(winner.email.normalized()).await).is_none(),
        "there was one user of the e-mail"
    );
}
