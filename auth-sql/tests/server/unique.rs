//! Unique columns beside the e-mail's, by indexes whose names say nothing.

use auth_core::{InsertUserError, UpdateUserError, User, UserStore as _};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::sample::new_user;
use crate::{
    backend::{Place, Users},
    library::{library, profile, schema::members},
};

pub(crate) async fn a_unique_column_of_the_profile_is_told_from_the_email_and_the_id() {
    let library = library().await;
    let members = &library.members;
    let mut ada = members
        .insert(new_user("ada", profile("ada", Some(1))))
        .await
        .expect("a member");
    let ben = members
        .insert(new_user("ben", profile("ben", Some(2))))
        .await
        .expect("a member");

    let eve = members.insert(new_user("eve", profile("eve", Some(2)))).await;
    assert!(matches!(eve, Err(InsertUserError::ProfileTaken)), "{eve:?}");
    let twin = members.insert(new_user("ben", profile("twin", Some(3)))).await;
    assert!(matches!(twin, Err(InsertUserError::EmailTaken)), "{twin:?}");
    ada.profile.shelf = Some(2);
    let updated = members.update(&ada).await;
    assert!(
        matches!(updated, Err(UpdateUserError::ProfileTaken)),
        "{updated:?}"
    );
    ada.profile.shelf = Some(1);
    ada.email = ben.email.clone();
    let updated = members.update(&ada).await;
    assert!(matches!(updated, Err(UpdateUserError::EmailTaken)), "{updated:?}");
    let found = members
        .find(&ada.id)
        .await
        .expect("an answer")
        .expect("the member");
    assert_eq!((found.revision, found.email.as_str()), (0, "ada@example.com"));

    let place = Place::migrated().await;
    let users = Users::new(place.database(2));
    let ada: User = users.insert(new_user("ada", ())).await.expect("a user");
    let mut twin = new_user("twin", ());
    twin.id = Some(ada.id);
    let twin = users.insert(twin).await;
    assert!(matches!(twin, Err(InsertUserError::Store(_))), "{twin:?}");
}

pub(crate) async fn a_field_of_the_profile_is_a_real_column() {
    let library = library().await;
    for (name, shelf) in [("ada", Some(3)), ("ben", None), ("eve", Some(5))] {
        let member = new_user(name, profile(name, shelf));
        library.members.insert(member).await.expect("a member");
    }
    let high = library.database.read(|connection| {
        let high = members::table
            .filter(members::shelf.gt(3))
            .select(members::nickname);
        Box::pin(RunQueryDsl::load::<String>(high, connection))
    });
    assert_eq!(high.await.expect("an answer"), ["eve"]);
    let high = library
        .place
        .number("SELECT count(*) AS number FROM the_members WHERE shelf > 3");
    assert_eq!(high.await, 1, "another process sees it so, too");
}
