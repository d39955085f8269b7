//! A manager over the memory store, and what watches it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use auth_core::{
    Clock, Email, ExposeSecret as _, InsertUserError, ManualClock, NewUser, NormalizedEmail, PasswordHash,
    SigningSecret, StoreError, UpdateUserError, User, UserStore, memory::MemoryUserStore,
};
use auth_users::{
    EventKind, MailKind, Mailer, PasswordHasher, Registration, UserManager, UserManagerBuilder,
};
use portcullis::testing::{Journal, Mailbox};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) const EMAIL: &str = "King.Arthur@camelot.example";
pub(crate) const PASSWORD: &str = "the holy grail of passwords";
pub(crate) const ANOTHER: &str = "a shrubbery, not too expensive";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Knight {
    #[serde(default)]
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) quests: u32,
}

pub(crate) type KnightUser = User<Uuid, Knight>;

pub(crate) struct Scene {
    pub(crate) users: Arc<UserManager<Uuid, Knight>>,
    pub(crate) store: Arc<Meddled>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) journal: Arc<Journal>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(|settings| settings)
    }

    pub(crate) fn with(
        settings: impl FnOnce(UserManagerBuilder<Uuid, Knight>) -> UserManagerBuilder<Uuid, Knight>,
    ) -> Self {
        let store = Arc::new(Meddled::default());
        let clock = Arc::new(ManualClock::default());
        let mailbox = Arc::new(Mailbox::default());
        let journal = Arc::new(Journal::default());
        let secret = SigningSecret::generate().expect("randomness");
        // Many tests at once keep the machine busy, and a hash would wait for all of them.
        let hasher = PasswordHasher::builder()
            .deadline(Duration::from_secs(60))
            .build()
            .expect("hasher");
        let builder = UserManager::builder(Arc::clone(&store) as Arc<dyn UserStore<Uuid, Knight>>, &secret)
            .hasher(hasher)
            .clock(Arc::clone(&clock) as Arc<dyn Clock>)
            .mailer(Arc::clone(&mailbox) as Arc<dyn Mailer>);
        let users = settings(builder).build().expect("settings");
        users.audit().observe(Arc::clone(&journal) as Arc<_>);
        Self {
            users: Arc::new(users),
            store,
            clock,
            mailbox,
            journal,
        }
    }

    /// Every event so far: its name, and what changed or why it was refused.
    pub(crate) async fn events(&self) -> Vec<String> {
        self.users.audit().drained().await;
        let events = self.journal.events().into_iter();
        let entries = events.map(|event| match event.kind {
            EventKind::Updated { changed } => format!("updated: {changed:?}"),
            kind => match kind.why() {
                Some(why) => format!("{}: {why}", kind.name()),
                None => kind.name().to_owned(),
            },
        });
        entries.collect()
    }

    pub(crate) async fn arthur(&self) -> KnightUser {
        let registration = Registration::new(email(EMAIL), PASSWORD.into(), Knight::default());
        self.users.create(registration).await.expect("registered")
    }

    /// Puts a user into the store past the manager.
    pub(crate) async fn stored(&self, password_hash: Option<&str>) -> KnightUser {
        let mut user = NewUser::new(email(EMAIL), Knight::default(), self.clock.now());
        user.id = Some(Uuid::now_v7());
        user.password_hash = password_hash.map(PasswordHash::new);
        self.store.insert(user).await.expect("inserted")
    }

    pub(crate) async fn read(&self, user: &KnightUser) -> KnightUser {
        self.users.find(&user.id).await.expect("store").expect("user")
    }

    /// Changes the stored user past the manager.
    pub(crate) async fn change(&self, user: &KnightUser, change: impl FnOnce(&mut KnightUser)) {
        let mut user = self.read(user).await;
        change(&mut user);
        self.store.inner.update(&user).await.expect("changed");
    }

    pub(crate) async fn verify_token(&self) -> String {
        self.users.request_verify(&email(EMAIL)).await.expect("store");
        self.newest_token(MailKind::Verify).await
    }

    pub(crate) async fn reset_token(&self) -> String {
        self.users.forgot_password(&email(EMAIL)).await.expect("store");
        self.newest_token(MailKind::Reset).await
    }

    async fn newest_token(&self, kind: MailKind) -> String {
        self.users.outbox().drained().await;
        let mail = self.mailbox.mails().pop().expect("a mail");
        assert_eq!(mail.kind, kind);
        mail.token.expose_secret().to_owned()
    }

    /// Whether the password is right, past every other check.
    pub(crate) async fn has_password(&self, user: &KnightUser, password: &str) -> bool {
        let user = self.read(user).await;
        let password = password.into();
        let verdict = self.users.hasher().verify(&password, user.password_hash.as_ref());
        verdict.await.expect("hasher") == auth_users::PasswordCheck::Match
    }
}

pub(crate) fn email(address: &str) -> Email {
    address.parse().expect("e-mail")
}

type Meddling = Box<dyn FnOnce(&mut KnightUser) + Send>;

/// The memory store, with another writer who comes first, a connection that breaks at a write, and awaits around each
/// operation.
#[derive(Default)]
pub(crate) struct Meddled {
    pub(crate) inner: MemoryUserStore<Uuid, Knight>,
    first: Mutex<Option<Meddling>>,
    pub(crate) breaks: Mutex<bool>,
    /// The connection breaks at a read.
    pub(crate) is_down: AtomicBool,
}

impl Meddled {
    /// Lets another writer change the user right before the next write.
    pub(crate) fn before_next_write(&self, change: impl FnOnce(&mut KnightUser) + Send + 'static) {
        *self.first.lock().expect("lock") = Some(Box::new(change));
    }

    fn reached(&self) -> Result<(), StoreError> {
        match self.is_down.load(SeqCst) {
            true => Err(StoreError::unreachable("meddled", "no route to host")),
            false => Ok(()),
        }
    }

    fn broken(&self) -> Result<(), StoreError> {
        match *self.breaks.lock().expect("lock") {
            true => Err(StoreError::unreachable("meddled", "connection reset by peer")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl UserStore<Uuid, Knight> for Meddled {
    async fn insert(&self, user: NewUser<Uuid, Knight>) -> Result<KnightUser, InsertUserError> {
        tokio::task::yield_now().await;
        self.broken()?;
        let inserted = self.inner.insert(user).await;
        tokio::task::yield_now().await;
        inserted
    }

    async fn find(&self, id: &Uuid) -> Result<Option<KnightUser>, StoreError> {
        tokio::task::yield_now().await;
        self.reached()?;
        self.inner.find(id).await
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<KnightUser>, StoreError> {
        tokio::task::yield_now().await;
        self.reached()?;
        self.inner.find_by_email(email).await
    }

    async fn update(&self, user: &KnightUser) -> Result<(), UpdateUserError> {
        tokio::task::yield_now().await;
        self.broken()?;
        let first = self.first.lock().expect("lock").take();
        if let Some(change) = first {
            let mut other = self.inner.find(&user.id).await?.expect("user");
            change(&mut other);
            self.inner
                .update(&other)
                .await
                .expect("the other writer came first");
        }
        let updated = self.inner.update(user).await;
        tokio::task::yield_now().await;
        updated
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, StoreError> {
        tokio::task::yield_now().await;
        self.broken()?;
        self.inner.delete(id).await
    }
}
