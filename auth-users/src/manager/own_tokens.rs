use auth_core::{ConfigError, Lifetime, Profile, SecretString, StoreError, User, UserId};

use super::{UserManager, outcome::Reason, rewrite::NotWritten};
use crate::{
    EventKind,
    one_time_token::{Claim, Purpose},
};

/// The reason that a one-time token of the application was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OneTimeTokenError {
    /// The token is malformed, expired, redeemed or for another purpose, or its user was changed since it was issued,
    /// was deleted, or is inactive.
    #[error("bad token")]
    BadToken,
    /// The store did not answer. The token may be used up, if this was a redemption.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

impl From<NotWritten> for OneTimeTokenError {
    fn from(error: NotWritten) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Reason for OneTimeTokenError {
    fn why(&self) -> &'static str {
        match self {
            Self::BadToken => "bad_token",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl<Id: UserId, P: Profile> UserManager<Id, P> {
    /// A token for a purpose of the application's own, such as a link to log in or to confirm the deletion of an account.
    /// It is URL-safe, and good for `lifetime` and for this `purpose` alone.
    ///
    /// It works once, because it is bound to the revision of `user`, which
    /// [`redeem_one_time_token`](Self::redeem_one_time_token) raises. No list of tokens is kept. **So every other
    /// change of the user ends the token, too**: a new password, another value in the profile, "log out everywhere",
    /// another redeemed token. Give the user as stored now, and keep the lifetime short.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{ExposeSecret, Lifetime, SigningSecret, testing::memory::MemoryUserStore};
    /// # use portcullis::users::{Registration, UserManager};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = SigningSecret::generate()?;
    /// # let users: UserManager = UserManager::builder(Arc::new(MemoryUserStore::new()), &secret).build()?;
    /// # let user = users.create(Registration::without_password("ada@example.com".parse()?, ())).await?;
    /// let token = users.one_time_token("log in", &user, Lifetime::from_secs(600)?)?;
    /// let token = token.expose_secret(); // Mail it, in a link to your own page.
    ///
    /// // The page can look at the token first. Redeem it when the user presses the button: scanners of mails follow links.
    /// users.check_one_time_token("log in", token).await?;
    /// let user = users.redeem_one_time_token("log in", token).await?;
    /// assert!(users.redeem_one_time_token("log in", token).await.is_err());
    /// let identified = users.identify_without_proof(user); // The token is the proof.
    /// # let _ = identified;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] naming `lifetime` if it is [`Lifetime::FOREVER`].
    pub fn one_time_token(
        &self,
        purpose: &str,
        user: &User<Id, P>,
        lifetime: Lifetime,
    ) -> Result<SecretString, ConfigError> {
        let expires_at = lifetime
            .end(self.clock.now())
            .ok_or_else(|| ConfigError::new("lifetime", "a one-time token needs an end"))?;
        Ok(self.tokens.issue(Purpose::Own(purpose), user, expires_at))
    }

    /// The user of `token`. The token stays good: this is for a page that shows what is about to happen.
    ///
    /// # Errors
    /// [`OneTimeTokenError`].
    pub async fn check_one_time_token(
        &self,
        purpose: &str,
        token: &str,
    ) -> Result<User<Id, P>, OneTimeTokenError> {
        let claim = self.own_claim(purpose, token);
        let checked = async {
            let claim = claim.as_ref().ok_or(OneTimeTokenError::BadToken)?;
            let found = self.store.find_latest(&claim.user_id).await?;
            claimant(claim, found).ok_or(OneTimeTokenError::BadToken)
        };
        let checked = self.attended(id_in(&claim), refused(purpose), checked).await;
        checked.inspect_err(|error| self.record(refused(purpose)(error.why()), id_in(&claim)))
    }

    /// Uses up `token`, and returns its user as stored afterwards. Of any number of concurrent calls one succeeds.
    ///
    /// The token is used up before you act on it. If your action then fails, issue another token.
    ///
    /// # Errors
    /// [`OneTimeTokenError`].
    pub async fn redeem_one_time_token(
        &self,
        purpose: &str,
        token: &str,
    ) -> Result<User<Id, P>, OneTimeTokenError> {
        let claim = self.own_claim(purpose, token);
        let redeemed = async {
            let claim = claim.as_ref().ok_or(OneTimeTokenError::BadToken)?;
            let found = self.store.find_latest(&claim.user_id).await?;
            let redeemed: Result<_, OneTimeTokenError> = self
                .rewrite(&claim.user_id, found, |found| Ok(claimant(claim, found)))
                .await;
            redeemed?.ok_or(OneTimeTokenError::BadToken)
        };
        let id = id_in(&claim);
        let redeemed = self.attended(id, refused(purpose), redeemed).await;
        let done = || EventKind::OneTimeTokenRedeemed {
            purpose: purpose.to_owned(),
        };
        self.conclude(id, redeemed, done, refused(purpose))
    }

    fn own_claim<'a>(&self, purpose: &'a str, token: &str) -> Option<Claim<'a, Id>> {
        let purposes = [Purpose::Own(purpose)];
        self.tokens.open(&purposes, token, self.clock.now())
    }
}

/// The event of a token for `purpose` that is refused.
fn refused(purpose: &str) -> impl Fn(&'static str) -> EventKind {
    |why| EventKind::OneTimeTokenRefused {
        purpose: purpose.to_owned(),
        why,
    }
}

fn id_in<'c, Id>(claim: &'c Option<Claim<'_, Id>>) -> Option<&'c Id> {
    claim.as_ref().map(|claim| &claim.user_id)
}

/// The user of `claim`, if `found` is unchanged since.
fn claimant<Id: UserId, P>(claim: &Claim<'_, Id>, found: Option<User<Id, P>>) -> Option<User<Id, P>> {
    found.filter(|user| user.is_active && claim.is_of(user))
}
