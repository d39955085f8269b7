//! A log-in, and the tokens that name it.

use auth_core::{
    AccessToken, Issued, IssuedToken, ReadError, Rejection, StoreError, Subject, TokenLookup, UserId,
};
use time::OffsetDateTime;

use super::TrackedJwtStrategy;
use crate::{
    claims::Claims,
    handle::key_of,
    token::{NewToken, whole_second},
};

/// A tracked JWT that this service issued.
pub(super) struct Presented {
    /// The backend that issued it.
    pub(super) backend: String,
    /// The name of its log-in.
    pub(super) handle: String,
    pub(super) key: TokenLookup,
    /// Which of the log-in's access tokens it is.
    pub(super) number: i64,
    pub(super) claims: Claims,
}

impl<Id: UserId> TrackedJwtStrategy<Id> {
    /// The token that was `presented`, whether or not it has expired.
    pub(super) fn issued_here(&self, audience: &str, presented: &str) -> Result<Presented, Rejection> {
        let claims = self.jwt.authentic(presented)?.claims;
        let mut accepted = self.jwt.audiences(audience);
        let issued = match (&claims.jti, claims.backend()) {
            (Some(handle), Some(backend)) if accepted.any(|name| name == backend) => {
                Some((handle.clone(), backend.to_owned(), key_of(backend, handle)))
            }
            _ => None,
        };
        // The `jti` of a plain token is no handle, so its key has no tag.
        let (handle, backend, key) = issued
            .filter(|(_, _, key)| key.tag.is_some())
            .ok_or(Rejection::BadClaim)?;
        Ok(Presented {
            backend,
            handle,
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

    /// The log-in that was `found`, if it has not expired. Otherwise it is deleted, or the log-in would be valid again if the
    /// clock steps back.
    pub(super) async fn live(
        &self,
        key: &TokenLookup,
        found: Option<AccessToken<Id>>,
        now: OffsetDateTime,
    ) -> Result<AccessToken<Id>, ReadError> {
        let row = found.ok_or(Rejection::Unknown)?;
        if !row.is_live(now) {
            // It is rejected, whether or not it can be removed.
            let _removed = self.store.delete(key).await;
            return Err(Rejection::Expired.into());
        }
        Ok(row)
    }

    /// The end of an access token that is issued at `at`.
    pub(super) fn end_of_access(&self, row: &AccessToken<Id>, at: OffsetDateTime) -> Option<OffsetDateTime> {
        let end = self.jwt.lifetime.end(at)?;
        Some(whole_second(row.bounded(end)))
    }

    /// The access token of the present generation, as it was issued at `at`.
    pub(super) fn access_token(
        &self,
        backend: &str,
        handle: &str,
        row: &AccessToken<Id>,
        at: OffsetDateTime,
    ) -> Result<IssuedToken, StoreError> {
        let number = row.access_generation.number;
        self.jwt.sign(&NewToken {
            backend,
            subject: &subject_of(row),
            jti: handle,
            generation: (number > 0).then_some(number),
            actor: row.actor.as_deref(),
            issued_at: at,
            end: self.end_of_access(row, at),
        })
    }

    /// The tokens of the present generations. They follow from the row alone.
    pub(super) fn tokens(
        &self,
        backend: &str,
        handle: &str,
        row: &AccessToken<Id>,
    ) -> Result<Issued, StoreError> {
        let present = row.refresh_generation;
        let at = present.since.unwrap_or(row.created_at);
        let issued = Issued::new(self.access_token(backend, handle, row, at)?);
        Ok(match &self.refresh {
            None => issued,
            Some(refresh) => {
                let token = refresh.sign(backend, handle, present.number, &row.user_id);
                issued.with_refresh(IssuedToken::new(token, at, row.expires_at))
            }
        })
    }
}

pub(super) fn subject_of<Id: UserId>(row: &AccessToken<Id>) -> Subject<Id> {
    Subject {
        user_id: row.user_id.clone(),
        epoch: row.epoch,
    }
}
