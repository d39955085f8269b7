//! Issuing, reading, replacing and revoking.

use async_trait::async_trait;
use auth_core::{
    Abilities, AccessToken, Advance, Credential, ExposeSecret as _, IssueError, Issued, IssuedToken,
    NewLogIn, ReadError, RefreshStrategy, Rejection, ReplaceStrategy, RevocableStrategy, RotateStrategy,
    ShardTag, StoreError, Strategy, Subject, TokenKind, TokenLookup, UserId, generate_token,
    user_id_from_text,
};
use time::OffsetDateTime;

use super::{
    TrackedJwtStrategy,
    log_in::{Presented, subject_of, within},
};
use crate::{
    RefreshTokens,
    generation::Standing,
    handle::{id_of, key_of},
    refresh_tokens::RefreshToken,
    token::whole_second,
};

impl<Id: UserId> TrackedJwtStrategy<Id> {
    /// True if the token is so old that it should be replaced.
    fn is_old(&self, token: &Presented, now: OffsetDateTime) -> bool {
        self.rotate_after.is_some_and(|age| token.is_as_old_as(age, now))
    }

    /// True if an old token of the log-in `row` can be replaced. A row knows one replaced token, so that one's grace comes first.
    fn is_due(&self, token: &Presented, row: &AccessToken<Id>, now: OffsetDateTime) -> bool {
        let replaced = row.access_generation.since;
        self.is_old(token, now) && !replaced.is_some_and(|since| self.rotation_grace.covers(since, now))
    }

    /// The same, if the token alone tells.
    fn is_surely_due(&self, token: &Presented, now: OffsetDateTime) -> bool {
        let is_grace_over = token.number == 0 || token.is_as_old_as(self.rotation_grace.least_age(), now);
        self.is_old(token, now) && is_grace_over
    }

    /// The standing of an access token of the log-in `row`.
    fn standing(
        &self,
        token: &Presented,
        row: &AccessToken<Id>,
        now: OffsetDateTime,
    ) -> Result<Standing, Rejection> {
        // Whoever can write to the store must not choose for whom this service signs.
        if token.claims.sub.parse().ok().as_ref() != Some(&row.user_id) {
            return Err(Rejection::Unknown);
        }
        if token.claims.epoch != Some(row.epoch) {
            return Err(Rejection::StaleEpoch);
        }
        match Standing::of(token.number, row.access_generation, self.rotation_grace, now) {
            Standing::Replaced => Err(Rejection::Reused),
            Standing::Ahead => Err(Rejection::Unknown),
            standing => Ok(standing),
        }
    }

    /// The credential as the token states it, without a look-up.
    fn unchecked(&self, token: Presented) -> Result<Credential<Id>, Rejection> {
        let user_id = user_id_from_text(&token.claims.sub).ok_or(Rejection::BadClaim)?;
        let epoch = token.claims.epoch.ok_or(Rejection::BadClaim)?;
        let mut credential = Credential::new(Subject::new(user_id, epoch));
        credential.id = Some(id_of(&token.key.digest));
        credential.expires_at = Some(token.claims.exp.0);
        credential.scope = self.jwt.scope_in(&token.claims)?;
        credential.actor = token.claims.act.map(|actor| actor.sub);
        Ok(credential)
    }

    async fn read_by(
        &self,
        audience: &str,
        presented: &str,
        is_latest: bool,
    ) -> Result<Credential<Id>, ReadError> {
        let now = self.jwt.clock.now();
        let token = self.unexpired(audience, presented, now)?;
        if !self.looks_up {
            return Ok(self.unchecked(token)?);
        }
        let mut found = match is_latest {
            true => self.store.find_latest(&token.key).await?,
            false => self.store.find(&token.key).await?,
        };
        let mut standing = None;
        if let Some(row) = found.as_ref().filter(|row| row.provenance.may_be_behind) {
            standing = self
                .standing(&token, row, now)
                .ok()
                .filter(|_good| row.is_live(now));
            // A row of before the last refresh would refuse the token of that.
            if standing.is_none() {
                found = self.store.find_latest(&token.key).await?;
            }
        }
        let row = self.live(&token.key, found, now).await?;
        let standing = match standing {
            Some(standing) => standing,
            None => self.standing(&token, &row, now)?,
        };
        let mut credential = Credential::new(subject_of(&row));
        credential.scope = self.jwt.scope_in(&token.claims)?;
        credential.id = Some(row.id);
        credential.issued_at = Some(row.created_at);
        credential.expires_at = Some(within(&row, token.claims.exp.0));
        credential.rotation_due = self.is_due(&token, &row, now)
            || (self.rotate_after.is_some() && standing == Standing::JustReplaced);
        credential.actor = row.actor;
        credential.loaded_user = row.provenance.loaded_user;
        Ok(credential)
    }

    /// The log-in that a log-out by this access token ends.
    async fn log_in_of_access(
        &self,
        audience: &str,
        presented: &str,
        now: OffsetDateTime,
    ) -> Result<Option<TokenLookup>, StoreError> {
        let Ok(token) = self.issued_here(audience, presented) else {
            return Ok(None);
        };
        if token.claims.exp.0.saturating_add(self.jwt.leeway) <= now {
            return Ok(None);
        }
        // Without rotation, every token of the log-in is of the present generation.
        if self.rotate_after.is_some() {
            let found = self.store.find_latest(&token.key).await?;
            let is_good = |row: AccessToken<Id>| self.standing(&token, &row, now).is_ok();
            if !found.is_some_and(is_good) {
                return Ok(None);
            }
        }
        Ok(Some(token.key))
    }

    /// The log-in that a log-out by this refresh token ends, unless it ends because the token was used before.
    async fn log_in_of_refresh(
        &self,
        audience: &str,
        presented: &str,
        now: OffsetDateTime,
    ) -> Result<Option<TokenLookup>, StoreError> {
        let Ok((tokens, token)) = self.refresh_token(audience, presented) else {
            return Ok(None);
        };
        let key = key_of(token.backend, token.handle);
        let found = self.store.find_latest(&key).await?;
        let is_good = found.is_some_and(|row| {
            let standing = Standing::of(token.number, row.refresh_generation, tokens.grace, now);
            let is_ours = is_of(&token, &row).is_ok() && row.is_live(now);
            is_ours && matches!(standing, Standing::Present | Standing::JustReplaced)
        });
        Ok(is_good.then_some(key))
    }

    /// The refresh token that was `presented`, and the setting. Without refresh tokens, there are none to be valid.
    fn refresh_token<'a>(
        &'a self,
        audience: &'a str,
        presented: &'a str,
    ) -> Result<(&'a RefreshTokens, RefreshToken<'a, Id>), Rejection> {
        let tokens = self.refresh.as_ref().ok_or(Rejection::Malformed)?;
        let token = tokens.read(self.jwt.audiences(audience), presented)?;
        Ok((tokens, token))
    }

    /// The standing of a refresh token of the log-in `row`, which is the present one or was just replaced. If it was replaced
    /// before, it may have been stolen, and the log-in ends.
    async fn standing_of_refresh(
        &self,
        key: &TokenLookup,
        token: &RefreshToken<'_, Id>,
        tokens: &RefreshTokens,
        row: &AccessToken<Id>,
        now: OffsetDateTime,
    ) -> Result<Standing, ReadError> {
        is_of(token, row)?;
        match Standing::of(token.number, row.refresh_generation, tokens.grace, now) {
            Standing::Replaced => {
                self.store.delete(key).await?;
                Err(Rejection::Reused.into())
            }
            Standing::Ahead => Err(Rejection::Unknown.into()),
            standing => Ok(standing),
        }
    }
}

/// Refuses a row of another user or actor than those that the refresh token was signed for: whoever can write to the store must
/// not choose for whom this service signs.
fn is_of<Id: UserId>(token: &RefreshToken<'_, Id>, row: &AccessToken<Id>) -> Result<(), Rejection> {
    let is_same =
        token.subject.user_id == row.user_id && token.subject.epoch == row.epoch && token.actor == row.actor;
    if is_same { Ok(()) } else { Err(Rejection::Unknown) }
}

#[async_trait]
impl<Id: UserId> Strategy<Id> for TrackedJwtStrategy<Id> {
    async fn issue(&self, log_in: &NewLogIn<'_, Id>) -> Result<Issued, IssueError> {
        let (backend, subject) = (log_in.audience, log_in.subject);
        let scope = self.jwt.scope_of(&subject.user_id).await?;
        let handle = generate_token(ShardTag::for_user(&subject.user_id))?;
        let handle = handle.expose_secret();
        let now = self.jwt.clock.now();
        let digest = key_of(backend, handle).digest;
        let end = log_in.bounded(self.lifetime.end(now)).map(whole_second);
        let mut row = AccessToken::new(id_of(&digest), digest, subject.clone(), now).ending(end);
        let end_of_access = self.end_of_access(&row, now);
        match &self.refresh {
            Some(refresh) => row.expires_at = Some(row.bounded(now.saturating_add(refresh.idle))),
            None if self.rotate_after.is_some() => row.expires_at = end_of_access,
            None => row = row.ending(end_of_access),
        }
        row.backend = backend.to_owned();
        row.actor = log_in.actor.map(str::to_owned);
        row.client = log_in.client.clone();
        let issued = self.tokens(backend, handle, &row, scope.as_deref(), now)?;
        self.store.insert(&row, log_in.under(self.cap)).await?;
        Ok(issued)
    }

    async fn read(&self, audience: &str, presented: &str) -> Result<Credential<Id>, ReadError> {
        self.read_by(audience, presented, false).await
    }

    async fn read_latest(&self, audience: &str, presented: &str) -> Result<Credential<Id>, ReadError> {
        self.read_by(audience, presented, true).await
    }
}

#[async_trait]
impl<Id: UserId> RevocableStrategy<Id> for TrackedJwtStrategy<Id> {
    /// Ends the log-in, with everything that was issued for it. The token may have expired within the
    /// [leeway](crate::JwtStrategy::leeway), while the request was on its way. One that expired before that, or was replaced
    /// before the grace, ends nothing.
    ///
    /// # Security
    /// If a log-in is [checked at the refresh only](TrackedJwtStrategy::check_at_refresh_only), its access tokens are valid
    /// until they expire.
    async fn revoke(&self, audience: &str, presented: &str) -> Result<(), StoreError> {
        match self.replaceable(audience, TokenKind::Access, presented).await? {
            Some(log_in) => self.end(&log_in).await,
            None => Ok(()),
        }
    }

    /// With the log-ins of every other backend on the same store.
    async fn revoke_all(&self, user_id: &Id) -> Result<(), StoreError> {
        self.store.delete_all(user_id).await.map(drop)
    }

    fn abilities(&self) -> Abilities<'_, Id> {
        let mut abilities = Abilities::none();
        abilities.refresh = self.refresh.as_ref().map(|_tokens| self as _);
        abilities.rotate = self.rotate_after.map(|_age| self as _);
        abilities.log_ins = Some(&*self.store);
        abilities.replace = Some(self);
        abilities.also_accepts = self.jwt.also_accepted.iter().map(String::as_str).collect();
        abilities
    }
}

#[async_trait]
impl<Id: UserId> ReplaceStrategy<Id> for TrackedJwtStrategy<Id> {
    async fn replaceable(
        &self,
        audience: &str,
        kind: TokenKind,
        presented: &str,
    ) -> Result<Option<TokenLookup>, StoreError> {
        let now = self.jwt.clock.now();
        match kind {
            TokenKind::Access => self.log_in_of_access(audience, presented, now).await,
            TokenKind::Refresh => self.log_in_of_refresh(audience, presented, now).await,
        }
    }

    async fn end(&self, log_in: &TokenLookup) -> Result<(), StoreError> {
        self.store.delete(log_in).await.map(drop)
    }
}

#[async_trait]
impl<Id: UserId> RotateStrategy<Id> for TrackedJwtStrategy<Id> {
    async fn rotate(&self, audience: &str, presented: &str) -> Result<Option<IssuedToken>, ReadError> {
        if self.rotate_after.is_none() {
            return Ok(None);
        }
        let now = self.jwt.clock.now();
        let token = self.unexpired(audience, presented, now)?;
        let user_id = user_id_from_text(&token.claims.sub).ok_or(Rejection::BadClaim)?;
        // Before the step, which a failure must not spend.
        let scope = self.jwt.scope_of(&user_id).await?;
        let mut found = None;
        let mut is_due = self.is_surely_due(&token, now);
        if !is_due {
            found = self.store.find_latest(&token.key).await?;
            is_due = found.as_ref().is_some_and(|row| self.is_due(&token, row, now));
        }
        if is_due {
            let mut step = Advance::new(TokenKind::Access, token.number, now);
            if self.refresh.is_none() {
                step.keep_until = self.jwt.lifetime.end(now).map(whole_second);
            }
            let advanced = self.store.advance(&token.key, &step).await?;
            found = advanced.map(|advanced| advanced.token);
        }
        let row = self.live(&token.key, found, now).await?;
        Ok(match self.standing(&token, &row, now)? {
            Standing::JustReplaced => {
                let at = row.access_generation.since.unwrap_or(row.created_at);
                Some(self.access_token(token.backend(), token.handle(), &row, scope.as_deref(), (at, now))?)
            }
            _ => None,
        })
    }
}

#[async_trait]
impl<Id: UserId> RefreshStrategy<Id> for TrackedJwtStrategy<Id> {
    fn holder_of(&self, audience: &str, presented: &str) -> Result<Credential<Id>, Rejection> {
        let (_tokens, token) = self.refresh_token(audience, presented)?;
        let mut credential = Credential::new(token.subject);
        credential.actor = token.actor;
        Ok(credential)
    }

    async fn refresh(&self, audience: &str, presented: &str) -> Result<Issued, ReadError> {
        let (tokens, token) = self.refresh_token(audience, presented)?;
        let key = key_of(token.backend, token.handle);
        // Before the step, which a failure must not spend.
        let scope = self.jwt.scope_of(&token.subject.user_id).await?;
        let now = self.jwt.clock.now();
        let mut step = Advance::new(TokenKind::Refresh, token.number, now);
        step.keep_until = Some(now.saturating_add(tokens.idle));
        let advanced = self.store.advance(&key, &step).await?;
        let advanced = advanced.ok_or(Rejection::Unknown)?;
        let row = if advanced.by_this_call {
            is_of(&token, &advanced.token)?;
            advanced.token
        } else {
            let row = self.live(&key, Some(advanced.token), now).await?;
            let standing = self.standing_of_refresh(&key, &token, tokens, &row, now).await?;
            if standing == Standing::Present {
                let problem = "the store did not replace the present refresh token";
                return Err(StoreError::contention("access tokens", problem).into());
            }
            row
        };
        Ok(self.tokens(token.backend, token.handle, &row, scope.as_deref(), now)?)
    }

    async fn end_by_refresh(&self, audience: &str, presented: &str) -> Result<(), ReadError> {
        let (tokens, token) = self.refresh_token(audience, presented)?;
        let key = key_of(token.backend, token.handle);
        let now = self.jwt.clock.now();
        let row = self.live(&key, self.store.find_latest(&key).await?, now).await?;
        self.standing_of_refresh(&key, &token, tokens, &row, now).await?;
        self.store.delete(&key).await?;
        Ok(())
    }
}
