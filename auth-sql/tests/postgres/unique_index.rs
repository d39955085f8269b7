//! What only this database notices.

use auth_core::{InsertUserError, UserStore as _};

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
