//! Sessions with data.

mod builder;
mod id;
mod load;
mod renew;
mod slot;
mod state;
mod transport;
mod verifier;
mod write;

use std::{fmt, marker::PhantomData, sync::Arc};

use auth_core::{Clock, IdleLimit, Lifetime, SessionStore, metrics::Tally};
use auth_users::UserManager;
use serde::{Serialize, de::DeserializeOwned};
use time::OffsetDateTime;
use uuid::Uuid;

pub use builder::SessionsBuilder;
pub use id::SessionIdGenerator;
pub use slot::SessionSlot;
pub use state::RequestSession;
pub use transport::SessionTransport;
pub use verifier::{Present, SessionVerifier};

use crate::{CsrfPolicy, PublicUrl, TrustedProxies};

/// The data of a session: any type that Serde reads and writes.
///
/// The type is also the kind of the session. A service with two kinds has two types, for example `Cart` and `Wizard`.
pub trait SessionData: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> SessionData for T {}

/// What becomes of changes that two requests make to one session at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnConflict {
    /// The later one is made again on the data of the earlier one, if it was made by
    /// [`update`](RequestSession::update). If the data was [`set`](RequestSession::set), it is answered with 409. No
    /// update is lost.
    #[default]
    Merge,
    /// The later one replaces the earlier one. An update that is made in between is lost.
    LastWriterWins,
}

/// A kind of session: its store, its limits and how its id travels. It is cheap to clone.
///
/// A session has data of the type `T`, and a user once somebody has [logged in](RequestSession::log_in) through it. It is
/// in the store from the moment that something is put into it. A visitor who puts nothing in costs no row and gets no cookie.
/// If a visitor without a session sends two requests at once, and both put something in, each begins a session of its own, and the
/// browser keeps the one whose answer it reads last.
///
/// The id is 256 bits from the operating system's generator. The store sees its digest only, which includes the name of
/// the kind, so an id of one kind is good for no other. An id that was not made here, has expired or was ended is as
/// none, and is never adopted.
///
/// # Why the id is not signed
/// A signature would prove that an id was made here. So does the look-up: nobody guesses 256 random bits, and an
/// unknown id opens nothing. A signed cookie would need a secret that all nodes share and that must be rotated, and its
/// signature must not be taken for a proof that the session still lives. Only the store knows that.
pub struct Sessions<T, Id = Uuid, P = ()> {
    shared: Arc<Shared<Id, P>>,
    data: PhantomData<fn() -> T>,
}

pub(crate) struct Shared<Id, P> {
    name: Arc<str>,
    /// Part of every digest.
    audience: String,
    store: Arc<dyn SessionStore<Id>>,
    users: Option<Arc<UserManager<Id, P>>>,
    transport: SessionTransport,
    ids: Option<Arc<dyn SessionIdGenerator>>,
    lifetime: Lifetime,
    idle: Option<IdleLimit>,
    on_conflict: OnConflict,
    csrf: CsrfPolicy,
    public_url: Option<PublicUrl>,
    proxies: TrustedProxies,
    /// Counts the sessions that are valid.
    let_in: Tally,
    clock: Arc<dyn Clock>,
}

impl<T, Id, P> Clone for Sessions<T, Id, P> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            data: PhantomData,
        }
    }
}

impl<T, Id, P> fmt::Debug for Sessions<T, Id, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("name", &self.shared.name)
            .finish_non_exhaustive()
    }
}

impl<T, Id, P> Sessions<T, Id, P> {
    /// The name of the kind.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// How the id travels.
    #[must_use]
    pub fn transport(&self) -> &SessionTransport {
        &self.shared.transport
    }

    /// The place for this kind's session in a new request.
    #[must_use]
    pub fn slot(&self) -> SessionSlot<T, Id, P> {
        SessionSlot::new(self.clone())
    }

    /// True if both are one kind.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<Id, P> Shared<Id, P> {
    /// The end of a session that is used at `now` and ends at `absolute_end` at the latest.
    fn end(&self, now: OffsetDateTime, absolute_end: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
        earlier(self.idle.and_then(|idle| idle.end(now)), absolute_end)
    }
}

/// The earlier of two ends, of which `None` never comes.
fn earlier(one: Option<OffsetDateTime>, other: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
