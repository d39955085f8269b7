//! A log-in, and the tokens that name it.

use auth_core::{AccessToken, Issued, IssuedToken, Rejection, StoreError, Subject, TokenLookup, UserId};
use time::{Duration, OffsetDateTime};

use super::TrackedJwtStrategy;
use crate::{
    claims::Claims,
    handle::key_of,
    token::{NewToken, whole_second},
};

/// A tracked JWT that this service issued.
pub(super) struct Presented {
    pub(super) key: TokenLookup,
    /// Which of the log-in's access tokens it is.
    pub(super) number: i64,
    pub(super) claims: Claims,
}

impl Presented {
    /// The backend that issued it.
    pub(super) fn backend(&self) -> &str {
        self.claims.backend().unwrap_or_default()
    }

    /// The name of its log-in.
    pub(super) fn handle(&self) -> &str {
        self.claims.jti.as_deref().unwrap_or_default()
    }

    /// True if it was issued `age` ago, or earlier.
    pub(super) fn is_as_old_as(&self, age: Duration, now: OffsetDateTime) -> bool {
        let issued = self.claims.iat.as_ref();
        issued.is_some_and(|issued| issued.0.saturating_add(age) <= now)
    }
}

impl<Id: UserId> TrackedJwtStrategy<Id> {
    /// The token that was `presented`, whether or not it has expired.
    pub(super) fn issued_here(&self, audience: &str, presented: &str) -> Result<Presented, Rejection> {
        let claims = self.jwt.authentic(presented)?.claims;
        let mut accepted = self.jwt.audiences(audience);
        let key = match (&claims.jti, claims.backend()) {
            (Some(handle), Some(backend)) if accepted.any(|name| name == backend) => {
                Some(key_of(backend, handle))
            }
            _ => None,
        };
        // The `jti` of a plain token is no handle, so its key has no tag.
        let key = key.filter(|key| key.tag.is_some()).ok_or(Rejection::BadClaim)?;
        Ok(Presented {
            key,
            number: claims.generation.unwrap_or_default(),
            claims,
        })
    }

    /// The token that was `presented`, if it has not expired.
    pub(super) fn unexpired(
        &self,
        audience: &str,
        presented: &str,
        now: OffsetDateTime,
    ) -> Result<Presented, Rejection> {
        let token = self.issued_here(audience, presented)?;
        token.claims.check_time(now, self.jwt.leeway)?;
        Ok(token)
    }

    /// The log-in that was `found`, if it has not expired. One that is over is deleted, or it would be valid again if the
    /// clock steps back.
    pub(super) async fn live(
        &self,
        key: &TokenLookup,
        found: Option<AccessToken<Id>>,
        now: OffsetDateTime,
    ) -> Result<AccessToken<Id>, Rejection> {
        let row = found.ok_or(Rejection::Unknown)?;
        if row.is_live(now) {
            return Ok(row);
        }
        if row.is_over(now) {
            // It is rejected, whether or not it can be removed.
            let _removed = self.store.delete(key).await;
        }
        Err(Rejection::Expired)
    }

    /// The end of an access token that is issued at `at`. If the log-in is not used, it can end before that.
    pub(super) fn end_of_access(&self, row: &AccessToken<Id>, at: OffsetDateTime) -> Option<OffsetDateTime> {
        let end = self.jwt.lifetime.end(at)?;
        Some(whole_second(within(row, end)))
    }

    /// The access token of the present generation, as it was issued at `at`, but with the `scope` of now. It is handed out at
    /// `now`.
    pub(super) fn access_token(
        &self,
        backend: &str,
        handle: &str,
        row: &AccessToken<Id>,
        scope: Option<&str>,
        (at, now): (OffsetDateTime, OffsetDateTime),
    ) -> Result<IssuedToken, StoreError> {
        let number = row.access_generation.number;
        // A clock that was set back since would make a token that is not valid yet.
        let at = if now.saturating_add(self.jwt.leeway) < at {
            now
        } else {
            at
        };
        let mut token = self.jwt.sign(&NewToken {
            backend,
            subject: &subject_of(row),
            jti: handle,
            generation: (number > 0).then_some(number),
            actor: row.actor.as_deref(),
            scope,
            issued_at: at,
            end: self.end_of_access(row, at),
        })?;
        token.issued_at = now;
        Ok(token)
    }

    /// The tokens of the present generations, which are handed out at `now`. They follow from the row and the scope alone, unless an access
    /// token that did would be dead by now.
    pub(super) fn tokens(
        &self,
        backend: &str,
        handle: &str,
        row: &AccessToken<Id>,
        scope: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Issued, StoreError> {
        let present = row.refresh_generation;
        // Not before the token of a rotation, although the refresh token may have been replaced before that.
        let instants = [present.since, row.access_generation.since];
        let since = instants.into_iter().flatten().max().unwrap_or(row.created_at);
        // The grace of a refresh token can be longer than the life of an access token.
        let is_dead = self.end_of_access(row, since).is_some_and(|end| end <= now);
        let at = if is_dead { now } else { since };
        let issued = Issued::new(self.access_token(backend, handle, row, scope, (at, now))?);
        Ok(match &self.refresh {
            None => issued,
            Some(refresh) => {
                let token = refresh.sign(
                    backend,
                    handle,
                    present.number,
                    &subject_of(row),
                    row.actor.as_deref(),
                );
                issued.with_refresh(IssuedToken::new(token, now, row.expires_at))
            }
        })
    }
}

/// `end`, or the present end of the log-in `row` if that is earlier.
pub(super) fn within<Id>(row: &AccessToken<Id>, end: OffsetDateTime) -> OffsetDateTime {
    row.expires_at.map_or(end, |limit| end.min(limit))
}

pub(super) fn subject_of<Id: UserId>(row: &AccessToken<Id>) -> Subject<Id> {
    Subject::new(row.user_id.clone(), row.epoch)
}
