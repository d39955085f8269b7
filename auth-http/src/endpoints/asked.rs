//! A request while a route runs.

use std::{ops::Deref, sync::OnceLock};

use auth_core::{Profile, UserId};

use super::{Endpoints, Request};
use crate::{Authenticated, HttpError, RequestHead, Requirement, Response, request::is_safe};

/// A request, and the credential that its answer replaces.
pub(super) struct Asked<'a, H, Id, P> {
    pub(super) request: Request<'a, H>,
    due: OnceLock<Authenticated<Id, P>>,
    /// False if a guard around the route has told the span of the request who its user is.
    notes_user: bool,
}

impl<'a, H, Id, P> Asked<'a, H, Id, P> {
    pub(super) fn new(request: Request<'a, H>) -> Self {
        Self {
            request,
            due: OnceLock::new(),
            notes_user: true,
        }
    }
}

impl<H, Id, P> Asked<'_, H, Id, P> {
    /// The same within a span that another one notes the user in.
    pub(super) fn in_span(mut self, is_around: bool) -> Self {
        self.notes_user = !is_around;
        self
    }
}

impl<'a, H, Id, P> Deref for Asked<'a, H, Id, P> {
    type Target = Request<'a, H>;

    fn deref(&self) -> &Request<'a, H> {
        &self.request
    }
}

impl<Id: UserId, P: Profile> Endpoints<Id, P> {
    /// The user of the request, who meets `requirement`. For a change, it is the user as stored now: a change lasts longer than
    /// what a node remembers of a log-in that has ended.
    pub(super) async fn require(
        &self,
        asked: &Asked<'_, impl RequestHead, Id, P>,
        requirement: &dyn Requirement<Id, P>,
    ) -> Result<Authenticated<Id, P>, HttpError> {
        let found = match is_safe(asked.head) {
            true => {
                self.authenticator
                    .authenticate(asked.head, &asked.accepted)
                    .await?
            }
            false => {
                self.authenticator
                    .authenticate_latest(asked.head, &asked.accepted)
                    .await?
            }
        };
        if asked.notes_user {
            found.note_in_span();
        }
        if found.credential.rotation_due {
            asked.due.get_or_init(|| found.clone());
        }
        found.meeting(requirement)
    }

    /// `answer`, with the next access token if one is due.
    pub(super) async fn rotated(
        &self,
        mut answer: Response,
        asked: Asked<'_, impl RequestHead, Id, P>,
    ) -> Response {
        if let Some(found) = asked.due.get() {
            let headers = answer.headers.iter().map(|(name, value)| (*name, &**value));
            let next = self.authenticator.rotate(found, asked.head, headers).await;
            answer.headers.extend(next);
        }
        answer
    }
}
