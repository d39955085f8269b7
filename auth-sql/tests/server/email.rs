//! Normalised e-mails in their column.

use auth_core::UserStore as _;
use auth_sql::{InstantColumn, UuidColumn};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::sample::{new_user, now};
use crate::backend::{Place, Users, schema::users};

/// What some collation or padding takes for `ada@example.com` or for another of these.
const OTHERS: [&str; 10] = [
    "ADA@example.com",
    "ada@example.com ",
    "ada@example.com\t",
    " ada@example.com",
    "àda@example.com",
    "a\u{300}da@example.com",
    "ａda@example.com",
    "ada@example.co",
    "aıda@example.com",
    "aİda@example.com",
];

pub(crate) async fn deviation_15_an_email_is_compared_byte_for_byte() {
    let place = Place::migrated().await;
    let database = place.database(2);
    let ada = Users::new(&database)
        .insert(new_user("ada", ()))
        .await
        .expect("a user");
    let found = |email: &'static str| {
        let database = database.clone();
        async move {
            let find = database.read(move |connection| {
                let ids = users::table
                    .filter(users::normalized_email.eq(email))
                    .select(users::id);
                Box::pin(RunQueryDsl::load::<UuidColumn>(ids, connection))
            });
            find.await
                .expect("an answer")
                .into_iter()
                .map(|id| id.0)
                .collect::<Vec<_>>()
        }
    };
    for other in OTHERS {
        assert!(found(other).await.is_empty(), "{other:?} is not ada@example.com");
    }
    assert_eq!(found("ada@example.com").await, [ada.id]);

    for other in OTHERS
        .into_iter()
        .chain(["straße@example.com", "strasse@example.com", "aida@example.com"])
    {
        let id = Uuid::now_v7();
        let insert = database.write(move |connection| {
            let insert = diesel::insert_into(users::table).values((
                users::id.eq(UuidColumn(id)),
                users::email.eq("somebody@example.com"),
                users::normalized_email.eq(other),
                users::is_active.eq(true),
                users::is_superuser.eq(false),
                users::is_verified.eq(false),
                users::security_epoch.eq(0),
                users::revision.eq(0),
                users::created_at.eq(InstantColumn::new(now())),
                users::updated_at.eq(InstantColumn::new(now())),
            ));
            Box::pin(RunQueryDsl::execute(insert, connection))
        });
        insert.await.expect(other);
        assert_eq!(found(other).await, [id], "{other:?}");
    }
}
