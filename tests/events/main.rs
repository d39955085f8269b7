//! E3 and E4: what a whole journey leaves in the log. A process of its own, as it listens to every event of it.

use portcullis_support as harness;

mod log;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use portcullis::{
    ExposeSecret as _,
    testing::Mailbox,
    users::{Intent, Mail, MailError, Mailer, Origin, UserManager, Veto, VetoError},
};
use serde_json::json;

use crate::log::{Log, has_no_secret, has_whole_lines, tells, tells_nothing_of};
use harness::{Answer, Blueprint, Kind, NEW_PASSWORD, PASSWORD, Pass, Service, address, person};

/// A mail server whose errors have a line of their own, and repeat the mail.
struct Chatty(Arc<Mailbox>);

#[async_trait]
impl Mailer for Chatty {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.0.send(mail).await?;
        let token = mail.token.expose_secret();
        Err(MailError::new(format!(
            "550 refused\nFORGED mail {token}\r\nFORGED end"
        )))
    }
}

/// A veto with a message of several lines, which lets Kay not in.
struct Forging;

#[async_trait]
impl Veto for Forging {
    async fn check(
        &self,
        intent: Intent<'_>,
        _origin: &Origin,
        _users: &UserManager,
    ) -> Result<(), VetoError> {
        match intent {
            Intent::LogIn { user, .. } if user.email.as_str() == address("kay") => {
                Err(VetoError::refused("not Kay\nFORGED by a veto\u{1b}[31m"))
            }
            _ => Ok(()),
        }
    }
}

/// The whole journey is one test: the log is the process's.
#[test]
fn e3_e4_each_outcome_is_an_event_with_who_what_and_why_and_no_secret_is_in_any() {
    let log = Log::default();
    let whole = Log::default();
    let subscriber = tracing_subscriber::fmt()
        // Everything but the test's own client.
        .with_env_filter("trace,hyper_util=off,hyper=off,reqwest=off")
        .with_ansi(false)
        .without_time()
        .with_writer(tracing_subscriber::fmt::writer::Tee::new(
            log.clone(),
            whole.clone(),
        ))
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("the first");

    let mailbox = Arc::new(Mailbox::new());
    let mut blueprint = Blueprint::of(&Kind::ALL);
    blueprint.mailer = Some(Arc::new(Chatty(mailbox.clone())));
    // Each mail is given up before the journey goes on.
    blueprint.mail_retries = Some(vec![Duration::from_millis(100)]);
    blueprint.veto = Some(Arc::new(Forging));
    blueprint.run(async |service: &Service| journey(service, &log, &whole, &mailbox).await);
}

async fn journey(service: &Service, log: &Log, whole: &Log, mailbox: &Mailbox) {
    let mut secrets = vec![
        PASSWORD.to_owned(),
        NEW_PASSWORD.to_owned(),
        "a wrong password".to_owned(),
    ];
    let email = address("lancelot");
    let register = || service.post_json("/auth/register", json!({"email": email, "password": PASSWORD}));
    log.take();

    assert_eq!(register().await.status, 201);
    let user = service.stored(&email).await.expect("registered");
    let id = &*user.id.to_string();
    tells(log, &[id, "registered"]);
    assert_eq!(register().await.status, 400);
    tells(log, &["registration refused", "email_taken"]);
    let short = json!({"email": address("short"), "password": "hunter2"});
    secrets.push("hunter2".to_owned());
    assert_eq!(service.post_json("/auth/register", short).await.status, 400);
    tells(log, &["registration refused", "invalid_password"]);

    for (name, password, why) in [
        ("nobody", PASSWORD, "unknown_user"),
        ("lancelot", "a wrong password", "wrong_password"),
    ] {
        service.log_in(Kind::DbBearer, &address(name), password).await;
        tells(log, &["log-in refused", why]);
    }
    service.seed(person("mordred").inactive()).await;
    service
        .log_in(Kind::DbBearer, &address("mordred"), PASSWORD)
        .await;
    tells(log, &["log-in refused", "inactive"]);

    let mut passes: Vec<Pass> = Vec::new();
    for kind in Kind::ALL {
        passes.push(service.pass(kind, &email).await);
        tells(
            log,
            &[
                id,
                "a user logged in",
                r#"event="logged_in""#,
                &format!("backend={:?}", kind.name()),
            ],
        );
    }
    log_ins_that_do_not_stand(service, log, &mut passes).await;
    refused_requests(service, log, id, &passes).await;
    refreshes(service, log, id, &mut passes).await;
    for pass in &passes[..Kind::ALL.len()] {
        service
            .me(&Pass::new(pass.kind, format!("{}x", pass.token)))
            .await
            .is_unauthorized();
        // Several backends read a Bearer token, and a damaged one is none's.
        let backend = if pass.kind.is_cookie() {
            pass.kind.name()
        } else {
            "backend="
        };
        tells(log, &["rejected", r#"event="credential_refused""#, backend]);
        if pass.kind.is_revocable() {
            service
                .post(&pass.kind.logout())
                .with(pass)
                .send()
                .await
                .is(204, "");
            tells(log, &[id, "logged out", pass.kind.name()]);
            service.me(pass).await.is_unauthorized();
            tells(log, &["rejected", "unknown"]);
        }
    }
    let forged = service
        .patch("/users/me")
        .json(&json!({}))
        .header("origin", "https://evil.example");
    forged.with(&passes[2]).send().await.is_forbidden();
    tells(log, &["cross-site", "refused"]);

    let verify = mailed(service, mailbox, "/auth/request-verify-token", &email).await;
    tells(log, &[id, "verification requested"]);
    let reset = mailed(service, mailbox, "/auth/forgot-password", &email).await;
    tells(log, &[id, "password reset requested"]);
    let answer: Answer = service.post_json("/auth/verify", json!({"token": verify})).await;
    assert_eq!(answer.status, 200);
    tells(log, &[id, ": verified"]);
    service.post_json("/auth/verify", json!({"token": verify})).await;
    tells(log, &["verification refused", "already_verified"]);
    let body = json!({"token": reset, "password": NEW_PASSWORD});
    service
        .post_json("/auth/reset-password", body.clone())
        .await
        .is(200, "null");
    tells(log, &[id, "password reset"]);
    service.post_json("/auth/reset-password", body).await;
    tells(log, &["password reset refused", "bad_token"]);
    service.me(&passes[0]).await.is_unauthorized();
    tells(log, &["rejected", "stale_epoch"]);

    let log_in = service.log_in(Kind::JwtBearer, &email, NEW_PASSWORD).await;
    let pass = Kind::JwtBearer.issued(&log_in);
    let patch = service
        .patch("/users/me")
        .json(&json!({"email": address("launcelot"), "password": PASSWORD}));
    assert_eq!(patch.with(&pass).send().await.status, 200);
    tells(log, &[id, "updated", "email: true", "password: true"]);

    service.seed(person("arthur").superuser()).await;
    let king = service.pass(Kind::DbBearer, &address("arthur")).await;
    service
        .delete(&format!("/users/{id}"))
        .with(&king)
        .send()
        .await
        .is(204, "");
    tells(log, &[id, "deleted"]);
    service.me(&pass).await.is_unauthorized();
    tells(log, &["rejected"]);

    // What a client may write into a log, were it written as it is.
    let forged = "x\r\n INFO portcullis::users: FORGED by a client";
    service.log_in(Kind::DbBearer, forged, PASSWORD).await;
    service
        .post_json("/auth/register", json!({"email": forged, "password": PASSWORD}))
        .await;
    service.get("/users/me%0aFORGED").send().await;
    log.take();
    store_down(service).await;
    tells(log, &["a request failed", "correlation_id", "sqlite"]);
    service.me(&king).await.is_error(503, "Service Unavailable");
    tells(
        log,
        &[
            " WARN",
            "a credential could not be read",
            r#"outcome="unavailable""#,
            r#"backend="db""#,
            r#"origin="sqlite""#,
            "no such table",
        ],
    );

    secrets.extend([verify, reset]);
    for pass in passes.into_iter().chain([pass, king]) {
        secrets.extend(std::iter::once(pass.token).chain(pass.refresh));
    }
    has_no_secret(&whole.text(), &secrets);
    has_whole_lines(&whole.text());
}

/// Log-ins that a veto refuses, and that fail once their credential was issued. What they used is added to `passes`.
async fn log_ins_that_do_not_stand(service: &Service, log: &Log, passes: &mut Vec<Pass>) {
    service.seed(person("kay")).await;
    service
        .log_in(Kind::DbBearer, &address("kay"), PASSWORD)
        .await
        .is_forbidden();
    tells_nothing_of(log, "logged in");
    tells(log, &["log-in refused", "vetoed", "not Kay"]);

    service.seed(person("bors")).await;
    let old = service.pass(Kind::DbBearer, &address("bors")).await;
    log.take();
    let again = || {
        let form = [("username", &*address("bors")), ("password", PASSWORD)];
        service
            .post(&Kind::DbBearer.login())
            .form(&form)
            .with(&old)
            .send()
    };
    in_database(
        service,
        "CREATE TRIGGER stuck BEFORE DELETE ON access_tokens BEGIN SELECT RAISE(ABORT, 'stuck'); END",
    )
    .await;
    again().await.is_error(503, "Service Unavailable");
    tells_nothing_of(log, "logged in");
    let lines = log.take();
    for told in ["a request failed", "stuck", "log-in refused", "unavailable"] {
        assert!(lines.contains(told), "{told} in {lines}");
    }
    assert_eq!(service.me(&old).await.status, 200, "the old credential lives");
    in_database(service, "DROP TRIGGER stuck").await;
    let answer = again().await;
    let lines = log.take();
    assert_eq!(lines.matches("logged in").count(), 1, "{lines}");
    service.me(&old).await.is_unauthorized();
    passes.extend([old, Kind::DbBearer.issued(&answer)]);
}

/// A refresh, and what is none. What they used is added to `passes`.
async fn refreshes(service: &Service, log: &Log, id: &str, passes: &mut Vec<Pass>) {
    for kind in [Kind::TrackedBearer, Kind::TrackedCookie] {
        let pass = service.pass(kind, &address("lancelot")).await;
        let backend = format!("backend={:?}", kind.name());
        log.take();
        let next = kind.issued(&service.refresh(kind, pass.refresh()).await);
        tells(
            log,
            &[
                " INFO",
                id,
                "a log-in was refreshed",
                r#"event="refreshed""#,
                &backend,
            ],
        );
        let edited = format!("{}x", next.refresh());
        service.refresh(kind, &edited).await.is_unauthorized();
        tells(
            log,
            &[
                "a refresh token was rejected",
                r#"event="refresh_refused""#,
                &backend,
            ],
        );
        service.clock.advance(time::Duration::MINUTE);
        service.refresh(kind, pass.refresh()).await.is_unauthorized();
        tells(
            log,
            &[" WARN", id, "stolen", r#"event="refresh_token_reused""#, &backend],
        );
        passes.extend([pass, next]);
    }
}

/// What nobody may, and what a user may not.
async fn refused_requests(service: &Service, log: &Log, id: &str, passes: &[Pass]) {
    log.take();
    service.get("/users/me").send().await.is_unauthorized();
    tells(
        log,
        &["DEBUG", "no credential was presented", r#"outcome="anonymous""#],
    );
    let pass = &passes[0];
    let others = service.get(&format!("/users/{id}")).with(pass).send().await;
    others.is_forbidden();
    tells(
        log,
        &[
            " INFO",
            "a user may not do this",
            r#"event="forbidden""#,
            id,
            &format!("backend={:?}", pass.kind.name()),
            "Superuser",
        ],
    );
}

/// Asks for a mail, and takes the token out of it; the mailer says that it failed.
async fn mailed(service: &Service, mailbox: &Mailbox, path: &str, email: &str) -> String {
    service
        .post_json(path, json!({ "email": email }))
        .await
        .is(202, "null");
    service.auth.users().outbox().drained().await;
    let mails = mailbox.take();
    mails.first().expect("a mail").token.expose_secret().to_owned()
}

async fn in_database(service: &Service, sql: &'static str) {
    use diesel::connection::SimpleConnection as _;

    let database = portcullis::sql::sqlite::Database::new(service.pool.clone().expect("SQLite"));
    let run = |connection: &mut diesel::SqliteConnection| connection.batch_execute(sql);
    database.write(run).await.expect("run");
}

async fn store_down(service: &Service) {
    in_database(service, "ALTER TABLE users RENAME TO u").await;
    service
        .log_in(Kind::DbBearer, &address("arthur"), PASSWORD)
        .await
        .is_error(503, "Service Unavailable");
}
