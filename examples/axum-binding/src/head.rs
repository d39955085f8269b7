//! A request of axum as the endpoints see it.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, MatchedPath, OriginalUri},
    http::{header, request::Parts},
};
use portcullis::http::{RequestHead, Target};

pub(crate) struct Head<'a>(pub(crate) &'a Parts);

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.0.method.as_str()
    }

    fn target(&self) -> Target<'_> {
        let Parts {
            headers,
            uri,
            extensions,
            ..
        } = self.0;
        // A nested router strips its prefix.
        let uri = extensions
            .get::<OriginalUri>()
            .map_or(uri, |original| &original.0);
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
        // `axum::serve` speaks plain HTTP. Behind a proxy with TLS, `EndpointsBuilder::public_url` tells the origin.
        let target = Target::new(false, host, uri.path());
        match extensions.get::<MatchedPath>() {
            Some(path) => target.by_route(path.as_str()),
            None => target,
        }
    }

    fn mount(&self) -> Option<String> {
        let Parts { uri, extensions, .. } = self.0;
        // A nested router strips its prefix from the one and not from the other.
        let original = extensions
            .get::<OriginalUri>()
            .map_or(uri, |original| &original.0);
        original.path().strip_suffix(uri.path()).map(str::to_owned)
    }

    fn peer(&self) -> Option<IpAddr> {
        let peer = self.0.extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some(peer.0.ip())
    }

    fn headers<'a>(&'a self, name: &'static str, each: &mut dyn FnMut(&'a [u8])) {
        let values = self.0.headers.get_all(name);
        values.iter().for_each(|value| each(value.as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, extract::Request, routing::get};

    use super::*;

    #[tokio::test]
    async fn c7_the_routes_are_mounted_where_the_router_is_nested() {
        let mount = async |request: Request| {
            let (parts, _body) = request.into_parts();
            Head(&parts).mount()
        };
        let mount = async move |request| mount(request).await.unwrap_or_else(|| "unknown".to_owned());
        let routes = Router::new().route("/auth/web/login", get(mount));
        let nested = Router::new().nest("/{tenant}", routes.clone());
        let app = routes.nest("/api", nested);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        for mount in ["", "/api/camelot"] {
            let url = format!("http://{address}{mount}/auth/web/login");
            let answer = reqwest::get(url).await.expect("an answer");
            assert_eq!(answer.text().await.expect("a text"), mount);
        }
    }
}
