//! Which log-ins a list has: those of a backend that was renamed, and of several on one store.

use std::sync::Arc;

use auth_core::{
    ClientInfo, ExposeSecret as _, Lifetime, NewLogIn, OpaqueStrategy, RevocableStrategy, SecretString,
    SigningSecret, Strategy as _, Subject,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AuthBackend, BearerTransport, Endpoints, Request};
use auth_users::{Registration, UserManager};
use portcullis::jwt::{JwtStrategy, TrackedJwtStrategy};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    head::Head,
    service::{PASSWORD, answer, call},
};

/// Sees the log-ins of `old` at a backend that is called `new` now.
async fn keeps_its_log_ins<S>(before: impl Fn() -> S, after: impl Fn() -> S)
where
    S: RevocableStrategy + 'static,
{
    let (users, secret) = (
        Arc::new(MemoryUserStore::<Uuid>::new()),
        SigningSecret::generate().expect("a secret"),
    );
    let service = |name: &'static str, strategy: S| {
        let users = UserManager::builder(users.clone(), &secret)
            .build()
            .expect("users");
        let backend = AuthBackend::new(name, BearerTransport, strategy);
        Endpoints::builder(users)
            .backend(backend)
            .build()
            .expect("endpoints")
    };
    let (old, new) = (service("old", before()), service("new", after()));
    let unrelated = service("new", before());
    let email = "ada@example.com".parse().expect("an e-mail");
    let registration = Registration::new(email, PASSWORD.into(), ());
    old.users().create(registration).await.expect("a user");
    let log_in = async |endpoints: &Endpoints, name: &str| -> String {
        let form = "application/x-www-form-urlencoded".to_owned();
        let head = Head::to_app("POST", vec![("content-type", form)]);
        let body = format!("username=ada@example.com&password={}", PASSWORD.replace(' ', "+"));
        let request = Request::new(&head, body.as_bytes());
        let (status, body) = answer(call(endpoints, &format!("auth:{name}.login"), request).await);
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().expect("a token").to_owned()
    };
    let seen = async |endpoints: &Endpoints, token: &str| -> Value {
        let head = Head::to_app("GET", vec![("authorization", format!("Bearer {token}"))]);
        let request = Request::new(&head, b"");
        let (status, listed) = answer(call(endpoints, "auth:sessions", request).await);
        assert_eq!(status, 200, "{listed}");
        let listed = listed.as_array().expect("a list").iter();
        listed
            .map(|log_in| json!([log_in["backend"], log_in["current"]]))
            .collect()
    };
    let (first, second) = (log_in(&old, "old").await, log_in(&new, "new").await);
    assert_eq!(seen(&new, &second).await, json!([["new", true], ["old", false]]));
    assert_eq!(seen(&new, &first).await, json!([["new", false], ["old", true]]));
    assert_eq!(seen(&unrelated, &second).await, json!([["new", true]]));
}

#[tokio::test]
async fn s6_a_list_has_the_log_ins_of_a_renamed_backend_that_are_still_good() {
    let opaque = Arc::new(MemoryAccessTokenStore::<Uuid>::new());
    let strategy = || OpaqueStrategy::new(opaque.clone(), Lifetime::FOREVER);
    keeps_its_log_ins(strategy, || strategy().also_accept("old")).await;

    let (store, secret) = (
        Arc::new(MemoryAccessTokenStore::<Uuid>::new()),
        SigningSecret::generate().expect("a secret"),
    );
    let hour = Lifetime::from_secs(3600).expect("positive");
    let jwt = || JwtStrategy::hs256(&secret, hour).expect("valid");
    let tracked = |jwt| TrackedJwtStrategy::new(jwt, store.clone(), hour).expect("valid");
    keeps_its_log_ins(|| tracked(jwt()), || tracked(jwt().also_accept("old"))).await;
}

/// The users of a service, and one of them.
async fn users_with_ada() -> (UserManager, Subject) {
    let secret = SigningSecret::generate().expect("a secret");
    let users = UserManager::builder(Arc::new(MemoryUserStore::<Uuid>::new()), &secret)
        .build()
        .expect("users");
    let email = "ada@example.com".parse().expect("an e-mail");
    let ada = users.create(Registration::new(email, PASSWORD.into(), ()));
    let subject = Subject::from(&ada.await.expect("a user"));
    (users, subject)
}

/// The token of a log-in in `store` through the backend called `name`.
async fn log_in(store: &Arc<MemoryAccessTokenStore>, name: &str, subject: &Subject) -> SecretString {
    let strategy = OpaqueStrategy::new(store.clone(), Lifetime::FOREVER);
    let client = ClientInfo::default();
    let log_in = NewLogIn::new(name, subject, &client);
    strategy.issue(&log_in).await.expect("a token").access.secret
}

/// The backends in the list that whoever has `token` gets, sorted.
async fn listed(endpoints: &Endpoints, token: &SecretString) -> Vec<String> {
    let headers = vec![("authorization", format!("Bearer {}", token.expose_secret()))];
    let head = Head::to_app("GET", headers);
    let request = Request::new(&head, b"");
    let (status, listed) = answer(call(endpoints, "auth:sessions", request).await);
    assert_eq!(status, 200, "{listed}");
    let listed = listed.as_array().expect("a list").iter();
    let names = listed.map(|log_in| log_in["backend"].as_str().expect("a name").to_owned());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn s6_an_old_name_is_that_of_the_store_whose_backend_accepts_it() {
    let stores = [(); 2].map(|()| Arc::new(MemoryAccessTokenStore::<Uuid>::new()));
    let [first, second] = &stores;
    let opaque = |store: &Arc<MemoryAccessTokenStore>| OpaqueStrategy::new(store.clone(), Lifetime::FOREVER);
    let (users, ada) = users_with_ada().await;
    let endpoints = Endpoints::builder(users)
        .backend(AuthBackend::bearer("a", opaque(first).also_accept("old")))
        .backend(AuthBackend::bearer("b", opaque(second).also_accept("older")))
        .build()
        .expect("endpoints");
    let mut current = None;
    for store in &stores {
        for name in ["a", "b", "old", "older"] {
            let token = log_in(store, name, &ada).await;
            // Of backend `a`, in its own store.
            current.get_or_insert(token);
        }
    }
    let token = current.expect("the first one");
    assert_eq!(listed(&endpoints, &token).await, ["a", "b", "old", "older"]);
}

#[tokio::test]
async fn s6_a_list_has_the_log_ins_of_a_backend_on_the_same_store_that_cannot_list() {
    let store = Arc::new(MemoryAccessTokenStore::<Uuid>::new());
    let unlisted = OpaqueStrategy::unlisted(store.clone(), Lifetime::FOREVER);
    let (users, ada) = users_with_ada().await;
    let endpoints = Endpoints::builder(users)
        .backend(AuthBackend::bearer(
            "a",
            OpaqueStrategy::new(store.clone(), Lifetime::FOREVER),
        ))
        .backend(AuthBackend::bearer("b", unlisted))
        .build()
        .expect("endpoints");
    let tokens = [log_in(&store, "a", &ada).await, log_in(&store, "b", &ada).await];
    log_in(&store, "of another service", &ada).await;
    for token in tokens {
        assert_eq!(listed(&endpoints, &token).await, ["a", "b"]);
    }
}
