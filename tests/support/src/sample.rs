//! Users of the tests.

use std::sync::OnceLock;

use portcullis::{
    Roles, UserId as _,
    store::{NewUser, PasswordHash},
    users::PasswordHasher,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery staple";
/// Another that the policy takes.
pub const NEW_PASSWORD: &str = "thirty white horses on a red hill";

/// The roles of every service: an author writes articles, and an editor does whatever there is to do with them.
///
/// # Panics
/// Never: the names are right.
pub fn roles() -> Roles {
    let roles = Roles::new().role("author", ["articles:write"]);
    let roles = roles.and_then(|roles| roles.role("editor", ["articles:*"]));
    roles.expect("names of roles and permissions")
}

/// The e-mail of somebody.
pub fn address(name: &str) -> String {
    format!("{name}@camelot.example")
}

/// A user to be put straight into the store, which costs no hash.
#[derive(Clone, Debug)]
pub struct Sample {
    pub email: String,
    pub id: Option<Uuid>,
    pub hash: Option<PasswordHash>,
    pub active: bool,
    pub superuser: bool,
    pub verified: bool,
}

/// An active user who is not verified.
pub fn person(name: &str) -> Sample {
    Sample {
        email: address(name),
        id: None,
        hash: Some(hash_of_password()),
        active: true,
        superuser: false,
        verified: false,
    }
}

impl Sample {
    pub fn inactive(mut self) -> Self {
        self.active = false;
        self
    }

    pub fn superuser(mut self) -> Self {
        self.superuser = true;
        self
    }

    pub fn verified(mut self, verified: bool) -> Self {
        self.verified = verified;
        self
    }

    pub fn id(mut self, id: Uuid) -> Self {
        self.id = Some(id);
        self
    }

    pub fn hash(mut self, hash: &str) -> Self {
        self.hash = Some(PasswordHash::new(hash));
        self
    }

    pub fn without_password(mut self) -> Self {
        self.hash = None;
        self
    }

    pub fn into_new(self, created_at: OffsetDateTime) -> NewUser {
        let mut new = NewUser::new(self.email.parse().expect("an e-mail"), (), created_at);
        new.id = self.id.or_else(Uuid::generate);
        new.password_hash = self.hash;
        new.is_active = self.active;
        new.is_superuser = self.superuser;
        new.is_verified = self.verified;
        new
    }
}

/// Computed once a process.
fn hash_of_password() -> PasswordHash {
    static HASH: OnceLock<PasswordHash> = OnceLock::new();
    HASH.get_or_init(|| {
        let computing = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("a runtime");
            runtime.block_on(PasswordHasher::default().hash(&PASSWORD.into()))
        });
        computing.join().expect("no panic").expect("a hash")
    })
    .clone()
}
