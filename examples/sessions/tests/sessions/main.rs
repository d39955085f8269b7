//! Each sentence of the contract of sessions with data, over HTTP, by cookie and by header.

mod carrier;
mod configuration;
mod service;
mod sets;
mod stores;

use std::sync::Arc;

use portcullis::{
    store::SessionStore,
    testing::{ManualClock, memory::MemorySessionStore},
};
use reqwest::{Method, Response, header::HeaderMap};
use sessions::{service::routes, settings::Settings};

/// A service with these variables, on a port of its own, whose clock a test sets.
pub(crate) struct Service {
    http: reqwest::Client,
    base_url: String,
    carrier: Carrier,
    pub(crate) clock: Arc<ManualClock>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Carrier {
    Cookie,
    Header,
}

pub(crate) const BOTH: [Carrier; 2] = [Carrier::Cookie, Carrier::Header];

pub(crate) fn memory() -> Arc<dyn SessionStore> {
    Arc::new(MemorySessionStore::new())
}

/// An answer, and the id that it gives the client, if it does.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) id: Option<String>,
}

impl Service {
    pub(crate) fn start(carrier: Carrier) -> Self {
        Self::with(carrier, &[])
    }

    pub(crate) fn with(carrier: Carrier, variables: &[(&str, &str)]) -> Self {
        Self::on(&memory(), carrier, variables)
    }

    /// One that keeps its sessions in `store`.
    pub(crate) fn on(store: &Arc<dyn SessionStore>, carrier: Carrier, variables: &[(&str, &str)]) -> Self {
        let name = match carrier {
            Carrier::Cookie => "cookie",
            Carrier::Header => "header",
        };
        let settings = Settings::read(|wanted| {
            let own = [("SESSION_CARRIER", name)];
            let mut all = own.iter().chain(variables);
            let found = all.find(|(name, _)| *name == wanted);
            found
                .map(|(_, value)| (*value).to_owned())
                .ok_or(std::env::VarError::NotPresent)
        });
        let settings = settings.expect("settings");
        let clock = Arc::new(ManualClock::default());
        let sessions = settings.sessions(store.clone(), clock.clone());
        let sessions = sessions.expect("sessions");
        let app = move || actix_web::App::new().configure(routes(sessions.clone()));
        let server = actix_web::HttpServer::new(app).workers(2).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).expect("a port");
        let address = server.addrs()[0];
        actix_web::rt::spawn(server.run());
        Self {
            http: reqwest::Client::new(),
            base_url: format!("http://{address}"),
            carrier,
            clock,
        }
    }

    /// A request of a client that has `id`.
    pub(crate) fn request(&self, method: Method, path: &str, id: Option<&str>) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base_url));
        match (id, self.carrier) {
            (None, _) => request,
            (Some(id), Carrier::Cookie) => request.header("cookie", format!("__Host-ssid={id}")),
            (Some(id), Carrier::Header) => request.header("x-session-id", id),
        }
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let id = self.id(&response);
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            id,
            body: response.text().await.expect("a body"),
        }
    }

    fn id(&self, response: &Response) -> Option<String> {
        let headers = response.headers();
        match self.carrier {
            Carrier::Cookie => {
                let cookie = headers.get("set-cookie")?.to_str().expect("text");
                let (pair, _attributes) = cookie.split_once(';').expect("attributes");
                let value = pair.strip_prefix("__Host-ssid=").expect("our cookie");
                (!value.is_empty()).then(|| value.to_owned())
            }
            Carrier::Header => {
                assert!(!headers.contains_key("set-cookie"), "{headers:?}");
                let id = headers.get("x-session-id")?;
                Some(id.to_str().expect("text").to_owned())
            }
        }
    }

    pub(crate) async fn set(&self, id: Option<&str>, body: &str) -> Answer {
        let request = self.request(Method::POST, "/setSession", id);
        self.send(
            request
                .header("content-type", "application/json")
                .body(body.to_owned()),
        )
        .await
    }

    /// The id of a new session with this data.
    pub(crate) async fn begun(&self, body: &str) -> String {
        let answer = self.set(None, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.id.expect("an id")
    }

    pub(crate) async fn get(&self, id: Option<&str>) -> Answer {
        self.send(self.request(Method::GET, "/getSession", id)).await
    }

    pub(crate) async fn delete(&self, id: Option<&str>) -> Answer {
        self.send(self.request(Method::POST, "/deleteSession", id)).await
    }

    pub(crate) async fn admin(&self, id: Option<&str>) -> u16 {
        self.send(self.request(Method::GET, "/admin", id)).await.status
    }
}
