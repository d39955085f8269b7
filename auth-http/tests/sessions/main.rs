//! Sessions with data, of any framework: what is loaded and written, and what becomes of requests that meet.

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../fixture/head.rs"]
mod head;
mod life;
mod log_in;
mod lost_answer;
mod meeting;
mod outage;
mod refused;
mod store;
mod told;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use auth_core::{Email, ManualClock, NewUser, SigningSecret, User, memory::MemoryUserStore};
use auth_http::{
    HttpError, OnConflict, RequestHead, RequestSession, SessionData, SessionSlot, SessionTransport, Sessions,
    SessionsBuilder, Target,
};
use auth_users::{UserManager, UserManagerBuilder};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use head::Head;
use store::Store;

/// The data of the tests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cart {
    pub(crate) items: Vec<String>,
}

impl Cart {
    pub(crate) fn of(items: &[&str]) -> Self {
        Self {
            items: items.iter().map(|item| (*item).to_owned()).collect(),
        }
    }
}

/// A store, users and a clock. The id travels in a header, so that tests need no cookies.
pub(crate) struct Service {
    pub(crate) store: Arc<Store>,
    pub(crate) users: Arc<UserManager>,
    pub(crate) clock: Arc<ManualClock>,
}

/// The address of each client.
pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// A request of a client that has an id, in the header and in the cookie of a kind.
pub(crate) fn head(id: Option<&str>) -> Head {
    let headers = id.map(|id| {
        vec![
            ("x-session-id", id.to_owned()),
            ("cookie", format!("__Host-ssid={id}")),
        ]
    });
    Head::to_app("POST", headers.unwrap_or_default()).sent_by(CLIENT)
}

/// What an answer tells a client, or the answer that takes its place.
pub(crate) type Told = Result<Option<String>, (u16, Vec<(&'static str, String)>)>;

impl Service {
    pub(crate) fn new() -> Self {
        Self::with(|users, _store| users)
    }

    /// A service with these settings of its users, which may know the store of the sessions.
    pub(crate) fn with(settings: impl FnOnce(UserManagerBuilder, &Arc<Store>) -> UserManagerBuilder) -> Self {
        let (users, store): (Arc<MemoryUserStore>, Arc<Store>) = Default::default();
        let users = UserManager::builder(users, &SigningSecret::generate().expect("secret"));
        let users = settings(users, &store);
        Self {
            store,
            users: Arc::new(users.build().expect("users")),
            clock: Arc::default(),
        }
    }

    pub(crate) fn kind<T: SessionData>(&self, name: &str) -> SessionsBuilder<T> {
        Sessions::builder(name, self.store.clone())
            .users(Arc::clone(&self.users))
            .transport(SessionTransport::header("X-Session-Id").expect("a header"))
            .clock(self.clock.clone())
    }

    /// Carts whose updates are merged.
    pub(crate) fn carts(&self) -> Sessions<Cart> {
        self.kind("cart").build().expect("sessions")
    }

    /// Carts whose id is in a cookie.
    pub(crate) fn cookie_carts(&self) -> Sessions<Cart> {
        let kind = self.kind("cart").transport(SessionTransport::default());
        kind.build().expect("sessions")
    }

    /// Carts of which the last writer wins.
    pub(crate) fn last_carts(&self) -> Sessions<Cart> {
        let kind = self.kind("cart").on_conflict(OnConflict::LastWriterWins);
        kind.build().expect("sessions")
    }

    pub(crate) async fn user(&self, name: &str) -> User {
        let email: Email = format!("{name}@example.com").parse().expect("an e-mail");
        let user = NewUser::new(email, (), OffsetDateTime::UNIX_EPOCH);
        self.users.store().insert(user).await.expect("inserted")
    }
}

/// A request that is going on.
pub(crate) struct Visit<T = Cart> {
    head: Head,
    slot: SessionSlot<T>,
    pub(crate) session: RequestSession<T>,
}

pub(crate) async fn try_visit<T: SessionData>(
    sessions: &Sessions<T>,
    id: Option<&str>,
) -> Result<Visit<T>, HttpError> {
    let (head, slot) = (head(id), sessions.slot());
    let session = slot.load(&head).await?;
    Ok(Visit { head, slot, session })
}

/// A request of a client that has `id`.
pub(crate) async fn visit<T: SessionData>(sessions: &Sessions<T>, id: Option<&str>) -> Visit<T> {
    try_visit(sessions, id).await.expect("a session or none")
}

impl<T: SessionData> Visit<T> {
    /// Ends the request.
    pub(crate) async fn leave(self) -> Told {
        match self.slot.finish(&self.head).await {
            Ok(headers) => {
                assert!(headers.contains(&("cache-control", "no-store".to_owned())));
                Ok(headers.iter().find_map(id_in))
            }
            Err(response) => Err((response.status, response.headers)),
        }
    }

    /// Ends the request, and returns the status of the answer that takes the place of the handler's.
    pub(crate) async fn refused(self) -> u16 {
        self.leave().await.expect_err("refused").0
    }
}

/// The id that a header gives the client, which is empty if it removes the cookie.
pub(crate) fn id_in((name, value): &(&'static str, String)) -> Option<String> {
    let id = match *name {
        "x-session-id" => value,
        "set-cookie" => value.strip_prefix("__Host-ssid=")?.split(';').next()?,
        _ => return None,
    };
    Some(id.to_owned())
}

/// The id of a new session with these items.
pub(crate) async fn begun(sessions: &Sessions<Cart>, items: &[&str]) -> String {
    let visit = visit(sessions, None).await;
    visit.session.set(Cart::of(items));
    visit.leave().await.expect("begun").expect("an id")
}

/// The items in the session of `id`; `None` if there is no session.
pub(crate) async fn items(sessions: &Sessions<Cart>, id: &str) -> Option<Vec<String>> {
    let visit = visit(sessions, Some(id)).await;
    visit.session.get().map(|cart| cart.items)
}

/// Puts an item into the cart, as a handler does.
pub(crate) fn put(session: &RequestSession<Cart>, item: &str) {
    let item = item.to_owned();
    session.update(move |cart| cart.items.push(item.clone()));
}
