//! What came back.

use std::borrow::Cow;

use reqwest::header::{DATE, HeaderMap};
use serde_json::Value;

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub async fn read(response: reqwest::Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.expect("a whole body").to_vec(),
        }
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// The body, which says that it is JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The value of the header, which is there once at most.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().expect("ASCII"));
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        value
    }

    /// The cookie of this name that it sets or removes.
    ///
    /// # Panics
    /// If there are two.
    #[track_caller]
    pub fn cookie(&self, name: &str) -> Option<SetCookie> {
        let all = self.headers.get_all("set-cookie").iter();
        let all = all.map(|cookie| cookie.to_str().expect("ASCII"));
        let mut named = all.filter_map(|cookie| {
            let (pair, attributes) = cookie.split_once("; ").expect("attributes");
            let (found, value) = pair.split_once('=').expect("a value");
            let mut attributes: Vec<_> = attributes.split("; ").map(str::to_owned).collect();
            attributes.sort_unstable();
            let value = value.to_owned();
            (found == name).then_some(SetCookie { value, attributes })
        });
        let cookie = named.next();
        assert!(named.next().is_none(), "{name} is there twice: {self:?}");
        cookie
    }

    /// It has this status and exactly this body.
    #[track_caller]
    pub fn is(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.text()), (status, body));
        let content_type = (!body.is_empty()).then_some("application/json");
        assert_eq!(self.header("content-type"), content_type);
    }

    /// It is an error with this detail: a code, or the words of a bare status.
    #[track_caller]
    pub fn is_error(&self, status: u16, detail: &str) {
        self.is(status, &format!(r#"{{"detail":"{detail}"}}"#));
    }

    #[track_caller]
    pub fn is_unauthorized(&self) {
        self.is_error(401, "Unauthorized");
    }

    #[track_caller]
    pub fn is_forbidden(&self) {
        self.is_error(403, "Forbidden");
    }

    #[track_caller]
    pub fn is_not_found(&self) {
        self.is_error(404, "Not Found");
    }

    /// It is the error of a refused password: the code, and a reason for the user.
    #[track_caller]
    pub fn refuses_password(&self, code: &str) {
        assert_eq!(self.status, 400, "{self:?}");
        let json = self.json();
        let detail = json["detail"].as_object().expect("an object");
        assert_eq!(detail.keys().collect::<Vec<_>>(), ["code", "reason"]);
        assert_eq!(detail["code"], code);
        assert!(detail["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    }

    /// It is a 422 that names exactly these fields, in any order, and repeats no input.
    #[track_caller]
    pub fn is_unprocessable(&self, fields: &[&str]) {
        assert_eq!(self.status, 422, "{self:?}");
        let mut named: Vec<String> = self.field_errors().into_iter().flatten().collect();
        named.sort_unstable();
        let mut fields = fields.to_vec();
        fields.sort_unstable();
        assert_eq!(named, fields, "{self:?}");
    }

    /// The fields that a 422 names, `None` for the body itself; each error has the shape of the contract.
    #[track_caller]
    pub fn field_errors(&self) -> Vec<Option<String>> {
        let json = self.json();
        assert_eq!(json.as_object().map(|body| body.len()), Some(1), "{json}");
        let errors = json["detail"].as_array().expect("a list of errors");
        assert!(!errors.is_empty(), "{json}");
        errors
            .iter()
            .map(|error| {
                let mut keys: Vec<_> = error.as_object().expect("an object").keys().collect();
                keys.sort_unstable();
                assert_eq!(keys, ["loc", "msg", "type"], "{json}");
                assert!(error["msg"].is_string() && error["type"].is_string(), "{json}");
                let path: Vec<_> = error["loc"].as_array().expect("a path").iter().collect();
                assert_eq!(path[0], "body", "{json}");
                path.get(1)
                    .map(|field| field.as_str().expect("a name").to_owned())
            })
            .collect()
    }

    /// All of it but the date: equal for two answers that a client cannot tell apart.
    pub fn visible(&self) -> Visible<'_> {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| **name != DATE)
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect();
        headers.sort();
        Visible {
            status: self.status,
            headers,
            body: String::from_utf8_lossy(&self.body),
        }
    }
}

/// A cookie that is set or removed.
#[derive(Debug, PartialEq, Eq)]
pub struct SetCookie {
    pub value: String,
    /// In the order of the alphabet.
    pub attributes: Vec<String>,
}

/// What a client sees of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Visible<'a> {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Cow<'a, str>,
}
