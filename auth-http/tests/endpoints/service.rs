//! Users in memory, and calls of the routes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use auth_core::{
    InsertUserError, Lifetime, NewUser, NormalizedEmail, OpaqueStrategy, SigningSecret, StoreError,
    UpdateUserError, User, UserStore,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AuthBackend, BearerTransport, Endpoints, Request};
use auth_users::{Intent, Origin, UserManager, UserManagerBuilder, Veto, VetoError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::head::Head;

pub(crate) const PASSWORD: &str = "correct horse battery";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) name: String,
    #[serde(default, alias = "tier")]
    pub(crate) plan: Option<String>,
}

/// Refuses log-ins while it is told to.
#[derive(Default)]
pub(crate) struct Moody(pub(crate) AtomicBool);

#[async_trait]
impl Veto<Uuid, Profile> for Moody {
    async fn check(
        &self,
        intent: Intent<'_, Uuid, Profile>,
        _origin: &Origin,
        _users: &UserManager<Uuid, Profile>,
    ) -> Result<(), VetoError> {
        match intent {
            Intent::LogIn { .. } if self.0.load(Ordering::SeqCst) => Err(VetoError::refused("not today")),
            _ => Ok(()),
        }
    }
}

/// Users in memory, and what befalls them.
#[derive(Default)]
pub(crate) struct Users {
    pub(crate) stored: MemoryUserStore<Uuid, Profile>,
    /// Ends the credentials of each user who was looked up by e-mail, right after that.
    pub(crate) ends_credentials: AtomicBool,
    pub(crate) is_read_only: AtomicBool,
}

#[async_trait]
impl UserStore<Uuid, Profile> for Users {
    async fn insert(&self, user: NewUser<Uuid, Profile>) -> Result<User<Uuid, Profile>, InsertUserError> {
        self.stored.insert(user).await
    }

    async fn find(&self, id: &Uuid) -> Result<Option<User<Uuid, Profile>>, StoreError> {
        self.stored.find(id).await
    }

    async fn find_by_email(
        &self,
        email: &NormalizedEmail,
    ) -> Result<Option<User<Uuid, Profile>>, StoreError> {
        let found = self.stored.find_by_email(email).await?;
        if let Some(user) = &found
            && self.ends_credentials.load(Ordering::SeqCst)
        {
            let mut ended = user.clone();
            ended.security_epoch += 1;
            self.stored.update(&ended).await.expect("written");
        }
        Ok(found)
    }

    async fn update(&self, user: &User<Uuid, Profile>) -> Result<(), UpdateUserError> {
        if self.is_read_only.load(Ordering::SeqCst) {
            return Err(StoreError::refused("users", "is read-only").into());
        }
        self.stored.update(user).await
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, StoreError> {
        self.stored.delete(id).await
    }
}

pub(crate) struct Service {
    pub(crate) endpoints: Endpoints<Uuid, Profile>,
    pub(crate) users: Arc<Users>,
    pub(crate) tokens: Arc<MemoryAccessTokenStore>,
    pub(crate) moody: Arc<Moody>,
}

impl Service {
    pub(crate) fn new() -> Self {
        Self::with(|settings| settings)
    }

    pub(crate) fn with(
        settings: impl FnOnce(UserManagerBuilder<Uuid, Profile>) -> UserManagerBuilder<Uuid, Profile>,
    ) -> Self {
        let users = Arc::new(Users::default());
        let tokens = Arc::new(MemoryAccessTokenStore::new());
        let moody = Arc::new(Moody::default());
        let secret = SigningSecret::generate().expect("secret");
        let manager = settings(UserManager::builder(users.clone(), &secret).veto(moody.clone()));
        let manager = manager.build().expect("users");
        let strategy = OpaqueStrategy::new(tokens.clone(), Lifetime::FOREVER);
        let endpoints = Endpoints::builder(manager)
            .backend(AuthBackend::new("db", BearerTransport, strategy))
            .protected_fields(["plan"]);
        Self {
            endpoints: endpoints.build().expect("endpoints"),
            users,
            tokens,
            moody,
        }
    }

    pub(crate) async fn register(&self, body: Value) -> (u16, Value) {
        let head = Head::to_app("POST", vec![("content-type", "application/json".to_owned())]);
        let body = body.to_string();
        let request = Request::new(&head, body.as_bytes());
        answer(call(&self.endpoints, "register:register", request).await)
    }

    pub(crate) async fn log_in(&self, presented: Option<&str>) -> (u16, Value) {
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        headers.extend(presented.map(|token| ("authorization", format!("Bearer {token}"))));
        let body = format!("username=ada@example.com&password={}", PASSWORD.replace(' ', "+"));
        let head = Head::to_app("POST", headers);
        let request = Request::new(&head, body.as_bytes());
        answer(call(&self.endpoints, "auth:db.login", request).await)
    }

    /// A user who was verified when they logged in, and their token.
    pub(crate) async fn verified_ada(&self) -> (Uuid, String) {
        let (_, body) = self.register(ada()).await;
        let id: Uuid = body["id"].as_str().expect("id").parse().expect("id");
        let mut user = self.users.find(&id).await.expect("store").expect("user");
        user.is_verified = true;
        self.users.update(&user).await.expect("update");
        let (_, body) = self.log_in(None).await;
        (id, body["access_token"].as_str().expect("token").to_owned())
    }

    pub(crate) async fn patch(&self, id: Option<&str>, token: &str, body: Value) -> (u16, Value) {
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("authorization", format!("Bearer {token}")),
        ];
        let (head, body) = (Head::to_app("PATCH", headers), body.to_string());
        let request = Request::new(&head, body.as_bytes());
        let (name, request) = match id {
            Some(id) => ("users:patch_user", request.with_id(id)),
            None => ("users:patch_current_user", request),
        };
        answer(call(&self.endpoints, name, request).await)
    }
}

/// Runs the route of this name.
pub(crate) async fn call<Id: auth_core::UserId, P: auth_core::Profile>(
    endpoints: &Endpoints<Id, P>,
    name: &str,
    request: Request<'_, Head>,
) -> auth_http::Response {
    let route = endpoints.routes().into_iter().find(|route| route.name == name);
    endpoints.call(&route.expect(name).operation, request).await
}

pub(crate) fn answer(response: auth_http::Response) -> (u16, Value) {
    let body = response
        .body
        .as_deref()
        .map_or(Ok(Value::Null), serde_json::from_str);
    (response.status, body.expect("JSON"))
}

pub(crate) fn ada() -> Value {
    json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada", "plan": "enterprise"})
}
