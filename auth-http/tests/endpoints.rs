//! The endpoints without a framework, for users with a profile.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use auth_core::{
    AccessTokenIndex as _, AccessTokenStore, ClientInfo, ExposeSecret as _, InsertUserError, Lifetime,
    NewUser, NormalizedEmail, OpaqueStrategy, SigningSecret, StoreError, Strategy as _, Subject,
    UpdateUserError, User, UserStore,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{
    AcceptedBackends, Active, AuthBackend, BearerTransport, CookieTransport, Endpoints, HttpError, Request,
    RequestHead, Target,
};
use auth_users::{
    Event, EventHandler, EventHandlerError, Mail, MailError, MailKind, Mailer, UserManager,
    UserManagerBuilder,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery";

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Profile {
    name: String,
    #[serde(default, alias = "tier")]
    plan: Option<String>,
}

/// Fails log-ins while it is told to.
#[derive(Default)]
struct Moody(AtomicBool);

#[async_trait]
impl EventHandler<Uuid, Profile> for Moody {
    async fn handle(
        &self,
        event: Event<'_, Uuid, Profile>,
        _users: &UserManager<Uuid, Profile>,
    ) -> Result<(), EventHandlerError> {
        match event {
            Event::LoggedIn { .. } if self.0.load(Ordering::SeqCst) => {
                Err(EventHandlerError::new("not today"))
            }
            _ => Ok(()),
        }
    }
}

/// Users in memory, and what befalls them.
#[derive(Default)]
struct Users {
    stored: MemoryUserStore<Uuid, Profile>,
    /// Ends the credentials of each user who was looked up by e-mail, right after that.
    ends_credentials: AtomicBool,
    is_read_only: AtomicBool,
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

struct Head(&'static str, Vec<(&'static str, String)>);

impl RequestHead for Head {
    fn method(&self) -> &str {
        self.0
    }

    fn target(&self) -> Target<'_> {
        Target::new(false, None, "/")
    }

    fn peer(&self) -> Option<std::net::IpAddr> {
        None
    }

    fn headers<'a>(&'a self, name: &'static str, each: &mut dyn FnMut(&'a [u8])) {
        self.1
            .iter()
            .filter(|(n, _)| *n == name)
            .for_each(|(_, value)| each(value.as_bytes()));
    }
}

struct Service {
    endpoints: Endpoints<Uuid, Profile>,
    users: Arc<Users>,
    tokens: Arc<MemoryAccessTokenStore>,
    moody: Arc<Moody>,
}

impl Service {
    fn new() -> Self {
        Self::with(|settings| settings)
    }

    fn with(
        settings: impl FnOnce(UserManagerBuilder<Uuid, Profile>) -> UserManagerBuilder<Uuid, Profile>,
    ) -> Self {
        let users = Arc::new(Users::default());
        let tokens = Arc::new(MemoryAccessTokenStore::new());
        let moody = Arc::new(Moody::default());
        let secret = SigningSecret::generate().expect("secret");
        let manager = settings(UserManager::builder(users.clone(), &secret).events(moody.clone()));
        let manager = manager.build().expect("users");
        let strategy = OpaqueStrategy::new(tokens.clone() as Arc<dyn AccessTokenStore>, Lifetime::FOREVER);
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

    async fn register(&self, body: Value) -> (u16, Value) {
        let head = Head("POST", vec![("content-type", "application/json".to_owned())]);
        let body = body.to_string();
        let request = Request::new(&head, body.as_bytes());
        answer(call(&self.endpoints, "register:register", request).await)
    }

    async fn log_in(&self, presented: Option<&str>) -> (u16, Value) {
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        headers.extend(presented.map(|token| ("authorization", format!("Bearer {token}"))));
        let body = format!("username=ada@example.com&password={}", PASSWORD.replace(' ', "+"));
        let head = Head("POST", headers);
        let request = Request::new(&head, body.as_bytes());
        answer(call(&self.endpoints, "auth:db.login", request).await)
    }

    /// A user who was verified when they logged in, and their token.
    async fn verified_ada(&self) -> (Uuid, String) {
        let (_, body) = self.register(ada()).await;
        let id: Uuid = body["id"].as_str().expect("id").parse().expect("id");
        let mut user = self.users.find(&id).await.expect("store").expect("user");
        user.is_verified = true;
        self.users.update(&user).await.expect("update");
        let (_, body) = self.log_in(None).await;
        (id, body["access_token"].as_str().expect("token").to_owned())
    }

    async fn patch(&self, id: Option<&str>, token: &str, body: Value) -> (u16, Value) {
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("authorization", format!("Bearer {token}")),
        ];
        let (head, body) = (Head("PATCH", headers), body.to_string());
        let request = Request::new(&head, body.as_bytes());
        let (name, request) = match id {
            Some(id) => ("users:patch_user", request.with_id(id)),
            None => ("users:patch_current_user", request),
        };
        answer(call(&self.endpoints, name, request).await)
    }
}

/// Runs the route of this name.
async fn call<Id: auth_core::UserId, P: auth_core::Profile>(
    endpoints: &Endpoints<Id, P>,
    name: &str,
    request: Request<'_, Head>,
) -> auth_http::Response {
    let route = endpoints.routes().into_iter().find(|route| route.name == name);
    endpoints.call(&route.expect(name).operation, request).await
}

fn answer(response: auth_http::Response) -> (u16, Value) {
    let body = response
        .body
        .as_deref()
        .map_or(Ok(Value::Null), serde_json::from_str);
    (response.status, body.expect("JSON"))
}

fn ada() -> Value {
    json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada", "plan": "enterprise"})
}

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
    let strategy = OpaqueStrategy::new(tokens as Arc<dyn AccessTokenStore<String>>, Lifetime::FOREVER);
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
        .issue("db", &Subject::from(&arthur), &ClientInfo::default())
        .await
        .expect("token");
    let endpoints = Endpoints::builder(manager)
        .backend(AuthBackend::new("db", BearerTransport, strategy))
        .build()
        .expect("endpoints");
    let head = Head(
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
async fn n1_a_proof_of_a_password_is_void_once_the_credentials_were_ended_and_a_word_of_the_application_is_not()
 {
    let service = Service::new();
    service.register(ada()).await;
    let users = service.endpoints.users();
    let head = Head("POST", vec![]);
    let identified = || async {
        let identified = users.authenticate("ada@example.com", &PASSWORD.into()).await;
        identified.expect("the password is right")
    };
    let log_in = async |identified| match service.endpoints.log_in("db", identified, &head).await {
        Ok(response) => response.status,
        Err(error) => error.into_response().status,
    };
    let (fresh, proof) = (identified().await, identified().await);
    let word = users.identify_without_proof(proof.user().clone());
    assert_eq!(log_in(fresh).await, 200);
    assert!(
        users
            .log_out_everywhere(&proof.user().id)
            .await
            .expect("an answer")
    );
    assert_eq!(log_in(proof).await, 400);
    assert_eq!(log_in(word).await, 200);
}

#[tokio::test]
async fn n1_a_credential_that_was_logged_out_meanwhile_ends_no_others_and_gets_no_new_one() {
    let service = Service::new();
    service.register(ada()).await;
    let token = service.log_in(None).await.1["access_token"]
        .as_str()
        .expect("token")
        .to_owned();
    let head = Head("POST", vec![("authorization", format!("Bearer {token}"))]);
    let authenticator = service.endpoints.authenticator();
    let found = authenticator
        .require(&head, &AcceptedBackends::All, &Active)
        .await
        .expect("logged in");
    let id = found.user.id;
    assert_eq!(service.tokens.delete_all(&id).await.expect("an answer"), 1);
    let answer = service.endpoints.log_out_elsewhere(&found, &head).await;
    assert!(
        matches!(answer, Err(HttpError::Unauthorized { .. })),
        "{answer:?}"
    );
    let stored = service.endpoints.users().find(&id).await.expect("an answer");
    assert_eq!(stored.expect("the user").security_epoch, 0);
}

#[tokio::test]
async fn a_log_in_that_fails_leaves_the_old_credential_alone_and_no_new_one_behind() {
    let service = Service::new();
    let id = service.register(ada()).await.1["id"]
        .as_str()
        .expect("id")
        .parse()
        .expect("id");
    let old = service.log_in(None).await.1["access_token"]
        .as_str()
        .expect("token")
        .to_owned();
    service.moody.0.store(true, Ordering::SeqCst);
    assert_eq!(
        service.log_in(Some(&old)).await,
        (500, json!({"detail": "Internal Server Error"}))
    );
    assert_eq!(service.tokens.list(&id, 0).await.expect("list").len(), 1);
    assert_eq!(service.patch(None, &old, json!({})).await.0, 200);

    service.moody.0.store(false, Ordering::SeqCst);
    assert_eq!(service.log_in(Some(&old)).await.0, 200);
    assert_eq!(
        service.patch(None, &old, json!({})).await.0,
        401,
        "the old one is dead"
    );
    assert_eq!(service.tokens.list(&id, 0).await.expect("list").len(), 1);
}

#[tokio::test]
async fn n1_no_credential_is_issued_where_others_ended_them_during_the_log_in() {
    let service = Service::new();
    let (_, ada) = service.register(ada()).await;
    service.users.ends_credentials.store(true, Ordering::SeqCst);
    let (status, body) = service.log_in(None).await;
    assert_eq!((status, &body["detail"]), (503, &json!("Service Unavailable")));
    let id = ada["id"].as_str().expect("id").parse().expect("id");
    for epoch in [0, 1] {
        assert!(service.tokens.list(&id, epoch).await.expect("list").is_empty());
    }

    service.users.ends_credentials.store(false, Ordering::SeqCst);
    assert_eq!(service.log_in(None).await.0, 200, "the password is still right");
}

#[tokio::test]
async fn n1_a_log_out_elsewhere_that_did_not_reach_the_store_is_not_reported_as_done() {
    let service = Service::new();
    service.register(ada()).await;
    let (_, body) = service.log_in(None).await;
    let token = body["access_token"].as_str().expect("token");
    let head = Head("POST", vec![("authorization", format!("Bearer {token}"))]);
    let authenticator = service.endpoints.authenticator();
    let found = authenticator
        .find(&head, &AcceptedBackends::All)
        .await
        .expect("an answer");
    let current = found.expect("a user");

    service.users.is_read_only.store(true, Ordering::SeqCst);
    let answered = service.endpoints.log_out_elsewhere(&current, &head).await;
    assert!(matches!(answered, Err(HttpError::Unavailable(_))), "{answered:?}");
    assert_eq!(service.patch(None, token, json!({})).await.0, 200);

    service.users.is_read_only.store(false, Ordering::SeqCst);
    let answered = service.endpoints.log_out_elsewhere(&current, &head).await;
    let (status, body) = answer(answered.expect("another credential"));
    assert_eq!(status, 200);
    assert_eq!(service.patch(None, token, json!({})).await.0, 401);
    let new = body["access_token"].as_str().expect("token");
    assert_eq!(service.patch(None, new, json!({})).await.0, 200);
}

#[tokio::test]
async fn a_route_that_names_its_fields_misses_each_of_them() {
    let service = Service::new();
    let head = Head("POST", vec![("content-type", "application/json".to_owned())]);
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
async fn the_methods_tell_a_front_end_how_one_can_log_in() {
    let secret = SigningSecret::generate().expect("secret");
    let tokens: Arc<dyn AccessTokenStore> = Arc::new(MemoryAccessTokenStore::new());
    let strategy = || OpaqueStrategy::new(Arc::clone(&tokens), Lifetime::FOREVER);
    let builder = || {
        let users = UserManager::<Uuid, ()>::builder(Arc::new(MemoryUserStore::new()), &secret);
        Endpoints::builder(users.build().expect("users"))
            .backend(AuthBackend::new("api", BearerTransport, strategy()))
            .backend(AuthBackend::stateless("plain", BearerTransport, strategy()))
            .backend(AuthBackend::stateless(
                "web",
                CookieTransport::default(),
                strategy(),
            ))
    };
    let head = Head("GET", Vec::new());
    let methods = async |endpoints: &Endpoints<Uuid, ()>| {
        answer(call(endpoints, "auth:methods", Request::new(&head, &[])).await)
    };
    let all = builder().build().expect("endpoints");
    let backends = json!([
        { "name": "api", "transport": "bearer", "logout": true, "refresh": false },
        { "name": "plain", "transport": "bearer", "logout": false, "refresh": false },
        { "name": "web", "transport": "cookie", "logout": true, "refresh": false },
    ]);
    let body =
        json!({ "backends": backends, "providers": [], "register": true, "verify": true, "reset": true });
    assert_eq!(methods(&all).await, (200, body));
    let few = builder()
        .without_registration()
        .without_reset()
        .build()
        .expect("endpoints");
    let (_, body) = methods(&few).await;
    assert_eq!(
        (&body["register"], &body["verify"], &body["reset"]),
        (&json!(false), &json!(true), &json!(false))
    );
    let own = AuthBackend::new("methods", BearerTransport, strategy());
    let error = builder().backend(own).build().err().expect("its path is taken");
    assert_eq!(error.setting(), "backend \"methods\"");
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

#[derive(Default)]
struct Mailbox(Mutex<Vec<Mail>>);

#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.0.lock().expect("lock").push(mail.clone());
        Ok(())
    }
}

#[tokio::test]
async fn n4_n5_mailed_tokens_that_change_the_address_and_invite_are_good_at_the_routes_of_the_contract() {
    let mailbox = Arc::new(Mailbox::default());
    let service = Service::with(|settings| settings.mailer(mailbox.clone()).confirm_new_email(true));
    let (_id, token) = service.verified_ada().await;
    let newest = async |kind: MailKind| {
        service.endpoints.users().outbox().drained().await;
        let mails = mailbox.0.lock().expect("lock");
        let mail = mails.iter().rfind(|mail| mail.kind == kind).expect("a mail");
        mail.token.expose_secret().to_owned()
    };
    let head = Head("POST", vec![("content-type", "application/json".to_owned())]);
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
    let mailed = newest(MailKind::ChangeEmail).await;
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
    let mailed = newest(MailKind::Invite).await;
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
