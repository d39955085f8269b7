//! E1, E2, E5: what a failure tells, and whom.

use std::sync::Arc;

use async_trait::async_trait;
use portcullis::{
    Email, SecretString, StoreError, User,
    users::{
        AfterRegistration, AfterRegistrationError, AuditEvent, Intent, Observer, Origin, PasswordPolicy,
        PolicyError, UserManager, Veto, VetoError,
    },
};
use serde_json::json;

use crate::harness::{Answer, Blueprint, Kind, NEW_PASSWORD, PASSWORD, Pass, Service, address, person};

/// An application's own code that goes wrong.
#[derive(Clone, Copy)]
struct Broken {
    panics: bool,
}

impl Broken {
    fn fail(self) -> StoreError {
        assert!(!self.panics, "SELECT secret FROM hooks: on purpose");
        StoreError::internal("hooks", "SELECT secret FROM hooks")
    }
}

#[async_trait]
impl Veto for Broken {
    async fn check(
        &self,
        _intent: Intent<'_>,
        _origin: &Origin,
        _users: &UserManager,
    ) -> Result<(), VetoError> {
        Err(self.fail().into())
    }
}

#[async_trait]
impl AfterRegistration for Broken {
    async fn registered(&self, _user: &User, _users: &UserManager) -> Result<(), AfterRegistrationError> {
        Err(AfterRegistrationError::new(self.fail()))
    }
}

#[async_trait]
impl Observer for Broken {
    async fn observe(&self, _event: &AuditEvent) {
        panic!("SELECT secret FROM hooks: on purpose");
    }
}

#[track_caller]
fn is_internal(answer: &Answer) {
    answer.is_error(500, "Internal Server Error");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("set-cookie"), None);
    assert!(answer.header("x-correlation-id").is_some());
    assert!(!format!("{answer:?}").contains("SELECT"));
}

#[test]
fn e5_e8_a_veto_that_panics_or_fails_is_a_500_and_no_consent() {
    for panics in [false, true] {
        let mut blueprint = Blueprint::of(&[Kind::JwtBearer, Kind::DbCookie]);
        blueprint.veto = Some(Arc::new(Broken { panics }));
        blueprint.run(async |service: &Service| {
            let arthur = service.seed(person("arthur").superuser()).await;
            let lancelot = service.seed(person("lancelot")).await;
            let king = king_without_a_log_in(service, &arthur).await;
            let galahad = json!({"email": address("galahad"), "password": PASSWORD});
            is_internal(&service.post_json("/auth/register", galahad).await);
            is_internal(
                &service
                    .log_in(Kind::DbCookie, &address("lancelot"), PASSWORD)
                    .await,
            );
            let path = format!("/users/{}", lancelot.id);
            is_internal(&service.delete(&path).with(&king).send().await);
            assert!(service.stored(&address("galahad")).await.is_none());
            assert!(service.stored(&address("lancelot")).await.is_some());
            let rows = service.tokens.list(&lancelot.id, 0).await.expect("a list");
            assert!(rows.is_empty(), "nothing was issued");
            assert_eq!(service.me(&king).await.status, 200);
        });
    }
}

#[test]
fn e5_what_follows_a_registration_and_panics_or_fails_is_a_500_and_the_user_is_there() {
    for panics in [false, true] {
        let mut blueprint = Blueprint::of(&[Kind::DbCookie]);
        blueprint.after_registration = Some(Arc::new(Broken { panics }));
        blueprint.run(async |service: &Service| {
            let body = json!({"email": address("galahad"), "password": PASSWORD});
            is_internal(&service.post_json("/auth/register", body).await);
            let answer = service
                .log_in(Kind::DbCookie, &address("galahad"), PASSWORD)
                .await;
            assert_eq!(answer.status, 204);
        });
    }
}

#[test]
fn e5_e7_an_observer_that_panics_fails_no_request() {
    Blueprint::of(&[Kind::DbBearer]).run(async |service: &Service| {
        service
            .auth
            .users()
            .audit()
            .observe(Arc::new(Broken { panics: true }));
        let body = json!({"email": address("galahad"), "password": PASSWORD});
        assert_eq!(service.post_json("/auth/register", body).await.status, 201);
        let pass = service.pass(Kind::DbBearer, &address("galahad")).await;
        assert_eq!(service.me(&pass).await.status, 200);
    });
}

/// A log-in may be the very thing that fails.
async fn king_without_a_log_in(service: &Service, arthur: &portcullis::User) -> Pass {
    use portcullis::{
        ExposeSecret as _, Lifetime, SigningSecret,
        jwt::JwtStrategy,
        store::{ClientInfo, NewLogIn, Strategy as _, Subject},
    };
    let secret = SigningSecret::new(crate::harness::SECRET).expect("long enough");
    let strategy = JwtStrategy::hs256(&secret, Lifetime::from_secs(3600).expect("positive"))
        .expect("long enough")
        .clock(service.clock.clone());
    let issued = strategy
        .issue(&NewLogIn::new(
            "jwt",
            &Subject::from(arthur),
            &ClientInfo::default(),
        ))
        .await
        .expect("issued");
    Pass::new(Kind::JwtBearer, issued.access.secret.expose_secret())
}

/// Asks for each thing that asks `policy`: `judge` looks at each answer, and nothing may have been written.
fn every_password_is_answered(policy: impl PasswordPolicy + 'static, judge: fn(&Answer)) {
    let mut blueprint = Blueprint::of(&[Kind::DbBearer]);
    blueprint.policy = Some(Arc::new(policy));
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let body = json!({"email": address("galahad"), "password": PASSWORD});
        let pass = service.pass(Kind::DbBearer, &address("lancelot")).await;
        let reset = service.reset_token(&address("lancelot")).await;
        let before = service.stored(&address("lancelot")).await.expect("the user");
        judge(&service.post_json("/auth/register", body).await);
        let patch = service
            .patch("/users/me")
            .json(&json!({"password": NEW_PASSWORD}));
        judge(&patch.with(&pass).send().await);
        let body = json!({"token": reset, "password": NEW_PASSWORD});
        judge(&service.post_json("/auth/reset-password", body).await);
        assert!(service.stored(&address("galahad")).await.is_none());
        let after = service.stored(&address("lancelot")).await.expect("the user");
        assert_eq!(after.revision, before.revision, "nothing was written");
        assert_eq!(service.me(&pass).await.status, 200);
    });
}

#[test]
fn e5_a_policy_that_panics_is_a_500_and_the_process_lives_on() {
    struct Panicking;

    #[async_trait]
    impl PasswordPolicy for Panicking {
        async fn check(&self, _password: &SecretString, _email: &Email) -> Result<(), PolicyError> {
            panic!("SELECT secret FROM hooks: on purpose")
        }
    }

    every_password_is_answered(Panicking, is_internal);
}

#[test]
fn p4_a_policy_that_cannot_tell_is_a_503_and_nothing_is_written() {
    struct Down;

    #[async_trait]
    impl PasswordPolicy for Down {
        async fn check(&self, _password: &SecretString, _email: &Email) -> Result<(), PolicyError> {
            Err(StoreError::unreachable("breaches", "SELECT secret FROM breaches").into())
        }
    }

    every_password_is_answered(Down, |answer| {
        answer.is_error(503, "Service Unavailable");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("retry-after").is_some());
        assert!(!format!("{answer:?}").contains("SELECT"));
    });
}

#[test]
fn e1_e2_a_store_error_is_a_503_that_names_no_internals() {
    use diesel::connection::SimpleConnection as _;

    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let pass = service.pass(Kind::DbCookie, &address("lancelot")).await;
        let database = portcullis::sql::sqlite::Database::new(service.pool.clone().expect("SQLite"));
        let drop = |connection: &mut diesel::SqliteConnection| {
            connection.batch_execute("ALTER TABLE users RENAME TO u")
        };
        database.write(drop).await.expect("renamed");
        let body = json!({"email": address("galahad"), "password": PASSWORD});
        for answer in [
            service.me(&pass).await,
            service
                .log_in(Kind::DbBearer, &address("lancelot"), PASSWORD)
                .await,
            service.post_json("/auth/register", body).await,
            service.post(&Kind::DbCookie.logout()).with(&pass).send().await,
        ] {
            answer.is_error(503, "Service Unavailable");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.header("set-cookie"), None);
            assert!(answer.header("retry-after").is_some());
            let all = format!("{:?} {}", answer.headers, answer.text()).to_lowercase();
            for internal in [
                "sqlite",
                "diesel",
                "no such table",
                "users",
                "select",
                "/dev/shm",
                ".rs",
            ] {
                assert!(!all.contains(internal), "{internal}: {all}");
            }
        }
    });
}
