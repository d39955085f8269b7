//! Sends requests and compares each answer with the document.

use std::{cell::RefCell, collections::BTreeSet, future::Future, pin::Pin, rc::Rc, sync::atomic::Ordering};

use actix_web::{
    App,
    dev::{Payload, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName},
    },
    test::{self, TestRequest},
};
use serde_json::Value;

use super::{
    description::{Description, Route},
    schema::problem,
    service::Service,
};

pub(crate) struct Observer<'s> {
    pub(crate) service: &'s Service,
    pub(crate) description: Description,
    call: Call,
    seen: RefCell<BTreeSet<(Route, u16)>>,
}

type Call = Box<dyn Fn(TestRequest, Option<Payload>) -> Pin<Box<dyn Future<Output = ServiceResponse>>>>;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl<'s> Observer<'s> {
    /// The service in an `App`, watched.
    pub(crate) async fn new(service: &'s Service) -> Self {
        let app = Rc::new(test::init_service(App::new().configure(service.auth.routes())).await);
        let call = move |request: TestRequest, payload: Option<Payload>| {
            let app = Rc::clone(&app);
            let called: Pin<Box<dyn Future<Output = ServiceResponse>>> = Box::pin(async move {
                let mut request = request.to_request();
                if let Some(payload) = payload {
                    request = request.replace_payload(payload).0;
                }
                test::call_service(&*app, request).await
            });
            called
        };
        Self {
            service,
            description: Description::new(&service.auth),
            call: Box::new(call),
            seen: RefCell::default(),
        }
    }

    pub(crate) async fn send(&self, request: TestRequest) -> Answer {
        self.send_with(request, None).await
    }

    /// # Panics
    /// If the answer's status, headers or body are not as the document says.
    pub(crate) async fn send_with(&self, request: TestRequest, payload: Option<Payload>) -> Answer {
        let response = (self.call)(request, payload).await;
        let request = response.request();
        let (method, path) = (request.method().to_string(), request.path().to_owned());
        let route = self
            .description
            .route(&method, &path)
            .unwrap_or_else(|| panic!("{method} {path} is not in the document"));
        let status = response.status();
        let headers = response.headers().clone();
        let bytes = test::read_body(response).await;
        let told = format!("{method} {path} answered {status} {bytes:?}");

        let described = self
            .description
            .responses(&route)
            .get(status.as_str())
            .unwrap_or_else(|| panic!("{told}, which is not in the document"));
        for (name, about) in [
            (header::WWW_AUTHENTICATE, "WWW-Authenticate"),
            (header::RETRY_AFTER, "Retry-After"),
            (header::SET_COOKIE, "Set-Cookie"),
            (header::CACHE_CONTROL, "Cache-Control"),
            (HeaderName::from_static("x-correlation-id"), "X-Correlation-Id"),
            (HeaderName::from_static("x-access-token"), "X-Access-Token"),
        ] {
            let (sent, is_described) = (
                headers.contains_key(&name),
                described["headers"][about].is_object(),
            );
            // A 401 removes a cookie only if one came that is no use; the end of a log-in only if that is the current one. A token
            // is replaced only if it is time for it.
            let is_for_users = ["sessions", "everywhere", "users"]
                .iter()
                .any(|part| route.path.contains(part));
            let may_be_absent = match about {
                "X-Access-Token" => is_for_users,
                "Set-Cookie" => is_for_users || status == StatusCode::UNAUTHORIZED,
                _ => false,
            };
            assert!(
                sent == is_described || (may_be_absent && is_described),
                "{told}: {about}"
            );
        }
        let document = &self.description.0;
        let body = match described["content"].as_object() {
            None => {
                assert!(bytes.is_empty(), "{told} with a body");
                Value::Null
            }
            Some(content) => {
                let content_type = headers
                    .get(header::CONTENT_TYPE)
                    .and_then(|value| value.to_str().ok());
                assert_eq!(content_type, Some("application/json"), "{told}");
                let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("{told}"));
                let schema = &content["application/json"]["schema"];
                assert_eq!(problem(document, schema, &body), None, "{told}");
                self.check_code(&content["application/json"], status, &body, &told);
                body
            }
        };
        self.seen.borrow_mut().insert((route, status.as_u16()));
        Answer {
            status: status.as_u16(),
            headers,
            body,
        }
    }

    /// A refusal is among the examples, but for the words of its reason.
    fn check_code(&self, content: &Value, status: StatusCode, body: &Value, told: &str) {
        if status != StatusCode::BAD_REQUEST {
            return;
        }
        let code = |body: &Value| match &body["detail"] {
            Value::Object(detail) => detail["code"].clone(),
            detail => detail.clone(),
        };
        let one = content.get("example");
        let many = content["examples"]
            .as_object()
            .into_iter()
            .flat_map(|examples| examples.values());
        let mut examples = one.into_iter().chain(many.map(|example| &example["value"]));
        assert!(
            examples.any(|example| code(example) == code(body)
                && example["detail"].is_object() == body["detail"].is_object()),
            "{told}, which is none of the examples"
        );
    }

    pub(crate) fn fail(&self, users: bool, broken: bool) {
        self.service.world.users_fail.store(users, Ordering::SeqCst);
        self.service
            .world
            .users_are_broken
            .store(broken, Ordering::SeqCst);
    }

    /// What the document says and no answer has shown.
    pub(crate) fn unseen(&self) -> Vec<String> {
        let mut unseen = Vec::new();
        for route in self.description.routes() {
            for status in self.description.responses(&route).keys() {
                let status = status.parse().expect("a status");
                if !self.seen.borrow().contains(&(route.clone(), status)) {
                    unseen.push(format!("{status} {} {}", route.method, route.path));
                }
            }
        }
        unseen.sort();
        unseen
    }
}
