//! Making the default tables.

use auth_core::{AccessToken, AccessTokenStore as _, UserStore as _};
use auth_sql::{DigestColumn, InstantColumn, UuidColumn};
use diesel::{migration::CREATE_MIGRATIONS_TABLE, prelude::*};
use diesel_async::RunQueryDsl;
use time::Duration;
use uuid::Uuid;

use super::{
    older::LogIns,
    sample::{new_token, new_user, now},
};
use crate::backend::{
    FIRST_STEPS, INDEXES, LAST_STEPS_UNDONE, Place, TABLE_END, Tokens, Users, migrate,
    schema::{access_tokens, users},
};

pub(crate) async fn migrations_run_once_whoever_starts_them() {
    let place = Place::new().await;
    let processes: Vec<_> = (0..8)
        .map(|_| {
            let pool = place.pool(2);
            tokio::spawn(async move {
                migrate(&pool).await.expect("tables");
                migrate(&pool).await.expect("nothing to do");
            })
        })
        .collect();
    for process in processes {
        process.await.expect("a migrated database");
    }
    let taken = place
        .number("SELECT count(*) AS number FROM __diesel_schema_migrations")
        .await;
    assert_eq!(taken, 5, "each step is noted once");
    let user = Users::new(place.database(1)).insert(new_user("ada", ())).await;
    user.expect("a user");
}

pub(crate) async fn migrations_leave_the_applications_own_tables_alone() {
    let place = Place::new().await;
    let table = format!("CREATE TABLE users (name text) {TABLE_END}; INSERT INTO users VALUES ('ada');");
    place.run(&table).await;
    let pool = place.pool(1);
    migrate(&pool).await.expect_err("the name is taken");
    migrate(&pool)
        .await
        .expect_err("it still is, and nobody holds a lock");
    assert_eq!(
        place
            .number("SELECT count(*) AS number FROM users WHERE name = 'ada'")
            .await,
        1
    );
    place.run("DROP TABLE users").await;
    migrate(&pool)
        .await
        .expect("what could not be done was left undone");
}

/// The tables of a release that knew neither backends nor generations, and the id of Ada in them.
async fn older_tables(place: &Place) -> (Tokens, Uuid) {
    for step in FIRST_STEPS {
        place.run(step).await;
    }
    place.run(CREATE_MIGRATIONS_TABLE).await;
    place
        .run("INSERT INTO __diesel_schema_migrations (version) VALUES ('20260801000001'), ('20260801000002')")
        .await;
    let database = place.database(2);
    (Tokens::new(&database), insert_user_as_before(place).await)
}

/// As that release did.
async fn insert_user_as_before(place: &Place) -> Uuid {
    let id = Uuid::now_v7();
    let ada = new_user("ada", ()).into_user(id);
    let row = (
        users::id.eq(UuidColumn(id)),
        users::email.eq(ada.email.as_str()),
        users::normalized_email.eq(ada.email.normalized().as_str()),
        users::is_active.eq(ada.is_active),
        users::is_superuser.eq(ada.is_superuser),
        users::is_verified.eq(ada.is_verified),
        users::security_epoch.eq(ada.security_epoch),
        users::revision.eq(ada.revision),
        users::created_at.eq(InstantColumn::new(ada.created_at)),
        users::updated_at.eq(InstantColumn::new(ada.updated_at)),
    );
    let pool = place.pool(1);
    let mut connection = pool.get().await.expect("a connection");
    let insert = diesel::insert_into(users::table).values(row);
    RunQueryDsl::execute(insert, &mut *connection)
        .await
        .expect("a row");
    id
}

/// As that release did.
async fn insert_as_before(place: &Place, token: &AccessToken) {
    let row = (
        access_tokens::id.eq(UuidColumn(token.id.0)),
        access_tokens::digest.eq(DigestColumn(token.digest)),
        access_tokens::user_id.eq(UuidColumn(token.user_id)),
        access_tokens::epoch.eq(token.epoch),
        access_tokens::created_at.eq(InstantColumn::new(token.created_at)),
        access_tokens::expires_at.eq(token.expires_at.map(InstantColumn::new)),
        access_tokens::last_used_at.eq(InstantColumn::new(token.last_used_at)),
    );
    let pool = place.pool(1);
    let mut connection = pool.get().await.expect("a connection");
    let insert = diesel::insert_into(access_tokens::table).values(row);
    RunQueryDsl::execute(insert, &mut *connection)
        .await
        .expect("a row");
}

pub(crate) async fn log_ins_of_older_tables_live_on_and_end_when_they_would_have_ended() {
    let place = Place::new().await;
    let (tokens, ada) = older_tables(&place).await;
    let (ending_key, ending) = new_token(&ada, "ends");
    let ending = ending.ending(Some(now() + Duration::milliseconds(86_400_001)));
    let (endless_key, endless) = new_token(&ada, "never ends");
    for token in [&ending, &endless] {
        insert_as_before(&place, token).await;
    }

    migrate(&place.pool(1)).await.expect("new columns");
    let found = async |key| tokens.find(&key).await.expect("an answer");
    assert_eq!(found(ending_key).await, Some(ending.clone()));
    assert_eq!(found(endless_key).await, Some(endless.clone()));

    for step in LAST_STEPS_UNDONE {
        place.run(step).await;
    }
    place
        .run("DELETE FROM __diesel_schema_migrations WHERE version >= '20261130000001'")
        .await;
    let (newer_key, newer) = new_token(&ada, "of the older release");
    insert_as_before(&place, &newer).await;
    migrate(&place.pool(1)).await.expect("new columns again");
    assert_eq!(place.number("SELECT count(*) AS number FROM sessions").await, 0);
    let found_ada = Users::new(place.database(1)).find(&ada).await;
    let found_ada = found_ada.expect("an answer").expect("a user of older tables");
    assert!(found_ada.roles.is_empty(), "who had no roles has none");
    for (key, token) in [(ending_key, ending), (endless_key, endless), (newer_key, newer)] {
        assert_eq!(found(key).await, Some(token));
    }
}

pub(crate) async fn log_ins_of_older_tables_are_listed_advanced_and_counted_by_a_cap() {
    let place = Place::new().await;
    let (tokens, ada) = older_tables(&place).await;
    let log_ins = LogIns::of(ada);
    for token in [&log_ins.oldest, &log_ins.older] {
        insert_as_before(&place, token).await;
    }
    migrate(&place.pool(1)).await.expect("new columns");
    log_ins.are_listed_advanced_and_counted_by_a_cap(&tokens).await;
}

pub(crate) async fn a_purge_and_each_look_up_have_an_index() {
    let place = Place::migrated().await;
    assert_eq!(place.number(INDEXES).await, 7);
}
