//! Reading the credentials of a request.

use std::sync::Arc;

use auth_core::{
    Credential, Outcome, Profile, Rejection, StoreError, UserId, admit, admit_latest, metrics::CREDENTIALS,
};

use super::{AcceptedBackends, Authenticated, Authenticator};
use crate::{AuthBackend, Presented, RequestHead, Slot};

/// How old what a credential is judged by may be.
#[derive(Clone, Copy)]
pub(crate) enum Freshness {
    /// As this node remembers it.
    Remembered,
    /// As stored now.
    Stored,
}

/// The outcome of reading a request. No event tells of it yet.
pub(crate) struct Reading<'a, Id, P> {
    pub(crate) outcome: Outcome<Authenticated<Id, P>>,
    /// The credentials that no backend accepts, as far as that is certain.
    pub(crate) rejected: Vec<Rejected<'a, Id>>,
}

/// A credential that a backend does not accept.
pub(crate) struct Rejected<'a, Id> {
    pub(super) backend: &'a AuthBackend<Id>,
    pub(super) rejection: Rejection,
    /// Whose it is, if the backend could read that.
    pub(super) holder: Option<Holder<Id>>,
}

pub(super) struct Holder<Id> {
    pub(super) user: Id,
    /// The id of somebody who acts as the user.
    pub(super) actor: Option<String>,
}

impl<Id: Clone> From<&Credential<Id>> for Holder<Id> {
    fn from(credential: &Credential<Id>) -> Self {
        Self {
            user: credential.subject.user_id.clone(),
            actor: credential.actor.clone(),
        }
    }
}

impl<Id> Rejected<'_, Id> {
    /// Lower if the backend has read more of it. The token of one backend is malformed for most others.
    pub(super) fn rank(&self) -> u8 {
        match self.rejection {
            _ if self.holder.is_some() => 0,
            Rejection::Malformed => 4,
            Rejection::BadSignature | Rejection::BadClaim => 3,
            Rejection::Unknown => 2,
            _ => 1,
        }
    }
}

impl<Id: UserId, P: Profile> Authenticator<Id, P> {
    /// Reads the credential of a request. A backend whose store does not answer makes the outcome
    /// [`Outcome::Unavailable`], unless another yields a user.
    ///
    /// If a credential is invalid because its user was deleted, because it was issued under an earlier epoch, or because
    /// whoever acts by it is gone, it is also revoked, so that its row does not stay.
    ///
    /// # Security
    /// It does not refuse cross-site requests. [`find`](Self::find) and [`require`](Self::require) do.
    pub async fn read_without_csrf_check(
        &self,
        head: &impl RequestHead,
        accepted: &AcceptedBackends,
    ) -> Outcome<Authenticated<Id, P>> {
        let reading = self.read(head, accepted, Freshness::Remembered).await;
        self.report(&reading.rejected, head);
        reading.outcome
    }

    /// The same, but it does not tell of credentials that are not valid. [`report`](Self::report) does.
    pub(crate) async fn read<'a>(
        &'a self,
        head: &impl RequestHead,
        accepted: &'a AcceptedBackends,
        freshness: Freshness,
    ) -> Reading<'a, Id, P> {
        let mut rejected = Vec::new();
        let mut unavailable: Vec<(&AuthBackend<Id>, StoreError)> = Vec::new();
        for backend in self.accepted(accepted) {
            let (outcome, holder) = self.read_at(backend, head, freshness).await;
            match outcome {
                Outcome::Authenticated(found) => {
                    backend.let_in.add();
                    return Reading {
                        outcome: Outcome::Authenticated(found),
                        rejected: Vec::new(),
                    };
                }
                Outcome::Rejected(rejection) => rejected.push(Rejected {
                    backend,
                    rejection,
                    holder,
                }),
                Outcome::Unavailable(error) => {
                    let problem = error.to_string();
                    tracing::warn!(
                        target: "portcullis::http", outcome = "unavailable", backend = backend.name(),
                        origin = error.origin(), kind = %error.kind(), ?problem, "a credential could not be read"
                    );
                    unavailable.push((backend, error));
                }
                Outcome::Anonymous => {}
            }
        }
        // All of them have read the same Bearer token, which may be that of the one that does not answer.
        if unavailable.iter().any(|(backend, _)| !backend.is_cookie()) {
            rejected.retain(|rejected| rejected.backend.is_cookie());
        }
        let outcome = match (unavailable.into_iter().next(), rejected.first()) {
            (Some((backend, error)), _) => {
                CREDENTIALS.count([(&backend.shared_name()).into(), "unavailable".into()]);
                Outcome::Unavailable(error)
            }
            (None, Some(first)) => Outcome::Rejected(first.rejection),
            (None, None) => {
                tracing::debug!(target: "portcullis::http", outcome = "anonymous", "no credential was presented");
                Outcome::Anonymous
            }
        };
        Reading { outcome, rejected }
    }

    /// What `backend` makes of the request, and whose credential it is, as far as it could be read.
    async fn read_at(
        &self,
        backend: &AuthBackend<Id>,
        head: &impl RequestHead,
        freshness: Freshness,
    ) -> (Outcome<Authenticated<Id, P>>, Option<Holder<Id>>) {
        let token = match backend.transport().extract(Slot::Access, head) {
            Presented::Nothing => return (Outcome::Anonymous, None),
            Presented::Invalid(rejection) => return (Outcome::Rejected(rejection), None),
            Presented::Token(token) => token,
        };
        let read = match freshness {
            Freshness::Remembered => backend.read(token).await,
            Freshness::Stored => backend.read_latest(token).await,
        };
        let holder = read.as_ref().ok().map(Holder::from);
        let admitted = match freshness {
            Freshness::Remembered => admit(&*self.users, read).await,
            Freshness::Stored => admit_latest(&*self.users, read).await,
        };
        let outcome = match admitted {
            Outcome::Authenticated((user, credential)) => Outcome::Authenticated(Authenticated {
                user,
                credential,
                backend: backend.shared_name(),
                roles: Arc::clone(&self.roles),
                audit: self.audit.clone(),
                client: self.client(head),
            }),
            Outcome::Rejected(rejection) => {
                if let Rejection::UserGone | Rejection::StaleEpoch | Rejection::ActorGone = rejection {
                    // It is rejected, whether it can be removed or not.
                    let _revoked = backend.revoke(token).await;
                }
                Outcome::Rejected(rejection)
            }
            Outcome::Unavailable(error) => Outcome::Unavailable(error),
            Outcome::Anonymous => Outcome::Anonymous,
        };
        (outcome, holder)
    }
}
