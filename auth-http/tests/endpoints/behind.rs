//! A node whose memory is behind: what it remembers lets nobody make a change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use auth_core::{
    AccessToken, AccessTokenStore, Cap, InsertTokenError, InsertUserError, Lifetime, NewUser,
    NormalizedEmail, OpaqueStrategy, RoleName, Roles, SigningSecret, StoreError, TokenDigest, TokenLookup,
    UpdateUserError, User, UserStore,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AcceptedBackends, AuthBackend, BearerTransport, Endpoints, HttpError, Request};
use auth_users::{Registration, UserManager};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    head::Head,
    service::{PASSWORD, answer, call},
};

/// A store that goes on to find each user as it was at first.
#[derive(Default)]
struct Users {
    stored: MemoryUserStore,
    remembered: Mutex<HashMap<Uuid, User>>,
}

#[async_trait]
impl UserStore for Users {
    async fn insert(&self, user: NewUser) -> Result<User, InsertUserError> {
        self.stored.insert(user).await
    }

    async fn find(&self, id: &Uuid) -> Result<Option<User>, StoreError> {
        let latest = self.stored.find(id).await?;
        let mut remembered = self.remembered.lock().expect("no panic");
        Ok(latest.map(|user| remembered.entry(*id).or_insert(user).clone()))
    }

    async fn find_latest(&self, id: &Uuid) -> Result<Option<User>, StoreError> {
        self.stored.find(id).await
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User>, StoreError> {
        self.stored.find_by_email(email).await
    }

    async fn update(&self, user: &User) -> Result<(), UpdateUserError> {
        self.stored.update(user).await
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, StoreError> {
        self.stored.delete(id).await
    }
}

/// The same for log-ins.
#[derive(Default)]
struct LogIns {
    stored: MemoryAccessTokenStore,
    remembered: Mutex<HashMap<TokenDigest, AccessToken>>,
}

#[async_trait]
impl AccessTokenStore for LogIns {
    async fn insert(&self, token: &AccessToken, cap: Option<Cap>) -> Result<(), InsertTokenError> {
        self.stored.insert(token, cap).await
    }

    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken>, StoreError> {
        if let Some(token) = self.remembered.lock().expect("no panic").get(&key.digest) {
            let mut token = token.clone();
            token.provenance.may_be_behind = true;
            return Ok(Some(token));
        }
        let found = self.stored.find(key).await?;
        if let Some(token) = &found {
            let mut remembered = self.remembered.lock().expect("no panic");
            remembered.insert(key.digest, token.clone());
        }
        Ok(found)
    }

    async fn find_latest(&self, key: &TokenLookup) -> Result<Option<AccessToken>, StoreError> {
        self.stored.find(key).await
    }

    async fn touch(
        &self,
        key: &TokenLookup,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        self.stored.touch(key, at, expires_at).await
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        self.stored.delete(key).await
    }

    async fn delete_all(&self, user_id: &Uuid) -> Result<u64, StoreError> {
        self.stored.delete_all(user_id).await
    }
}

/// A node with a superuser and somebody else, of whom it remembers everything.
struct Node {
    users: Arc<Users>,
    log_ins: Arc<LogIns>,
    endpoints: Endpoints<Uuid, ()>,
    root: User,
    other: User,
    token: String,
}

impl Node {
    async fn new() -> Self {
        let (users, log_ins) = (Arc::<Users>::default(), Arc::<LogIns>::default());
        let secret = SigningSecret::generate().expect("a secret");
        let roles = Roles::new().role("editor", ["articles:*"]).expect("a role");
        let manager = UserManager::builder(users.clone(), &secret).roles(roles);
        let manager = manager.build().expect("a manager");
        let mut people = Vec::new();
        for email in ["root@example.com", "other@example.com"] {
            let registration = Registration::new(email.parse().expect("an e-mail"), PASSWORD.into(), ());
            people.push(manager.create(registration).await.expect("created"));
        }
        let other = people.pop().expect("two");
        let mut root = people.pop().expect("two");
        root.is_superuser = true;
        users.stored.update(&root).await.expect("written");
        root.revision += 1;
        let strategy = OpaqueStrategy::unlisted(log_ins.clone(), Lifetime::FOREVER);
        let endpoints = Endpoints::builder(manager)
            .backend(AuthBackend::new("db", BearerTransport, strategy))
            .build()
            .expect("endpoints");
        let mut node = Self {
            users,
            log_ins,
            endpoints,
            root,
            other,
            token: String::new(),
        };
        node.token = node.log_in().await;
        assert_eq!(node.me().await, 200);
        assert_eq!(node.ask("GET", "users:user", Value::Null).await.0, 200);
        node
    }

    async fn log_in(&self) -> String {
        let form = "application/x-www-form-urlencoded".to_owned();
        let head = Head::to_app("POST", vec![("content-type", form)]);
        let body = format!(
            "username=root@example.com&password={}",
            PASSWORD.replace(' ', "+")
        );
        let request = Request::new(&head, body.as_bytes());
        let (status, body) = answer(call(&self.endpoints, "auth:db.login", request).await);
        assert_eq!(status, 200);
        body["access_token"].as_str().expect("a token").to_owned()
    }

    /// Sends the superuser's request about the other user to the route of this name, and returns the answer.
    async fn ask(&self, method: &'static str, name: &str, body: Value) -> (u16, Value) {
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("authorization", format!("Bearer {}", self.token)),
        ];
        let (head, body) = (Head::to_app(method, headers), body.to_string());
        let id = self.other.id.to_string();
        let request = Request::new(&head, body.as_bytes()).with_id(&id);
        answer(call(&self.endpoints, name, request).await)
    }

    async fn me(&self) -> u16 {
        self.ask("GET", "users:current_user", Value::Null).await.0
    }

    /// The status of each change of the other user.
    async fn changes(&self) -> Vec<u16> {
        let mut answers = Vec::new();
        for (method, name, body) in [
            ("PATCH", "users:patch_user", json!({ "is_superuser": true })),
            ("PUT", "users:set_roles", json!(["editor"])),
            ("DELETE", "users:delete_user", Value::Null),
        ] {
            answers.push(self.ask(method, name, body).await.0);
        }
        answers
    }

    async fn stored(&self, user: &User) -> User {
        let found = self.users.stored.find(&user.id).await.expect("an answer");
        found.expect("the user is there")
    }
}

#[tokio::test]
async fn g1_a_log_in_that_has_ended_elsewhere_makes_no_change_by_what_is_remembered() {
    let node = Node::new().await;
    node.log_ins
        .stored
        .delete_all(&node.root.id)
        .await
        .expect("ended");
    assert_eq!(node.me().await, 200, "it is remembered");
    assert_eq!(node.changes().await, [401; 3]);
    let password = json!({ "password": "another one, and longer" });
    for (method, name, body) in [
        ("PATCH", "users:patch_current_user", password),
        ("POST", "auth:logout_everywhere", Value::Null),
    ] {
        assert_eq!(node.ask(method, name, body).await.0, 401, "{name}");
    }
    assert_eq!(node.stored(&node.root).await.revision, node.root.revision);
    assert_eq!(node.stored(&node.other).await.revision, node.other.revision);
}

#[tokio::test]
async fn g1_a_log_in_that_has_ended_elsewhere_ends_no_other_and_is_not_replaced() {
    let node = Node::new().await;
    let head = Head::to_app("POST", vec![("authorization", format!("Bearer {}", node.token))]);
    let authenticator = node.endpoints.authenticator();
    let current = authenticator.authenticate(&head, &AcceptedBackends::All).await;
    let current = current.expect("it is good");
    node.log_ins
        .stored
        .delete_all(&node.root.id)
        .await
        .expect("ended");
    assert_eq!(node.me().await, 200, "it is remembered");
    let refused = node.endpoints.log_out_elsewhere(&current, &head).await;
    assert!(
        matches!(refused, Err(HttpError::Unauthorized { .. })),
        "{refused:?}"
    );
    assert_eq!(
        node.stored(&node.root).await.security_epoch,
        node.root.security_epoch
    );
}

#[tokio::test]
async fn a_log_in_is_judged_by_what_is_stored() {
    let mut node = Node::new().await;
    // On another node, which this one has not heard of.
    node.root.security_epoch += 1;
    node.users.stored.update(&node.root).await.expect("written");
    node.token = node.log_in().await;
    assert_eq!(node.me().await, 200);
}

#[tokio::test]
async fn g1_somebody_who_is_no_superuser_any_more_changes_nobody() {
    let mut node = Node::new().await;
    node.root.is_superuser = false;
    node.users.stored.update(&node.root).await.expect("written");
    let read = node.ask("GET", "users:user", Value::Null).await.0;
    assert_eq!(read, 200, "it is remembered");
    assert_eq!(node.changes().await, [403; 3]);
    assert_eq!(node.stored(&node.other).await.revision, node.other.revision);
}

#[tokio::test]
async fn g1_a_change_that_the_remembered_user_already_shows_is_made_all_the_same() {
    let mut node = Node::new().await;
    node.other.is_superuser = true;
    node.other.roles = [RoleName::new("editor").expect("a name")].into();
    node.users.stored.update(&node.other).await.expect("written");
    let (status, roles) = node.ask("PUT", "users:set_roles", json!([])).await;
    assert_eq!((status, roles), (200, json!([])));
    let demoted = json!({ "is_superuser": false });
    let (status, user) = node.ask("PATCH", "users:patch_user", demoted).await;
    assert_eq!((status, &user["is_superuser"]), (200, &json!(false)));
    let stored = node.stored(&node.other).await;
    assert!(stored.roles.is_empty() && !stored.is_superuser, "{stored:?}");
}
