//! Log-ins by which somebody acts as another user.

use auth_core::{Outcome, Profile, UserId, admit_latest};

use super::Authenticator;
use crate::{HttpError, Presented, RequestHead, Slot};

impl<Id: UserId, P: Profile> Authenticator<Id, P> {
    /// Refuses a log-in by which `actor` would act as somebody, if the request is itself one of somebody who acts. The browser
    /// of an actor may present both: a credential of their own, and one by which they act.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] if the only credentials that are presented are not the actor's own,
    /// [`HttpError::Unavailable`] if a store does not answer.
    pub(crate) async fn refuse_chain(&self, head: &impl RequestHead, actor: &Id) -> Result<(), HttpError> {
        let mut acts = false;
        for backend in self.backends() {
            let Presented::Token(token) = backend.transport().extract(Slot::Access, head) else {
                continue;
            };
            match admit_latest(&*self.users, backend.read_latest(token).await).await {
                Outcome::Authenticated((_, credential)) if credential.actor.is_some() => acts = true,
                Outcome::Authenticated((user, _)) if user.id == *actor => return Ok(()),
                Outcome::Unavailable(error) => return Err(error.into()),
                Outcome::Authenticated(_) | Outcome::Anonymous | Outcome::Rejected(_) => {}
            }
        }
        if !acts {
            return Ok(());
        }
        Err(HttpError::Forbidden)
    }
}
