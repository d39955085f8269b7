//! What a newcomer gets wrong. It is not to compile: `main.rs` reads what the compiler says.

use std::sync::Arc;

use portcullis::{ConfigError, Credential, Lifetime, OpaqueStrategy, SigningSecret, UserId, async_trait, actix::Auth, http::{AuthBackend, BearerTransport}, jwt::JwtStrategy, mongo::DocumentId, sql::ColumnId, store::{ClientInfo, IssueError, Issued, ReadError, Strategy, Subject}, testing::memory::MemoryAccessTokenStore, users::{AfterRegistration, Mailer, Observer, PasswordPolicy, UserLookup, UserManager, UserManagerBuilder, Veto}};

struct Own;

#[async_trait]
impl Strategy for Own {
    async fn issue(
        &self,
        _audience: &str,
        _subject: &Subject,
        _client: &ClientInfo,
    ) -> Result<Issued, IssueError> {
        Err(IssueError::UnknownUser)
    }

    async fn read(&self, _audience: &str, _presented: &str) -> Result<Credential, ReadError> {
        unimplemented!()
    }
}

fn plain_jwt(strategy: JwtStrategy) -> AuthBackend {
    AuthBackend::new("jwt", BearerTransport, strategy)
}

fn own_strategy() -> AuthBackend {
    AuthBackend::new("own", BearerTransport, Own)
}

fn store(store: MemoryAccessTokenStore) -> AuthBackend {
    AuthBackend::bearer("store", store)
}

fn other_order(strategy: JwtStrategy) -> AuthBackend {
    AuthBackend::stateless("jwt", strategy, BearerTransport)
}

fn tokens_of_nobody() -> Result<OpaqueStrategy, ConfigError> {
    Ok(OpaqueStrategy::new(Arc::new(Own), Lifetime::from_secs(3600)?))
}

fn users_of_nobody(secret: &SigningSecret) {
    let _: UserManagerBuilder = UserManager::builder(Arc::new(Own), secret);
}

fn id<Id: UserId>() {}

fn column<Id: ColumnId>() {}

fn document<Id: DocumentId>() {}

fn ids() {
    id::<u8>();
    column::<u16>();
    document::<u32>();
}

fn hooks() {
    let _: Arc<dyn AfterRegistration> = Arc::new(Own);
    let _: Arc<dyn Observer> = Arc::new(Own);
    let _: Arc<dyn Veto> = Arc::new(Own);
    let _: Arc<dyn Mailer> = Arc::new(Own);
    let _: Arc<dyn UserLookup> = Arc::new(Own);
    let _: Arc<dyn PasswordPolicy> = Arc::new(Own);
}

fn role(auth: &Auth) {
    let _ = auth.require("admin");
}
