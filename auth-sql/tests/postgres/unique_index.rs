//! What only this database notices.

use auth_core::{InsertUserError, UpdateUserError, UserStore as _};

use crate::{
    library::{library, profile},
    server::sample::new_user,
};

#[test]
#[ignore = "needs PostgreSQL"]
fn a_table_without_a_unique_index_on_the_email_takes_no_user() {
    auth_core::conformance::run(async {
        let library = library().await;
        library
            .place
            .run("ALTER TABLE the_members DROP CONSTRAINT one_each")
            .await;
        let ada = library
            .members
            .insert(new_user("ada", profile("ada", None)))
            .await;
        assert!(matches!(ada, Err(InsertUserError::Store(_))), "{ada:?}");
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn an_index_on_the_email_may_include_another_column() {
    auth_core::conformance::run(async {
        let library = library().await;
        let index = "ALTER TABLE the_members DROP CONSTRAINT one_each; \
                     CREATE UNIQUE INDEX one_each ON the_members (mail_key) INCLUDE (nickname)";
        library.place.run(index).await;
        let member = |name| library.members.insert(new_user(name, profile(name, None)));
        let (ada, mut ben) = (
            member("ada").await.expect("a member"),
            member("ben").await.expect("a member"),
        );
        let twin = member("ada").await;
        assert!(matches!(twin, Err(InsertUserError::EmailTaken)), "{twin:?}");
        ben.email = ada.email;
        let updated = library.members.update(&ben).await;
        assert!(matches!(updated, Err(UpdateUserError::EmailTaken)), "{updated:?}");
    });
}
