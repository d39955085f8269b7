//! A request of actix-web as the endpoints see it.

use std::net::IpAddr;

use actix_web::{HttpRequest, http::header, web::Data};
use auth_core::{Profile, UserId};
use auth_http::{RequestHead, Target};

use crate::{
    auth::Shared,
    mounted::{self, Landmark},
};

pub(crate) struct Head<'a> {
    request: &'a HttpRequest,
    landmark: Option<&'a Landmark>,
}

impl<'a> Head<'a> {
    pub(crate) fn new(request: &'a HttpRequest) -> Self {
        Self {
            request,
            landmark: None,
        }
    }

    /// The head of a request that `service` answers.
    pub(crate) fn in_reach_of<Id: UserId, P: Profile>(self, service: &Data<Shared<Id, P>>) -> Self {
        let landmark = mounted::landmark(self.request, service);
        Self { landmark, ..self }
    }
}

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.request.method().as_str()
    }

    fn target(&self) -> Target<'_> {
        let host = self
            .request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let host = host.or_else(|| self.request.uri().authority().map(|authority| authority.as_str()));
        // Not `connection_info()`, which takes scheme and host from headers that any client can send.
        let target = Target::new(
            self.request.app_config().secure(),
            host,
            self.request.uri().path(),
        );
        match self.request.match_pattern() {
            Some(pattern) => target.by_route(pattern),
            None => target,
        }
    }

    fn mount(&self) -> Option<String> {
        self.landmark?.mount(self.request)
    }

    fn peer(&self) -> Option<IpAddr> {
        self.request.peer_addr().map(|address| address.ip())
    }

    fn headers<'a>(&'a self, name: &'static str, each: &mut dyn FnMut(&'a [u8])) {
        self.request
            .headers()
            .get_all(name)
            .for_each(|value| each(value.as_bytes()));
    }
}
