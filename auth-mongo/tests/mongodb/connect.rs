//! URLs.

use auth_core::UserStore as _;
use auth_mongo::{MongoUserStore, connect};
use uuid::Uuid;

use super::database::{TestDatabase, new_user, url};

#[tokio::test]
async fn a_url_that_cannot_be_used_names_the_setting_and_is_not_repeated() {
    for url in [
        "",
        "open-sesame",
        "postgres://ada:open-sesame@localhost/auth",
        "mongodb://",
        "mongodb://ada:open-sesame@localhost",
        "mongodb://ada:open-sesame@localhost/",
        "mongodb://ada:open-sesame:twice@localhost/auth",
        "mongodb://ada:open-sesame@localhost:port/auth",
        "mongodb://ada:open-sesame@localhost/auth?w=open-sesame&w=-1",
        "mongodb://ada:open-sesame@localhost/auth?readPreference=open-sesame",
        "mongodb://ada:open-sesame@localhost/auth?tls=true&tlsCAFile=/open-sesame",
        "mongodb://ada:open-sesame@one,two/auth?directConnection=true",
        "mongodb://localhost/auth?authMechanism=open-sesame",
    ] {
        let error = connect(url).await.expect_err(url);
        assert_eq!(error.setting(), "database URL", "{url}");
        assert!(!format!("{error} {error:?}").contains("open-sesame"), "{error}");
    }
}

#[tokio::test]
async fn n10_a_server_that_cannot_be_used_is_named_with_the_next_step() {
    let refused = connect("mongodb://ada:p@sesame@localhost/auth").await;
    let message = refused.expect_err("a password that is not encoded").to_string();
    assert!(
        message.contains("`@` is `%40`") && !message.contains("sesame"),
        "{message}"
    );

    for (host, cause) in [("127.0.0.1:1", "refused"), ("no-such-host.invalid:7", "lookup")] {
        let url = format!("mongodb://ada:open-sesame@{host}/auth");
        let database = connect(&url).await.expect("a database");
        let users = MongoUserStore::<Uuid>::builder(&database)
            .build()
            .expect("a store");
        let error = users.find(&Uuid::now_v7()).await.expect_err("nobody is there");
        let message = error.to_string();
        for part in [host, cause, "is the server running"] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(!message.contains("sesame"), "{message}");
    }
}

#[tokio::test]
async fn a_url_names_the_database_and_no_server_is_asked() {
    let database = connect("mongodb://127.0.0.1:1/auth").await.expect("a database");
    assert_eq!(database.name(), "auth");
}

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_server_that_retries_no_writes_is_good_enough() {
    let database = TestDatabase::new().await;
    for retries in [true, false] {
        let url = format!("{}{}?retryWrites={retries}", url(), database.database.name());
        let connected = connect(&url).await.expect("a database");
        assert_eq!(connected.name(), database.database.name());
        let users = MongoUserStore::<Uuid>::builder(&connected)
            .build()
            .expect("a store");
        users.create_indexes().await.expect("indexes");
        let ada = users.insert(new_user("ada", ())).await.expect("a user");
        users.update(&ada).await.expect("an update");
        assert!(users.delete(&ada.id).await.expect("an answer"));
    }
}
