//! The application's own stores keep every promise of the suite, and its columns can be queried.

use std::{sync::Arc, time::Duration};

use custom_user::{
    database,
    member::{MemberTokens, Members, Profile, members_born_before},
};
use portcullis::{
    sql::sqlite::{self, Database, Pool},
    store::{Clock as _, NewUser, SystemClock, UserStore as _},
    testing::conformance::{AccessTokenFixture, UserFixture},
};
use tempfile::TempDir;
use time::{Date, macros::date};

struct Library {
    database: Database,
    members: Arc<Members>,
    tokens: Arc<MemberTokens>,
    folder: TempDir,
}

async fn library() -> Library {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("library.db").display().to_string();
    let database = database::open(&path).await.expect("a database");
    // Many wait for one writer here: the suite asks for an order, not for speed.
    let database = database.deadline(Duration::from_secs(20)).expect("a deadline");
    Library {
        members: Arc::new(Members::new(&database)),
        tokens: Arc::new(MemberTokens::new(&database)),
        database,
        folder,
    }
}

impl Library {
    /// A pool of its own on the same file, as another process has.
    async fn pool(&self) -> Pool {
        let path = self.folder.path().join("library.db").display().to_string();
        sqlite::connect(&path).await.expect("a database")
    }

    /// A pool that was closed, so that nothing can be reached by it.
    async fn closed(&self) -> Pool {
        let pool = self.pool().await;
        pool.close();
        pool
    }
}

fn new_member(email: String, first_name: &str, birthdate: Option<Date>) -> NewUser<i64, Profile> {
    let mut new = NewUser::new(
        email.parse().expect("an e-mail"),
        Profile {
            first_name: first_name.to_owned(),
            birthdate,
        },
        SystemClock.now(),
    );
    new.id = None;
    new
}

impl UserFixture for Library {
    type Id = i64;
    type Profile = Profile;
    type Store = Members;

    fn store(&self) -> Arc<Members> {
        Arc::clone(&self.members)
    }

    async fn another_process(&self) -> Arc<Members> {
        Arc::new(Members::new(self.pool().await))
    }

    async fn out_of_reach(&self) -> Option<Arc<Members>> {
        Some(Arc::new(Members::new(self.closed().await)))
    }

    fn profile(&self, n: u32) -> Profile {
        Profile {
            first_name: format!("Zoë {n}"),
            birthdate: (!n.is_multiple_of(3)).then(|| {
                date!(1970 - 01 - 01)
                    .checked_add(time::Duration::days(n.into()))
                    .expect("a date")
            }),
        }
    }
}

impl AccessTokenFixture for Library {
    type Id = i64;
    type Store = MemberTokens;

    fn store(&self) -> Arc<MemberTokens> {
        Arc::clone(&self.tokens)
    }

    async fn another_process(&self) -> Arc<MemberTokens> {
        Arc::new(MemberTokens::new(self.pool().await))
    }

    async fn out_of_reach(&self) -> Option<Arc<MemberTokens>> {
        Some(Arc::new(MemberTokens::new(self.closed().await)))
    }

    async fn user(&self, id: Option<i64>) -> i64 {
        let email = format!("{}@example.com", portcullis::store::TokenId::generate());
        let mut member = new_member(email, "Ada", None);
        member.id = id;
        let member = self.members.insert(member).await;
        member.expect("a member").id
    }
}

mod members {
    portcullis::testing::user_store_conformance!(super::library);
}

mod tokens {
    portcullis::testing::access_token_store_conformance!(super::library);
}

mod token_index {
    portcullis::testing::access_token_index_conformance!(super::library);
}

mod token_purge {
    portcullis::testing::purge_expired_conformance!(super::library);
}

#[tokio::test]
async fn members_are_found_by_a_column_of_the_profile() {
    let library = library().await;
    for (name, birthdate) in [
        ("Ada", Some(date!(1815 - 12 - 10))),
        ("Ben", None),
        ("Eve", Some(date!(1990 - 05 - 17))),
        ("Kim", Some(date!(1815 - 12 - 09))),
    ] {
        let member = new_member(format!("{name}@example.com"), name, birthdate);
        library.members.insert(member).await.expect("a member");
    }
    let old = members_born_before(&library.database, date!(1990 - 05 - 17))
        .await
        .expect("an answer");
    let names: Vec<_> = old.iter().map(|profile| profile.first_name.as_str()).collect();
    assert_eq!(names, ["Kim", "Ada"]);
}
