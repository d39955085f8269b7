//! A log-in in the place of another: after a log-out elsewhere, and after a change of the own password.

use std::sync::Arc;

use auth_core::{
    AccessTokenIndex as _, Clock as _, Lifetime, NewUser, OpaqueStrategy, SigningSecret, User,
    UserStore as _,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AcceptedBackends, Active, AuthBackend, BearerTransport, Endpoints, Request, Response};
use auth_users::{EventKind, Identified, UserManager};
use portcullis::{
    jwt::{JwtStrategy, RefreshTokens, TrackedJwtStrategy},
    testing::{Journal, ManualClock},
};
use serde_json::{Value, json};
use time::Duration as Span;

use crate::{head::Head, service::call};

/// The backends. All but the plain JWT have a list.
const OPAQUE: &str = "opaque";
const IDLE: &str = "idle";
const TRACKED: &str = "tracked";
const UNCHECKED: &str = "unchecked";
const PLAIN: &str = "plain";

struct Service {
    endpoints: Endpoints,
    tokens: Arc<MemoryAccessTokenStore>,
    users: Arc<MemoryUserStore>,
    clock: Arc<ManualClock>,
    ada: User,
}

impl Service {
    async fn new() -> Self {
        let (users, tokens) = (
            Arc::new(MemoryUserStore::new()),
            Arc::new(MemoryAccessTokenStore::new()),
        );
        let clock = Arc::new(ManualClock::new(
            time::OffsetDateTime::from_unix_timestamp(1_767_225_600).expect("in range"),
        ));
        let secret = SigningSecret::generate().expect("secret");
        let hour = Lifetime::from_secs(3600).expect("an hour");
        let minutes = Lifetime::from_secs(600).expect("ten minutes");
        let opaque = || OpaqueStrategy::new(tokens.clone(), hour).clock(clock.clone());
        let tracked = || {
            let jwt = JwtStrategy::hs256(&secret, minutes).expect("a strategy");
            let tracked = TrackedJwtStrategy::new(jwt, tokens.clone(), Lifetime::FOREVER);
            tracked
                .expect("a strategy")
                .refresh_tokens(RefreshTokens::new(&secret))
                .clock(clock.clone())
        };
        let plain = JwtStrategy::hs256(&secret, hour).expect("a strategy");
        let manager = UserManager::builder(users.clone(), &secret).clock(clock.clone());
        let endpoints = Endpoints::builder(manager.build().expect("users"))
            .backend(AuthBackend::bearer(OPAQUE, opaque()))
            .backend(AuthBackend::bearer(
                IDLE,
                opaque().idle(minutes).expect("shorter"),
            ))
            .backend(AuthBackend::bearer(TRACKED, tracked()))
            .backend(AuthBackend::bearer(
                UNCHECKED,
                tracked().check_at_refresh_only().expect("refresh tokens"),
            ))
            .backend(AuthBackend::stateless(
                PLAIN,
                BearerTransport,
                plain.clock(clock.clone()),
            ))
            .keep_log_in_after_password_change();
        let email = "ada@example.com".parse().expect("an e-mail");
        let ada = users
            .insert(NewUser::new(email, (), clock.now()))
            .await
            .expect("inserted");
        Self {
            endpoints: endpoints.build().expect("endpoints"),
            tokens,
            users,
            clock,
            ada,
        }
    }

    async fn stored(&self) -> User {
        let found = self.users.find(&self.ada.id).await;
        found.expect("in memory").expect("the user")
    }

    /// The access token of a log-in.
    async fn log_in(&self, backend: &str, mark: impl FnOnce(Identified) -> Identified) -> String {
        let identified = self.endpoints.users().identify_without_proof(self.stored().await);
        let answer = self
            .endpoints
            .log_in(backend, mark(identified), &with(None))
            .await;
        access_token(&answer.expect("a log-in"))
    }

    async fn log_out_elsewhere(&self, backend: &str, token: &str) -> Response {
        let head = with(Some(token));
        let accepted = AcceptedBackends::only([backend]);
        let found = self
            .endpoints
            .authenticator()
            .require(&head, &accepted, &Active)
            .await;
        let found = found.expect("the token is read");
        let answer = self.endpoints.log_out_elsewhere(&found, &head).await;
        answer.unwrap_or_else(auth_http::HttpError::into_response)
    }

    async fn change_password(&self, token: &str) -> Response {
        let body = json!({ "password": "another battery staple" }).to_string();
        let head = with(Some(token));
        let request = Request::new(&head, body.as_bytes());
        call(&self.endpoints, "users:patch_current_user", request).await
    }

    /// The label and the absolute end of the only log-in.
    async fn marks(&self) -> (Option<String>, Option<time::OffsetDateTime>) {
        let user = self.stored().await;
        let rows = self.tokens.list(&user.id, user.security_epoch).await;
        let [row] = &*rows.expect("in memory") else {
            panic!("one log-in");
        };
        (row.client.label.clone(), row.absolute_expires_at)
    }

    async fn status(&self, token: &str) -> u16 {
        let head = with(Some(token));
        call(&self.endpoints, "users:current_user", Request::new(&head, b""))
            .await
            .status
    }
}

fn with(token: Option<&str>) -> Head {
    let mut headers = vec![("content-type", "application/json".to_owned())];
    headers.extend(token.map(|token| ("authorization", format!("Bearer {token}"))));
    Head::to_app("PATCH", headers)
}

fn access_token(answer: &Response) -> String {
    let body: Value = serde_json::from_str(answer.body.as_deref().expect("a body")).expect("JSON");
    body["access_token"].as_str().expect("a token").to_owned()
}

/// The token beside the answer to a change of the password.
fn attached(answer: &Response) -> Option<&str> {
    let mut headers = answer.headers.iter();
    let found = headers.find(|(name, _)| *name == "x-access-token");
    found.map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn n1_n19_a_log_in_that_has_ended_gets_no_other_although_its_token_is_read_without_a_look_up() {
    let service = Service::new().await;
    let token = service.log_in(UNCHECKED, |identified| identified).await;
    let journal = Arc::new(Journal::new());
    service.endpoints.users().audit().observe(journal.clone());
    let head = with(Some(&token));
    let name = format!("auth:{UNCHECKED}.logout");
    let answer = call(&service.endpoints, &name, Request::new(&head, b"")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(service.status(&token).await, 200, "it lives to its expiry");

    let refused = service.log_out_elsewhere(UNCHECKED, &token).await;
    assert_eq!(refused.status, 401, "{refused:?}");
    let refused = service.change_password(&token).await;
    assert_eq!(refused.status, 401, "{refused:?}");
    assert_eq!(attached(&refused), None);
    service.endpoints.users().audit().drained().await;
    let why = "credentials_ended";
    let kinds: Vec<_> = journal.take().into_iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::LoggedOut,
            EventKind::LogOutRefused { why },
            EventKind::UpdateRefused { why }
        ]
    );
    let stored = service.stored().await;
    assert_eq!(
        (stored.security_epoch, stored.revision),
        (0, service.ada.revision)
    );
}

#[tokio::test]
async fn s3_a_log_in_in_the_place_of_another_has_its_label_and_ends_no_later() {
    for backend in [OPAQUE, IDLE, TRACKED, UNCHECKED] {
        let service = Service::new().await;
        let quarter = Lifetime::from_secs(900).expect("15 minutes");
        let end = service.clock.now() + Span::minutes(15);
        let expected = (Some("phone".to_owned()), Some(end));
        let token = service
            .log_in(backend, |identified| {
                identified.labelled("phone").ending_after(quarter)
            })
            .await;
        assert_eq!(service.marks().await, expected, "{backend}");
        service.clock.advance(Span::minutes(5));
        let token = access_token(&service.log_out_elsewhere(backend, &token).await);
        assert_eq!(service.marks().await, expected, "{backend}");
        service.clock.advance(Span::minutes(5));
        let answer = service.change_password(&token).await;
        let token = attached(&answer).expect("a new log-in");
        assert_eq!(service.marks().await, expected, "{backend}");
        assert_eq!(service.status(token).await, 200, "{backend}");
        service.clock.advance(Span::minutes(5));
        assert_eq!(service.status(token).await, 401, "{backend}");
    }
}

#[tokio::test]
async fn s3_a_plain_jwt_in_the_place_of_another_ends_no_later() {
    let service = Service::new().await;
    let token = service.log_in(PLAIN, |identified| identified).await;
    service.clock.advance(Span::minutes(30));
    let token = access_token(&service.log_out_elsewhere(PLAIN, &token).await);
    service.clock.advance(Span::minutes(30) - Span::MILLISECOND);
    assert_eq!(service.status(&token).await, 200);
    service.clock.advance(Span::MILLISECOND);
    assert_eq!(service.status(&token).await, 401);
}

#[tokio::test]
async fn a_log_in_without_an_end_is_replaced_by_one_without() {
    let service = Service::new().await;
    let token = service.log_in(TRACKED, |identified| identified).await;
    service.log_out_elsewhere(TRACKED, &token).await;
    assert_eq!(service.marks().await, (None, None));
}
