//! A profile of real columns and integer ids, over HTTP: registered, read, changed in part and queried.

use actix_web::{App, body::MessageBody, dev::ServiceResponse, http::Method, test};
use custom_user::{database, service};
use diesel::connection::SimpleConnection as _;
use portcullis::{SigningSecret, users::UserUpdate};
use serde_json::{Value, json};

/// The status and the JSON of the answer to a call; `null` for an empty one.
macro_rules! call {
    ($app:expr, $token:expr, $method:ident $path:expr $(, $body:expr)?) => {{
        let request = test::TestRequest::default().method(Method::$method).uri($path);
        let request = request.insert_header(("authorization", format!("Bearer {}", $token)));
        $(let request = request.set_json($body);)?
        answer(test::call_service(&$app, request.to_request()).await).await
    }};
}

/// A token of the user with this e-mail.
macro_rules! log_in {
    ($app:expr, $email:expr) => {{
        let form = [("username", $email), ("password", "correct horse battery")];
        let request = test::TestRequest::post()
            .uri("/auth/db/login")
            .set_form(form)
            .to_request();
        let (status, body) = answer(test::call_service(&$app, request).await).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().expect("token").to_owned()
    }};
}

async fn answer<B: MessageBody>(response: ServiceResponse<B>) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = test::read_body(response).await;
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn ada() -> Value {
    json!({
        "email": "ada@example.com", "password": "correct horse battery",
        "first_name": "Ada", "birthdate": "1815-12-10", "id": 77, "is_superuser": true,
    })
}

#[actix_web::test]
async fn a_profile_is_registered_read_changed_in_part_and_queried() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("library.db").display().to_string();
    let database = database::open(&path).await.expect("database");
    let auth = service::auth(&database, &SigningSecret::generate().expect("secret")).expect("auth");
    let app = test::init_service(App::new().configure(service::routes(&auth, &database))).await;

    let expected = json!({
        "id": 1, "email": "ada@example.com", "is_active": true, "is_superuser": false, "is_verified": false,
        "first_name": "Ada", "birthdate": "1815-12-10",
    });
    assert_eq!(
        call!(app, "", POST "/auth/register", ada()),
        (201, expected.clone())
    );
    let token = log_in!(app, "ada@example.com");
    assert_eq!(call!(app, token, GET "/users/me"), (200, expected));
    let request = test::TestRequest::get()
        .uri("/users/me")
        .insert_header(("authorization", format!("Bearer {token}")))
        .to_request();
    let body = test::read_body(test::call_service(&app, request).await).await;
    assert_eq!(
        std::str::from_utf8(&body).expect("UTF-8"),
        concat!(
            r#"{"id":1,"email":"ada@example.com","is_active":true,"is_superuser":false,"is_verified":false,"#,
            r#""first_name":"Ada","birthdate":"1815-12-10"}"#
        ),
        "the order of the contract, the profile's fields last"
    );

    macro_rules! patch {
        ($body:expr) => {
            call!(app, token, PATCH "/users/me", $body)
        };
    }
    assert_eq!(
        patch!(json!({"first_name": "Ada L."})).1["birthdate"],
        "1815-12-10",
        "what is not named stays"
    );
    let (status, body) = patch!(json!({"birthdate": null}));
    assert_eq!(
        (status, &body["first_name"], &body["birthdate"]),
        (200, &json!("Ada L."), &Value::Null)
    );
    let (status, body) = patch!(json!({"birthdate": "1815-12-10", "password": "short"}));
    assert_eq!(
        (status, &body["detail"]["code"]),
        (400, &json!("UPDATE_USER_INVALID_PASSWORD"))
    );
    assert_eq!(
        call!(app, token, GET "/users/me").1["birthdate"],
        Value::Null,
        "all or nothing"
    );
    assert_eq!(patch!(json!({"birthdate": "1815-12-10"})).0, 200);

    let query = "/members/born-before/1900-01-01";
    assert_eq!(call!(app, token, GET query).0, 403);
    let user = auth.users().find(&1).await.expect("store").expect("user");
    let superuser = UserUpdate::default().superuser(true);
    auth.users().update(user, &superuser).await.expect("update");
    let found = json!([{"first_name": "Ada L.", "birthdate": "1815-12-10"}]);
    assert_eq!(call!(app, token, GET query), (200, found));
    assert_eq!(
        call!(app, token, GET "/members/born-before/1800-01-01"),
        (200, json!([]))
    );

    for id in ["2", "x", "1.0", "9223372036854775808"] {
        assert_eq!(call!(app, token, GET & format!("/users/{id}")).0, 404, "{id}");
    }
    assert_eq!(call!(app, token, GET "/users/1").0, 200);

    assert_eq!(call!(app, token, DELETE "/users/me"), (204, Value::Null));
    assert_eq!(call!(app, token, GET "/users/me").0, 401);
    let mut again = ada();
    again["password"] = json!("another long password");
    assert_eq!(
        call!(app, token, POST "/auth/register", again).1["id"],
        2,
        "no id is given twice"
    );
}

#[actix_web::test]
async fn a_field_that_does_not_fit_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("library.db").display().to_string();
    let database = database::open(&path).await.expect("database");
    let auth = service::auth(&database, &SigningSecret::generate().expect("secret")).expect("auth");
    let app = test::init_service(App::new().configure(service::routes(&auth, &database))).await;

    let mut bodies = vec![];
    for (field, value) in [
        ("first_name", json!(7)),
        ("birthdate", json!("10/12/1815")),
        ("first_name", Value::Null),
    ] {
        let mut body = ada();
        body[field] = value;
        bodies.push((field, body));
    }
    let mut missing = ada();
    missing.as_object_mut().expect("object").remove("first_name");
    bodies.push(("first_name", missing));
    for (field, body) in bodies {
        let (status, answer) = call!(app, "", POST "/auth/register", body);
        assert_eq!(
            (status, &answer["detail"][0]["loc"]),
            (422, &json!(["body", field])),
            "{answer}"
        );
    }
    let mut nul = ada();
    nul["first_name"] = json!("A\0da");
    assert_eq!(
        call!(app, "", POST "/auth/register", nul),
        (400, json!({"detail": "Bad Request"}))
    );

    let registered = call!(app, "", POST "/auth/register", ada());
    assert_eq!(
        (registered.0, &registered.1["id"]),
        (201, &json!(1)),
        "nothing was written before"
    );
    let token = log_in!(app, "ada@example.com");
    let (status, answer) = call!(app, token, PATCH "/users/me", json!({"first_name": null}));
    assert_eq!(
        (status, &answer["detail"][0]["loc"]),
        (422, &json!(["body", "first_name"])),
        "{answer}"
    );
}

#[actix_web::test]
async fn a_field_that_the_application_made_unique_is_400_where_it_is_taken_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("library.db").display().to_string();
    let database = database::open(&path).await.expect("database");
    let unique = "CREATE UNIQUE INDEX members_first_name ON members (first_name)";
    database
        .write(move |connection| connection.batch_execute(unique))
        .await
        .expect("an index");
    let auth = service::auth(&database, &SigningSecret::generate().expect("secret")).expect("auth");
    let app = test::init_service(App::new().configure(service::routes(&auth, &database))).await;

    assert_eq!(call!(app, "", POST "/auth/register", ada()).0, 201);
    let mut ben = ada();
    ben["email"] = json!("ben@example.com");
    assert_eq!(
        call!(app, "", POST "/auth/register", ben.clone()),
        (400, json!({"detail": "REGISTER_PROFILE_ALREADY_EXISTS"}))
    );
    ben["first_name"] = json!("Ben");
    assert_eq!(call!(app, "", POST "/auth/register", ben).0, 201);
    let token = log_in!(app, "ben@example.com");
    let taken = json!({"first_name": "Ada", "email": "b@example.com"});
    assert_eq!(
        call!(app, token, PATCH "/users/me", taken),
        (400, json!({"detail": "UPDATE_USER_PROFILE_ALREADY_EXISTS"}))
    );
    let (_, me) = call!(app, token, GET "/users/me");
    assert_eq!(
        (&me["first_name"], &me["email"]),
        (&json!("Ben"), &json!("ben@example.com"))
    );
    let twice = json!({"email": "ada@example.com"});
    assert_eq!(
        call!(app, token, PATCH "/users/me", twice).1,
        json!({"detail": "UPDATE_USER_EMAIL_ALREADY_EXISTS"}),
        "the e-mail keeps its own code"
    );
}

#[actix_web::test]
async fn u1_a_value_that_its_column_does_not_take_is_a_422_that_names_the_field() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("library.db").display().to_string();
    let database = database::open(&path).await.expect("database");
    let auth = service::auth(&database, &SigningSecret::generate().expect("secret")).expect("auth");
    let app = test::init_service(App::new().configure(service::routes(&auth, &database))).await;
    let refused = |answer: (u16, Value)| {
        assert_eq!(answer.0, 422, "{answer:?}");
        let error = &answer.1["detail"][0];
        assert_eq!(error["loc"], json!(["body", "first_name"]), "{error}");
        assert!(!error.to_string().contains("AAA"), "{error}");
    };
    let mut body = ada();
    body["first_name"] = json!("A".repeat(101));
    refused(call!(app, "", POST "/auth/register", &body));
    assert_eq!(
        call!(app, "", POST "/auth/register", ada()).0,
        201,
        "nothing was written"
    );
    let token = log_in!(app, "ada@example.com");
    refused(call!(app, token, PATCH "/users/me", json!({"first_name": "A".repeat(101), "birthdate": null})));
    let (_, me) = call!(app, token, GET "/users/me");
    assert_eq!(
        (&me["first_name"], &me["birthdate"]),
        (&json!("Ada"), &json!("1815-12-10"))
    );
}
