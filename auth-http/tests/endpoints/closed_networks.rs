//! E-mail addresses of closed networks, through the routes.

use std::sync::Arc;

use auth_core::{
    ClosedNetworks, Lifetime, OpaqueStrategy, SigningSecret,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AuthBackend, BearerTransport, Endpoints, Request};
use auth_users::{UserManager, UserManagerBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    head::Head,
    service::{self, answer},
};

fn service(configure: impl FnOnce(UserManagerBuilder) -> UserManagerBuilder) -> Endpoints {
    let secret = SigningSecret::generate().expect("secret");
    let users = UserManager::builder(Arc::new(MemoryUserStore::<Uuid>::new()), &secret);
    let tokens = Arc::new(MemoryAccessTokenStore::new());
    let strategy = OpaqueStrategy::new(tokens, Lifetime::FOREVER);
    Endpoints::builder(configure(users).build().expect("users"))
        .backend(AuthBackend::new("db", BearerTransport, strategy))
        .build()
        .expect("endpoints")
}

async fn call(service: &Endpoints, name: &str, head: Head, body: String) -> (u16, Value) {
    let request = Request::new(&head, body.as_bytes());
    answer(service::call(service, name, request).await)
}

fn json_head(method: &'static str) -> Head {
    Head::to_app(method, vec![("content-type", "application/json".to_owned())])
}

#[tokio::test]
async fn n15_a_user_of_an_allowed_network_registers_logs_in_and_moves_within_it() {
    const PASSWORD: &str = "a grail of many words";
    let register = async |service: &Endpoints, email: &str| {
        let body = json!({ "email": email, "password": PASSWORD }).to_string();
        call(service, "register:register", json_head("POST"), body)
            .await
            .0
    };
    let plain = service(|users| users);
    assert_eq!(register(&plain, "arthur@corp.local").await, 422);

    let closed = ClosedNetworks::allow(["corp.local"]).expect("a name");
    let closed = service(|users| users.closed_networks(closed));
    assert_eq!(register(&closed, "arthur@corp.local").await, 201);
    for refused in [
        "arthur@other.local",
        "arthur@local",
        "arthur@localhost",
        "arthur@corp",
    ] {
        assert_eq!(register(&closed, refused).await, 422, "{refused}");
    }
    let form = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
    let body = format!(
        "username=ARTHUR@corp.local&password={}",
        PASSWORD.replace(' ', "+")
    );
    let (status, body) = call(&closed, "auth:db.login", Head::to_app("POST", form), body).await;
    assert_eq!(status, 200);
    let token = body["access_token"].as_str().expect("a token");
    for (email, status) in [("king@mail.corp.local", 200), ("king@other.local", 422)] {
        let mut head = json_head("PATCH");
        head.headers
            .push(("authorization", format!("Bearer {token}").into()));
        let body = json!({ "email": email }).to_string();
        let answer = call(&closed, "users:patch_current_user", head, body).await;
        assert_eq!(answer.0, status, "{email}: {}", answer.1);
    }
    let body = json!({ "email": "king@mail.corp.local" }).to_string();
    assert_eq!(
        call(&closed, "reset:forgot_password", json_head("POST"), body)
            .await
            .0,
        202
    );
}
