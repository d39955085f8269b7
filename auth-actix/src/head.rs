//! A request of actix-web as the endpoints see it.

use std::net::IpAddr;

use actix_web::{HttpRequest, http::header};
use auth_http::{RequestHead, Target};

pub(crate) struct Head<'a>(pub(crate) &'a HttpRequest);

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn target(&self) -> Target<'_> {
        let host = self
            .0
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let host = host.or_else(|| self.0.uri().authority().map(|authority| authority.as_str()));
        // Not `connection_info()`, which takes scheme and host from headers that any client can send.
        let target = Target::new(self.0.app_config().secure(), host, self.0.uri().path());
        match self.0.match_pattern() {
            Some(pattern) => target.by_route(pattern),
            None => target,
        }
    }

    fn peer(&self) -> Option<IpAddr> {
        self.0.peer_addr().map(|address| address.ip())
    }

    fn headers<'a>(&'a self, name: &'static str, each: &mut dyn FnMut(&'a [u8])) {
        self.0
            .headers()
            .get_all(name)
            .for_each(|value| each(value.as_bytes()));
    }
}
