//! A7 on a server whose texts cannot hold a NUL: it answers such an id with an error, which costs the connection.

use std::{env, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use diesel_async::SimpleAsyncConnection as _;
use portcullis::{
    ExposeSecret as _, SigningSecret,
    sql::postgres,
    store::UserStore,
    testing::Mailbox,
    users::{Registration, ResetPasswordError, UserManager, VerifyError},
};
use uuid::Uuid;

use crate::harness::{NEW_PASSWORD, PASSWORD, address, run};

diesel::table! {
    people (id) {
        id -> Text,
        email -> Text,
        normalized_email -> Text,
        password_hash -> Nullable<Text>,
        is_active -> Bool,
        is_superuser -> Bool,
        is_verified -> Bool,
        roles -> Text,
        security_epoch -> BigInt,
        revision -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

portcullis::sql::user_store! {
    struct People: Postgres { table: people, id: String, profile: () }
}

const TABLE: &str = "CREATE TABLE people (
    id text COLLATE \"C\" PRIMARY KEY, email text NOT NULL, normalized_email text COLLATE \"C\" NOT NULL UNIQUE,
    password_hash text, is_active boolean NOT NULL, is_superuser boolean NOT NULL, is_verified boolean NOT NULL,
    roles text NOT NULL DEFAULT '',
    security_epoch bigint NOT NULL, revision bigint NOT NULL, created_at bigint NOT NULL, updated_at bigint NOT NULL)";

async fn execute(url: &str, statement: &str) {
    let pool = postgres::connect(url).expect("a pool");
    let mut connection = pool.get().await.expect("a connection");
    connection.batch_execute(statement).await.expect(statement);
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a7_a_nul_in_the_id_of_a_mailed_token_is_a_bad_token() {
    run(async {
        let server = env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL names a PostgreSQL server");
        let schema = format!("test_{}", Uuid::new_v4().simple());
        let end = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{end}sslmode=disable&options=-c%20search_path%3D{schema}");
        execute(&server, &format!("CREATE SCHEMA {schema}")).await;
        execute(&url, TABLE).await;
        let pool = postgres::connect(&url).expect("a pool");
        let people: Arc<dyn UserStore<String>> = Arc::new(People::new(pool));
        let mailbox = Arc::new(Mailbox::new());
        let users = UserManager::builder(people, &SigningSecret::generate().expect("random"))
            .mailer(mailbox.clone())
            .build()
            .expect("users");
        let email = address("percival").parse().expect("an e-mail");
        let user = users
            .create(Registration::new(email, PASSWORD.into(), ()))
            .await
            .expect("registered");
        users.request_verify(&user.email).await.expect("asked for");
        users.outbox().drained().await;
        let token = mailbox.take().pop().expect("a mail").token;
        let mut bytes = URL_SAFE_NO_PAD.decode(token.expose_secret()).expect("base64url");
        let last = bytes.last_mut().expect("an id");
        *last = 0;
        let forged = URL_SAFE_NO_PAD.encode(bytes);
        let verified = users.verify(&forged).await;
        assert!(matches!(verified, Err(VerifyError::BadToken)), "{verified:?}");
        let reset = users.reset_password(&forged, &NEW_PASSWORD.into()).await;
        assert!(matches!(reset, Err(ResetPasswordError::BadToken)), "{reset:?}");
        users
            .verify(token.expose_secret())
            .await
            .expect("the token itself is good");
        execute(&server, &format!("DROP SCHEMA {schema} CASCADE")).await;
    });
}
