//! Rows of credentials that have ended.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{
    AccessToken, AccessTokenStore, Cap, ClientInfo, ExposeSecret as _, InsertTokenError, Lifetime, NewLogIn,
    OpaqueStrategy, Outcome, Rejection, SigningSecret, StoreError, Strategy as _, Subject, TokenLookup, User,
    UserStore,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AcceptedBackends, AuthBackend, BearerTransport, Endpoints, Request};
use auth_users::{Registration, UserManager};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{head::Head, service::PASSWORD};

/// Deletes the user of each token right before it inserts the token, as another node may.
struct Late {
    tokens: Arc<MemoryAccessTokenStore>,
    users: Arc<MemoryUserStore>,
}

#[async_trait]
impl AccessTokenStore for Late {
    async fn insert(&self, token: &AccessToken, cap: Option<Cap>) -> Result<(), InsertTokenError> {
        self.users.delete(&token.user_id).await?;
        self.tokens.insert(token, cap).await
    }

    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken>, StoreError> {
        self.tokens.find(key).await
    }

    async fn touch(
        &self,
        key: &TokenLookup,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        self.tokens.touch(key, at, expires_at).await
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        self.tokens.delete(key).await
    }

    async fn delete_all(&self, user_id: &Uuid) -> Result<u64, StoreError> {
        self.tokens.delete_all(user_id).await
    }
}

fn strategy(tokens: &Arc<MemoryAccessTokenStore>) -> OpaqueStrategy {
    OpaqueStrategy::new(tokens.clone(), Lifetime::FOREVER)
}

async fn log_in(tokens: &Arc<MemoryAccessTokenStore>, user: &User) -> String {
    let issued = strategy(tokens)
        .issue(&NewLogIn::new("db", &Subject::from(user), &ClientInfo::default()))
        .await;
    issued.expect("a token").access.secret.expose_secret().to_owned()
}

fn endpoints(users: &Arc<MemoryUserStore>, strategy: OpaqueStrategy) -> Endpoints {
    let secret = SigningSecret::generate().expect("randomness");
    let manager = UserManager::builder(Arc::clone(users) as Arc<dyn UserStore>, &secret).build();
    let backend = AuthBackend::new("db", BearerTransport, strategy);
    let manager = Arc::new(manager.expect("a manager"));
    Endpoints::builder(manager)
        .backend(backend)
        .build()
        .expect("endpoints")
}

async fn ada(endpoints: &Endpoints) -> User {
    let email = "ada@example.com".parse().expect("an e-mail");
    let registration = Registration::new(email, PASSWORD.into(), ());
    endpoints.users().create(registration).await.expect("a user")
}

#[tokio::test]
async fn u5_a_credential_of_an_earlier_epoch_or_of_nobody_is_removed_when_it_is_presented() {
    let (users, tokens) = (Arc::default(), Arc::default());
    let endpoints = endpoints(&users, strategy(&tokens));
    let before = ada(&endpoints).await;
    let mut now = before.clone();
    now.security_epoch += 1;
    users.update(&now).await.expect("written past the manager");
    let mut stranger = before.clone();
    stranger.id = Uuid::now_v7();
    for (user, rejection) in [
        (&before, Some(Rejection::StaleEpoch)),
        (&stranger, Some(Rejection::UserGone)),
        (&now, None),
    ] {
        let token = log_in(&tokens, user).await;
        let head = Head::to_app("GET", vec![("authorization", format!("Bearer {token}"))]);
        let outcome = endpoints
            .authenticator()
            .read_without_csrf_check(&head, &AcceptedBackends::All)
            .await;
        let found = match outcome {
            Outcome::Rejected(found) => Some(found),
            Outcome::Authenticated(_) => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, rejection);
        let row = tokens
            .find(&TokenLookup::for_audience("db", &token))
            .await
            .expect("an answer");
        assert_eq!(row.is_some(), rejection.is_none(), "{rejection:?}");
    }
}

#[tokio::test]
async fn u5_a_log_in_whose_user_is_deleted_meanwhile_leaves_no_token() {
    let (users, tokens) = (Arc::default(), Arc::<MemoryAccessTokenStore>::default());
    let late = Late {
        tokens: Arc::clone(&tokens),
        users: Arc::clone(&users),
    };
    let endpoints = endpoints(
        &users,
        OpaqueStrategy::unlisted(Arc::new(late), Lifetime::FOREVER),
    );
    let user = ada(&endpoints).await;
    let head = Head::to_app(
        "POST",
        vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
    );
    let body = format!("username=ada@example.com&password={PASSWORD}").replace(' ', "+");
    let request = Request::new(&head, body.as_bytes());
    let routes = endpoints.routes();
    let log_in = routes
        .iter()
        .find(|route| route.name == "auth:db.login")
        .expect("a log-in");
    assert_eq!(endpoints.call(&log_in.operation, request).await.status, 400);
    assert_eq!(tokens.delete_all(&user.id).await.expect("a number"), 0);
}
