//! Registration, and the routes of users.

use std::sync::Arc;

use auth_core::{
    ClientInfo, ExposeSecret as _, Lifetime, NewLogIn, NewUser, OpaqueStrategy, SigningSecret, Strategy as _,
    Subject, UserStore,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AuthBackend, BearerTransport, Endpoints, Request};
use auth_users::{MailKind, UserManager};
use portcullis::testing::Mailbox;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    head::Head,
    service::{PASSWORD, Profile, Service, ada, answer, call},
};

#[tokio::test]
async fn v2_u3_a_protected_field_of_the_profile_is_set_by_a_superuser_alone() {
    let service = Service::new();
    let mut other_name = ada();
    other_name["email"] = json!("lovelace@example.com");
    other_name["tier"] = other_name["plan"].take();
    let (status, body) = service.register(other_name).await;
    assert_eq!((status, &body["plan"]), (201, &Value::Null));
    let (status, body) = service.register(ada()).await;
    assert_eq!(
        (status, &body["name"], &body["plan"]),
        (201, &json!("Ada"), &Value::Null)
    );
    let token = service.log_in(None).await.1["access_token"]
        .as_str()
        .expect("token")
        .to_owned();
    let change = json!({"name": "Ada L.", "plan": "enterprise", "tier": "enterprise"});
    let (status, body) = service.patch(None, &token, change.clone()).await;
    assert_eq!(
        (status, &body["name"], &body["plan"]),
        (200, &json!("Ada L."), &Value::Null)
    );

    let id: Uuid = body["id"].as_str().expect("id").parse().expect("id");
    let mut user = service.users.find(&id).await.expect("store").expect("user");
    user.is_superuser = true;
    service.users.update(&user).await.expect("update");
    let change = json!({"plan": "enterprise"});
    let (status, body) = service.patch(Some(&id.to_string()), &token, change).await;
    assert_eq!((status, &body["plan"]), (200, &json!("enterprise")));
}

#[tokio::test]
async fn a_nul_is_refused_in_a_field_of_the_profile_and_ignored_where_nobody_reads_it() {
    let service = Service::new();
    let mut body = ada();
    body["name"] = json!("A\0da");
    assert_eq!(
        service.register(body).await,
        (400, json!({"detail": "Bad Request"}))
    );
    let mut body = ada();
    body["nobody"] = json!("\0");
    assert_eq!(service.register(body).await.0, 201);
}

#[tokio::test]
async fn an_id_with_a_nul_is_nobodys() {
    let users = Arc::new(MemoryUserStore::<String>::new());
    let tokens = Arc::new(MemoryAccessTokenStore::<String>::new());
    let secret = SigningSecret::generate().expect("secret");
    let manager = UserManager::builder(users.clone(), &secret)
        .build()
        .expect("users");
    let strategy = OpaqueStrategy::new(tokens, Lifetime::FOREVER);
    for id in ["arthur", "lance\0lot"] {
        let mut user = NewUser::new(
            format!("{}@example.com", &id[..5]).parse().expect("an e-mail"),
            (),
            OffsetDateTime::UNIX_EPOCH,
        );
        user.id = Some(id.to_owned());
        user.is_superuser = true;
        user.is_verified = true;
        users.insert(user).await.expect("a user");
    }
    let arthur = users
        .find(&"arthur".to_owned())
        .await
        .expect("store")
        .expect("user");
    let token = strategy
        .issue(&NewLogIn::new(
            "db",
            &Subject::from(&arthur),
            &ClientInfo::default(),
        ))
        .await
        .expect("token");
    let endpoints = Endpoints::builder(manager)
        .backend(AuthBackend::new("db", BearerTransport, strategy))
        .build()
        .expect("endpoints");
    let head = Head::to_app(
        "GET",
        vec![(
            "authorization",
            format!("Bearer {}", token.access.secret.expose_secret()),
        )],
    );
    for (id, status) in [("arthur", 200), ("lance\0lot", 404)] {
        let request = Request::new(&head, &[]).with_id(id);
        let answered = answer(call(&endpoints, "users:user", request).await);
        assert_eq!(answered.0, status, "{id:?}");
    }
}

#[tokio::test]
async fn a_route_that_names_its_fields_misses_each_of_them() {
    let service = Service::new();
    let head = Head::to_app("POST", vec![("content-type", "application/json".to_owned())]);
    for body in ["", "[]", "7", "null", "{}"] {
        let request = Request::new(&head, body.as_bytes());
        let (status, body) = answer(call(&service.endpoints, "reset:reset_password", request).await);
        let named: Vec<_> = body["detail"]
            .as_array()
            .expect("list")
            .iter()
            .map(|error| error["loc"].clone())
            .collect();
        assert_eq!(
            (status, named),
            (422, vec![json!(["body", "token"]), json!(["body", "password"])])
        );
    }
}

#[tokio::test]
async fn n6_a_user_whose_new_address_is_mistyped_can_correct_that_and_nothing_else() {
    let service = Service::with(|settings| settings.requires_verification(true));
    let (id, token) = service.verified_ada().await;
    let patch = async |body| service.patch(None, &token, body).await;
    let (status, body) = patch(json!({"email": "ada@exmaple.com"})).await;
    assert_eq!((status, &body["is_verified"]), (200, &json!(false)));

    let forbidden = (403, json!({"detail": "Forbidden"}));
    for body in [
        json!({}),
        json!({"name": "Ada L."}),
        json!({"password": "another horse battery"}),
        json!({"email": "ada@example.org", "name": "Ada L."}),
        json!({"email": "ada@example.org", "password": "another horse battery"}),
        json!({"email": null}),
        json!({"email": "Ada@exmaple.com"}),
        json!(["email"]),
    ] {
        assert_eq!(patch(body.clone()).await, forbidden, "{body}");
    }
    assert_eq!(patch(json!({"email": "ada"})).await.0, 422);
    assert_eq!(
        service
            .patch(None, "another", json!({"email": "ada@example.org"}))
            .await
            .0,
        401
    );
    let (status, body) = patch(json!({"email": "ada@example.org"})).await;
    assert_eq!(
        (status, &body["email"], &body["is_verified"]),
        (200, &json!("ada@example.org"), &json!(false))
    );

    let mut user = service.users.find(&id).await.expect("store").expect("user");
    user.is_active = false;
    service.users.update(&user).await.expect("update");
    assert_eq!(patch(json!({"email": "ada@example.net"})).await.0, 401);
}

#[tokio::test]
async fn n4_n5_mailed_tokens_that_change_the_address_and_invite_are_good_at_the_routes_of_the_contract() {
    let mailbox = Arc::new(Mailbox::default());
    let service = Service::with(|settings| settings.mailer(mailbox.clone()).confirm_new_email(true));
    let (_id, token) = service.verified_ada().await;
    let newest = async |kind: MailKind, to: &str| {
        service.endpoints.users().outbox().drained().await;
        mailbox.token(kind, to).expect("a mail")
    };
    let head = Head::to_app("POST", vec![("content-type", "application/json".to_owned())]);
    let post = async |name: &str, body: Value| {
        let body = body.to_string();
        answer(call(&service.endpoints, name, Request::new(&head, body.as_bytes())).await)
    };

    let change = json!({"email": "lovelace@example.com", "name": "Ada L."});
    let (status, body) = service.patch(None, &token, change).await;
    assert_eq!(
        (status, &body["email"], &body["name"], &body["is_verified"]),
        (200, &json!("ada@example.com"), &json!("Ada L."), &json!(true))
    );
    let mailed = newest(MailKind::ChangeEmail, "lovelace@example.com").await;
    let (status, body) = post("verify:verify", json!({"token": mailed})).await;
    assert_eq!(
        (status, &body["email"], &body["is_verified"]),
        (200, &json!("lovelace@example.com"), &json!(true))
    );
    assert_eq!(
        post("verify:verify", json!({"token": mailed})).await,
        (400, json!({"detail": "VERIFY_USER_BAD_TOKEN"}))
    );

    let charles = Profile {
        name: "Charles".to_owned(),
        plan: None,
    };
    let email = "charles@example.com".parse().expect("e-mail");
    let invited = service.endpoints.users().invite(email, charles).await;
    invited.expect("invited");
    let mailed = newest(MailKind::Invite, "charles@example.com").await;
    let reset = json!({"token": mailed, "password": PASSWORD});
    assert_eq!(
        post("reset:reset_password", reset.clone()).await,
        (200, Value::Null)
    );
    assert_eq!(
        post("reset:reset_password", reset).await,
        (400, json!({"detail": "RESET_PASSWORD_BAD_TOKEN"}))
    );
}
