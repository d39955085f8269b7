//! The session of one request.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use auth_core::{Profile, SecretString, StoredSession, TokenLookup, User, UserId};
use auth_users::{EventKind, Origin};
use futures_util::lock::Mutex as AsyncMutex;
use uuid::Uuid;

use super::{SessionData, SessionVerifier, Sessions};
use crate::HttpError;

/// The session of one request: its data, if there is any, and its user, if somebody has logged in. A clone is the same
/// session.
///
/// What [`set`](Self::set) and [`update`](Self::update) change is in the store before the answer goes out, whatever its
/// status, or else the answer is another: 409 after a conflict, 413 if the data has more than
/// [`MAX_SESSION_BYTES`](auth_core::MAX_SESSION_BYTES) as JSON, 401 if the session was ended meanwhile, 503 if the store does
/// not answer. To learn that in the handler, [`save`](Self::save). What a streamed body changes is lost.
pub struct RequestSession<T, Id = Uuid, P = ()> {
    pub(super) inner: Arc<Inner<T, Id, P>>,
}

pub(super) struct Inner<T, Id, P> {
    pub(super) sessions: Sessions<T, Id, P>,
    /// Held while the session is written, so that a request never writes twice at once.
    pub(super) writing: AsyncMutex<()>,
    /// The address of the client.
    client: Option<IpAddr>,
    state: Mutex<State<T, Id, P>>,
}

/// A change that can be made again on other data.
pub(super) type Update<T> = Box<dyn FnMut(&mut T) + Send>;

/// The changes that are not in the store yet.
pub(super) enum Change<T> {
    Nothing,
    Updates(Vec<Update<T>>),
    Replaced,
}

/// The change of the client's id that an answer carries.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Delivery {
    Nothing,
    /// An id that this request has made.
    NewId,
    /// The id that the client presented.
    SameId,
    Removal,
}

/// A session as it was last read or written.
pub(super) struct Stored<Id> {
    pub(super) id: SecretString,
    pub(super) key: TokenLookup,
    pub(super) row: StoredSession<Id>,
}

pub(super) struct State<T, Id, P> {
    pub(super) stored: Option<Stored<Id>>,
    /// A session whose data has another shape. It goes when another one takes its place.
    pub(super) outdated: Option<TokenLookup>,
    pub(super) user: Option<User<Id, P>>,
    pub(super) data: Option<T>,
    pub(super) change: Change<T>,
    /// The JSON of data into which nothing was put.
    pub(super) blank: Option<String>,
    pub(super) delivery: Delivery,
}

impl<T, Id, P> State<T, Id, P> {
    /// Of a visitor without a session.
    pub(super) fn new() -> Self {
        Self {
            stored: None,
            outdated: None,
            user: None,
            data: None,
            change: Change::Nothing,
            blank: None,
            delivery: Delivery::Nothing,
        }
    }

    /// Sends the id once more, unless the answer already says what becomes of it.
    pub(super) fn send_again(&mut self) {
        if self.delivery == Delivery::Nothing {
            self.delivery = Delivery::SameId;
        }
    }
}

impl<T, Id, P> Clone for RequestSession<T, Id, P> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<T, Id, P> fmt::Debug for RequestSession<T, Id, P> {
    /// Prints neither the data nor the id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSession")
            .field("kind", &self.inner.sessions.name())
            .field("has_data", &self.state().data.is_some())
            .field("has_user", &self.state().user.is_some())
            .finish()
    }
}

impl<T, Id, P> RequestSession<T, Id, P> {
    pub(super) fn new(sessions: Sessions<T, Id, P>, client: Option<IpAddr>, state: State<T, Id, P>) -> Self {
        Self {
            inner: Arc::new(Inner {
                sessions,
                client,
                writing: AsyncMutex::new(()),
                state: Mutex::new(state),
            }),
        }
    }

    /// Ignores poisoning: a change of the application that panics leaves data that the application can read.
    pub(super) fn state(&self) -> MutexGuard<'_, State<T, Id, P>> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: SessionData, Id: UserId, P: Profile> RequestSession<T, Id, P> {
    /// The data, with the changes of this request. `None` for a visitor who put nothing in.
    #[must_use]
    pub fn get(&self) -> Option<T>
    where
        T: Clone,
    {
        self.state().data.clone()
    }

    /// Returns the result of `read` on the data. `read` must not use the session itself.
    pub fn with<R>(&self, read: impl FnOnce(Option<&T>) -> R) -> R {
        read(self.state().data.as_ref())
    }

    /// The user who logged in through the session, as read for this request.
    #[must_use]
    pub fn user(&self) -> Option<User<Id, P>> {
        self.state().user.clone()
    }

    /// Replaces the data. If another request changes the data at the same time, the answer is 409, unless the
    /// [last writer wins](super::OnConflict::LastWriterWins).
    pub fn set(&self, data: T) {
        let mut state = self.state();
        state.data = Some(data);
        state.change = Change::Replaced;
    }

    /// Changes the data, or that of [`T::default()`](Default) if there is none.
    ///
    /// If another request has changed the data meanwhile, `change` is called once more, with the data as that request left
    /// it. So it should do nothing else than change the data. It must not use the session itself.
    pub fn update(&self, mut change: impl FnMut(&mut T) + Send + 'static)
    where
        T: Default,
    {
        let mut state = self.state();
        if state.data.is_none() {
            let blank = T::default();
            state.blank = serde_json::to_string(&blank).ok();
            state.data = Some(blank);
        }
        if let Some(data) = &mut state.data {
            change(data);
        }
        match &mut state.change {
            Change::Nothing => state.change = Change::Updates(vec![Box::new(change)]),
            Change::Updates(updates) => updates.push(Box::new(change)),
            Change::Replaced => {}
        }
    }

    /// Sends the client its id with this answer, although it has it. Without a session, it does nothing.
    ///
    /// An answer carries the id if it is new, and otherwise only to keep a cookie of a [fixed age](crate::MaxAge::Fixed) alive. Some
    /// clients need more, for example one that takes the id from each answer.
    ///
    /// # Security
    /// The answer can reach the client after that of a parallel log-in, and takes the id of the log-in away. So do not call it
    /// for a session of users.
    pub fn resend_id(&self) {
        self.state().send_again();
    }

    /// The origin of the request, for events.
    pub(super) fn origin(&self) -> Origin<Id> {
        self.inner.sessions.shared.origin(self.inner.client)
    }

    /// Tells that `kind` happened to `user`.
    pub(super) fn tell(&self, kind: EventKind, user: Option<&Id>) {
        let Inner { sessions, client, .. } = &*self.inner;
        sessions.shared.tell(kind, user, *client);
    }

    /// Returns if there is a session that meets the `verifier`. Otherwise that is told.
    ///
    /// # Errors
    /// [`HttpError::Unauthorized`] if there is no session, [`HttpError::Forbidden`] if it does not meet the verifier.
    pub fn check(&self, verifier: &dyn SessionVerifier<T, Id, P>) -> Result<(), HttpError> {
        let state = self.state();
        let Some(data) = &state.data else {
            return Err(unauthorized());
        };
        if verifier.is_met(data, state.user.as_ref()) {
            return Ok(());
        }
        let needs = verifier.name();
        if self.inner.sessions.shared.users.is_none() {
            // Nobody learns of events.
            tracing::info!(target: "portcullis::http", outcome = "forbidden", needs, "a session may not do this");
        }
        let forbidden = EventKind::Forbidden { needs };
        let user = state.user.as_ref().map(|user| &user.id);
        self.tell(forbidden, user);
        Err(HttpError::Forbidden)
    }
}

/// The answer to a request without a session.
pub(super) fn unauthorized() -> HttpError {
    HttpError::Unauthorized {
        bearer: false,
        removal: Vec::new(),
    }
}
