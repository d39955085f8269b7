//! The promises of a [`ListUsers`].
//!
//! # Panics
//! Each function panics if the promise in its name is broken.

use std::num::NonZeroU32;

use super::{
    UserFixture, answered, failed,
    sample::{differing_field, email, insert, inserted, new_user},
};
use crate::{Email, ListUsers, NewUser, User, UserStore as _, outdated_emails};

/// The pages have each user once, with every field, even if the last user of a page is deleted meanwhile.
pub async fn pages_hold_each_user_once<F>(fixture: &F)
where
    F: UserFixture,
    F::Store: ListUsers<F::Id, F::Profile>,
{
    let store = fixture.store();
    let three = NonZeroU32::MIN.saturating_add(2);
    assert!(
        answered(store.list(None, three).await).is_empty(),
        "an empty store lists nobody"
    );
    let mut expected = Vec::new();
    for n in 0..7 {
        expected.push(inserted(fixture, n).await);
    }
    let mut listed: Vec<User<F::Id, F::Profile>> = Vec::new();
    for length in [3, 3, 1] {
        let last = listed.last().map(|user| user.id.clone());
        if let Some(id) = last.as_ref().filter(|_| length == 1) {
            answered(store.delete(id).await);
        }
        let page = answered(store.list(last.as_ref(), three).await);
        assert_eq!(page.len(), length, "a page is full unless it is the last");
        listed.extend(page);
    }
    for user in &expected {
        let found: Vec<_> = listed.iter().filter(|listed| listed.id == user.id).collect();
        assert_eq!(found.len(), 1, "each user is listed once");
        assert_eq!(
            differing_field(found[0], user),
            None,
            "a user is listed as it stands"
        );
    }
}

/// Users whose e-mail an older version normalised differently are found, together with other users of the right form.
/// They can get the right form, and their old form is then free.
pub async fn outdated_emails_are_found_and_can_be_mended<F>(fixture: &F)
where
    F: UserFixture,
    F::Store: ListUsers<F::Id, F::Profile>,
{
    let store = fixture.store();
    let rows = [
        // By the rule that took ß for ss in a domain, too.
        ("m@weiß.example", "m@weiss.example"),
        ("b@straße.example", "b@strasse.example"),
        ("b@straße.example", "b@xn--strae-oqa.example"),
        ("ad\u{1d173}min@example.net", "ad\u{1d173}min@example.net"),
        ("ada@example.net", "ada@example.net"),
    ];
    let mut ids = Vec::new();
    for (n, (address, normalized)) in (0..).zip(rows) {
        let new = NewUser {
            email: Email::from_stored(address.to_owned(), normalized.to_owned()),
            ..new_user(fixture, n)
        };
        ids.push(insert(fixture, new).await.id);
    }
    let mut found = answered(outdated_emails(&*store).await);
    found.sort_by_key(|found| ids.iter().position(|id| *id == found.user.id));
    let seen: Vec<_> = found
        .iter()
        .map(|found| {
            let right = found.email.as_ref().map(|email| email.normalized().as_str());
            (found.user.id.clone(), right, found.same_as.clone())
        })
        .collect();
    let expected = [
        (ids[0].clone(), Some("m@xn--wei-7ka.example"), vec![]),
        (
            ids[1].clone(),
            Some("b@xn--strae-oqa.example"),
            vec![ids[2].clone()],
        ),
        (ids[3].clone(), None, vec![]),
    ];
    assert_eq!(seen, expected, "the users of an older rule are found");

    let mut user = found.swap_remove(0).user;
    user.email = email(user.email.as_str());
    answered(store.update(&user).await);
    let right = answered(store.find_by_email(user.email.normalized()).await);
    assert_eq!(
        right.map(|user| user.id).as_ref(),
        Some(&ids[0]),
        "the right form finds the user"
    );
    let other = NewUser {
        email: email("m@weiss.example"),
        ..new_user(fixture, 9)
    };
    assert!(
        store.insert(other).await.is_ok(),
        "what the user had by mistake is free"
    );
    assert_eq!(answered(outdated_emails(&*store).await).len(), 2, "one is mended");
}

/// If the data is out of reach, a list is an error, not empty: an empty list would end the search for outdated e-mails.
pub async fn a_list_out_of_reach_is_a_failure<F>(fixture: &F)
where
    F: UserFixture,
    F::Store: ListUsers<F::Id, F::Profile>,
{
    let Some(store) = fixture.out_of_reach().await else {
        return;
    };
    failed("list", store.list(None, NonZeroU32::MIN).await);
    failed("outdated_emails", outdated_emails(&*store).await);
}
