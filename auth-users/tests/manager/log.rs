use std::{
    cell::RefCell,
    io,
    sync::{Arc, Once},
};

use auth_core::{ExposeSecret as _, PasswordHash};
use auth_users::{
    AfterRegistration, AfterRegistrationError, FolderMailer, Intent, Origin, Registration, UserManager,
    UserUpdate, Veto, VetoError,
};
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

use crate::scene::{ANOTHER, EMAIL, Knight, KnightUser, PASSWORD, Scene, email};

const WEAK: &str = "password1";
const TYPED: &str = "my-password-typed-as-an-email@camelot.example";
const BROKEN_HASH: &str = "$argon2id$v=19$m=19456$broken";
const OLD_HASH: &str = "$2b$04$GOHJ3POiKCbYNT.JHgyJYudZYObB7muDh43j4m5kEmB3o4bhc8tKK";

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is logged on this thread, from TRACE up. A test here has one thread.
#[derive(Clone, Copy)]
struct Log;

impl Log {
    fn listen() -> Self {
        // One subscriber for all threads: tracing forgets events where some threads have one and others none.
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_ansi(false)
                .with_writer(Self)
                .init();
        });
        LINES.take();
        Self
    }

    fn text(self) -> String {
        LINES.with_borrow(|lines| String::from_utf8(lines.clone()).expect("UTF-8"))
    }

    /// The number of lines that hold all of `parts`.
    fn count(self, parts: &[&str]) -> usize {
        let text = self.text();
        text.lines()
            .filter(|line| parts.iter().all(|part| line.contains(part)))
            .count()
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn e3_e4_each_outcome_is_an_event_with_who_what_and_why_and_no_secret() {
    let log = Log::listen();
    let scene = Scene::with(|settings| settings.requires_verification(true));
    let users = &scene.users;
    let mut hashes = vec![BROKEN_HASH.to_owned(), OLD_HASH.to_owned()];

    let registration = |password: &str| Registration::new(email(EMAIL), password.into(), Knight::default());
    assert!(users.create(registration(WEAK)).await.is_err());
    let arthur = scene.arthur().await;
    assert!(users.create(registration(PASSWORD)).await.is_err());
    hashes.push(arthur.password_hash.clone().expect("hash").expose().to_owned());

    assert!(users.authenticate(TYPED, &PASSWORD.into()).await.is_err());
    assert!(users.authenticate(EMAIL, &ANOTHER.into()).await.is_err());
    assert!(users.authenticate(EMAIL, &PASSWORD.into()).await.is_err());
    let verify = scene.verify_token().await;
    assert!(users.verify("a bad token").await.is_err());
    users.verify(&verify).await.expect("verified");
    assert!(users.verify(&verify).await.is_err());
    users.request_verify(&email(TYPED)).await.expect("store");

    scene
        .change(&arthur, |user| {
            user.password_hash = Some(PasswordHash::new(BROKEN_HASH))
        })
        .await;
    assert!(users.authenticate(EMAIL, &PASSWORD.into()).await.is_err());
    scene
        .change(&arthur, |user| {
            user.password_hash = Some(PasswordHash::new(OLD_HASH))
        })
        .await;
    let user = users
        .authenticate(EMAIL, &PASSWORD.into())
        .await
        .expect("upgraded")
        .into_user();
    hashes.push(user.password_hash.clone().expect("hash").expose().to_owned());

    let reset = scene.reset_token().await;
    users.forgot_password(&email(TYPED)).await.expect("store");
    assert!(users.reset_password(&reset, &WEAK.into()).await.is_err());
    let user = users
        .reset_password(&reset, &ANOTHER.into())
        .await
        .expect("reset");
    assert!(users.reset_password(&reset, &PASSWORD.into()).await.is_err());
    hashes.push(user.password_hash.clone().expect("hash").expose().to_owned());

    let update = |password: &str| UserUpdate::default().password(password.into());
    assert!(users.update(user.clone(), &update(WEAK)).await.is_err());
    let user = users.update(user, &update(PASSWORD)).await.expect("updated");
    hashes.push(user.password_hash.clone().expect("hash").expose().to_owned());
    users.log_out_everywhere(&user.id).await.expect("store");
    users.delete(&user).await.expect("deleted");
    assert!(users.delete(&user).await.is_err());

    let who = arthur.id.to_string();
    for (parts, times) in [
        (&["registration refused", "invalid_password"][..], 1),
        (&["registration refused", "email_taken"], 1),
        (&["registered", &who], 1),
        (&["log-in refused", "unknown_user"], 1),
        (&["log-in refused", "wrong_password", &who], 1),
        (&["log-in refused", "not_verified", &who], 1),
        (&["log-in refused", "unusable_hash", &who], 1),
        (&["WARN", "cannot be verified", "malformed", &who], 1),
        (&["the password hash was replaced", &who], 1),
        (&["verification requested", &who], 1),
        (&["verification not mailed", "unknown_user"], 1),
        (&["verification refused", "bad_token"], 1),
        (&["verification refused", "already_verified", &who], 1),
        (&["INFO", ": verified", &who], 1),
        (&["password reset requested", &who], 1),
        (&["password reset not mailed", "unknown_user"], 1),
        (&["password reset refused", "invalid_password", &who], 1),
        (&["password reset refused", "bad_token", &who], 1),
        (&["password reset user", &who], 1),
        (&["update refused", "invalid_password", &who], 1),
        (&["updated", "password: true", &who], 1),
        (&["logged out everywhere", &who], 1),
        (&["deleted", &who], 1),
        (&["deletion refused", "not_found", &who], 1),
        (&["a mail was sent"], 2),
    ] {
        assert_eq!(log.count(parts), times, "{parts:?} in\n{}", log.text());
    }
    let secrets = [PASSWORD, ANOTHER, WEAK, TYPED, &verify, &reset];
    for secret in secrets.into_iter().chain(hashes.iter().map(String::as_str)) {
        assert!(!log.text().contains(secret), "{secret} in\n{}", log.text());
    }
    assert_eq!(scene.mailbox.mails().len(), 2);
}

/// An application whose errors have two lines.
struct Chatty;

const TWO_LINES: &str = "first line\nsecond line";

#[async_trait::async_trait]
impl Veto<Uuid, Knight> for Chatty {
    async fn check(
        &self,
        _intent: Intent<'_, Uuid, Knight>,
        _origin: &Origin,
        _users: &UserManager<Uuid, Knight>,
    ) -> Result<(), VetoError> {
        Err(VetoError::refused(TWO_LINES))
    }
}

#[async_trait::async_trait]
impl AfterRegistration<Uuid, Knight> for Chatty {
    async fn registered(
        &self,
        _user: &KnightUser,
        _users: &UserManager<Uuid, Knight>,
    ) -> Result<(), AfterRegistrationError> {
        Err(AfterRegistrationError::new(TWO_LINES))
    }
}

#[tokio::test]
async fn e4_a_line_break_in_an_applications_error_is_encoded() {
    for (veto, parts) in [
        (true, ["INFO", "registration refused", "first line\\nsecond line"]),
        (false, ["ERROR", "registered", "first line\\nsecond line"]),
    ] {
        let log = Log::listen();
        let scene = Scene::with(|settings| match veto {
            true => settings.veto(Arc::new(Chatty)),
            false => settings.after_registration(Arc::new(Chatty)),
        });
        let registration = Registration::new(email(EMAIL), PASSWORD.into(), Knight::default());
        assert!(scene.users.create(registration).await.is_err());
        assert_eq!(log.count(&parts), 1, "{}", log.text());
    }
}

#[tokio::test]
async fn e4_a_mailers_error_that_repeats_the_token_is_logged_without_it() {
    struct Indiscreet;

    #[async_trait::async_trait]
    impl auth_users::Mailer for Indiscreet {
        async fn send(&self, mail: &auth_users::Mail) -> Result<(), auth_users::MailError> {
            Err(auth_users::MailError::new(format!(
                "550 rejected: …?token={}\n.",
                mail.token.expose_secret()
            )))
        }
    }

    let log = Log::listen();
    let scene = Scene::with(|settings| {
        let pauses = [1, 1].map(std::time::Duration::from_secs);
        settings.mailer(Arc::new(Indiscreet)).mail_retries(pauses)
    });
    let who = scene.arthur().await.id.to_string();
    // Only now: the clock would run ahead of the hash.
    tokio::time::pause();
    scene.users.request_verify(&email(EMAIL)).await.expect("store");
    scene.users.outbox().drained().await;
    assert_eq!(
        log.count(&[
            "a mail is tried again",
            "verify",
            &who,
            EMAIL,
            "token=[REDACTED]\\n"
        ]),
        2,
        "{}",
        log.text()
    );
    assert_eq!(
        log.count(&[
            "ERROR",
            "a mail was given up",
            "verify",
            &who,
            "token=[REDACTED]\\n"
        ]),
        1
    );
}

#[tokio::test]
async fn e3_a_request_past_the_mail_budget_is_an_event_with_who_and_why() {
    let log = Log::listen();
    let scene = Scene::new();
    let who = scene.arthur().await.id.to_string();
    for _ in 0..5 {
        scene.users.request_verify(&email(EMAIL)).await.expect("store");
    }
    for (parts, times) in [
        (&["verification requested", &who][..], 3),
        (&["verification not mailed", &who, "over_budget"], 2),
    ] {
        assert_eq!(log.count(parts), times, "{parts:?} in\n{}", log.text());
    }
}

#[tokio::test]
async fn e4_the_outbox_folder_logs_the_file_and_not_the_token() {
    let log = Log::listen();
    let folder = tempfile::tempdir().expect("folder");
    let scene =
        Scene::with(|settings| settings.mailer(Arc::new(FolderMailer::new(folder.path()).expect("folder"))));
    scene.arthur().await;
    scene.users.forgot_password(&email(EMAIL)).await.expect("store");
    scene.users.outbox().drained().await;
    let file = std::fs::read_dir(folder.path())
        .expect("folder")
        .next()
        .expect("a mail")
        .expect("entry");
    let mail: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file.path()).expect("file")).expect("JSON");
    assert_eq!(
        (mail["kind"].as_str(), mail["to"].as_str()),
        (Some("reset"), Some(EMAIL))
    );
    let token = mail["token"].as_str().expect("token");
    scene
        .users
        .reset_password(token, &ANOTHER.into())
        .await
        .expect("the token in the file is good");
    let name = file.file_name().into_string().expect("name");
    assert_eq!(log.count(&["reset", EMAIL, &name]), 1, "{}", log.text());
    assert!(!log.text().contains(token), "{}", log.text());
}

#[test]
fn e4_nothing_that_holds_a_secret_prints_it() {
    let mail = auth_users::Mail::new(auth_users::MailKind::Reset, EMAIL, "s3cret".into());
    let registration = Registration::new(email(EMAIL), "s3cret".into(), ());
    let update = UserUpdate::default().password("s3cret".into());
    let printed = format!("{mail:?} {registration:?} {update:?} {:?}", Scene::new().users);
    assert!(!printed.contains("s3cret"), "{printed}");
}
