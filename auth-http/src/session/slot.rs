//! The place of a session in a request.

use std::sync::Arc;

use auth_core::{Profile, UserId};
use futures_util::lock::Mutex as AsyncMutex;
use uuid::Uuid;

use super::{
    RequestSession, SessionData, Sessions,
    state::{Delivery, State},
};
use crate::{HttpError, RequestHead, Response, response_cookies::dressed};

/// The place for one kind's session in a request. It loads the session when the first extractor or guard asks for it, and
/// writes what changed before the answer goes out. A clone is the same place.
///
/// A binding puts it where its extractors find it, and calls [`finish`](Self::finish) once the answer is made.
pub struct SessionSlot<T, Id = Uuid, P = ()> {
    sessions: Sessions<T, Id, P>,
    loaded: Arc<AsyncMutex<Option<RequestSession<T, Id, P>>>>,
}

impl<T, Id, P> Clone for SessionSlot<T, Id, P> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            loaded: Arc::clone(&self.loaded),
        }
    }
}

impl<T, Id, P> SessionSlot<T, Id, P> {
    pub(super) fn new(sessions: Sessions<T, Id, P>) -> Self {
        Self {
            sessions,
            loaded: Arc::default(),
        }
    }

    /// The kind.
    #[must_use]
    pub fn sessions(&self) -> &Sessions<T, Id, P> {
        &self.sessions
    }
}

impl<T: SessionData, Id: UserId, P: Profile> SessionSlot<T, Id, P> {
    /// The session of the request of `head`. It is loaded once, however often this is called.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] if the id travels in a cookie, and an unsafe request comes from another site;
    /// [`HttpError::Unavailable`] if a store does not answer, which never means that there is no session.
    pub async fn load(&self, head: &impl RequestHead) -> Result<RequestSession<T, Id, P>, HttpError> {
        let mut loaded = self.loaded.lock().await;
        if let Some(session) = &*loaded {
            return Ok(session.clone());
        }
        let session = self.sessions.load(head).await?;
        Ok(loaded.insert(session).clone())
    }

    /// Writes what changed, and returns the headers to add to the answer of the request of `head`. Add `cache-control` only
    /// if the answer has none. There are none if no session was asked for.
    ///
    /// # Errors
    /// The answer to send instead, if what changed could not be written.
    pub async fn finish(&self, head: &impl RequestHead) -> Result<Vec<(&'static str, String)>, Response> {
        let loaded = self.loaded.lock().await.clone();
        let Some(session) = loaded else {
            return Ok(Vec::new());
        };
        let written = session.write().await;
        let told = tell(&session.inner.sessions, &session.state(), head);
        match (written, told) {
            (Ok(()), Ok(response)) => Ok(response.no_store().headers),
            (Err(error), Ok(told)) => {
                let mut response = error.into_response();
                let headers = told.headers.into_iter();
                response
                    .headers
                    .extend(headers.filter(|(name, _)| *name != "cache-control"));
                Err(response)
            }
            (_, Err(error)) => Err(error.into_response()),
        }
    }
}

/// The headers of an answer that are about the session.
fn tell<T, Id, P>(
    sessions: &Sessions<T, Id, P>,
    state: &State<T, Id, P>,
    head: &impl RequestHead,
) -> Result<Response, HttpError> {
    let shared = &sessions.shared;
    let (response, suspicious) = match (state.delivery, &state.stored) {
        (delivery @ (Delivery::NewId | Delivery::SameId), Some(stored)) => {
            let end = stored.row.absolute_expires_at;
            let response = shared.transport.deliver(&stored.id, shared.clock.now(), end)?;
            // Any cookie of the name is another one than that of a new id. Two would be as none.
            (response, if delivery == Delivery::NewId { 1 } else { 2 })
        }
        (Delivery::Removal, _) => (shared.transport.clear(), 2),
        (Delivery::Nothing | Delivery::NewId | Delivery::SameId, _) => return Ok(Response::empty(204)),
    };
    if !shared.transport.is_cookie() {
        return Ok(response);
    }
    let (name, csrf, url) = (shared.transport.name(), &shared.csrf, shared.public_url.as_ref());
    Ok(dressed(response, name, None, csrf, url, head, suspicious))
}
