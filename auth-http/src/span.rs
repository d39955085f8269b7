//! The span around a request.

use std::fmt;

use tracing::{Level, Span, field};

use crate::{Authenticated, RequestHead};

const TARGET: &str = "portcullis::http";
const NAME: &str = "request";

/// The span of the request of `head`, for a binding to put around its handling. If there is one around it already, it is that.
///
/// It is called `request`, has the target `portcullis::http`, and says the pattern of the `route`. The id of the `user` comes by
/// [`Authenticated::note_in_span`]. It never has a token, a path or a query.
pub fn request_span(head: &impl RequestHead) -> Span {
    // The pattern of a route is not for free.
    if !tracing::span_enabled!(target: TARGET, Level::INFO, NAME) {
        return Span::none();
    }
    if is_around() {
        return Span::current();
    }
    let target = head.target();
    tracing::info_span!(target: TARGET, NAME, route = target.route.as_deref(), user = field::Empty)
}

/// True if the span of a request is around this.
pub(crate) fn is_around() -> bool {
    let metadata = Span::current().metadata();
    metadata.is_some_and(|metadata| metadata.name() == NAME && metadata.target() == TARGET)
}

impl<Id: fmt::Debug, P> Authenticated<Id, P> {
    /// Adds the id of the user to the [span](request_span) around this, for a binding that has authenticated a request. Call it once
    /// for each.
    pub fn note_in_span(&self) {
        Span::current().record("user", field::debug(&self.user.id));
    }
}
