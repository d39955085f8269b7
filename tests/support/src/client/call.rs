//! A request that is going to be sent.

use reqwest::{RequestBuilder, header::CONTENT_TYPE, multipart::Form};
use serde_json::Value;

use super::{Answer, Pass};

#[must_use]
pub struct Call(pub RequestBuilder);

impl Call {
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        Self(self.0.header(name, value.as_ref()))
    }

    /// With the credential, the way it travels.
    pub fn with(self, pass: &Pass) -> Self {
        let (name, value) = pass.header();
        self.header(name, value)
    }

    pub fn json(self, body: &Value) -> Self {
        Self(self.0.json(body))
    }

    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        Self(self.0.form(fields))
    }

    pub fn multipart(self, fields: &[(&str, &str)]) -> Self {
        let form = fields.iter().fold(Form::new(), |form, (name, value)| {
            form.text((*name).to_owned(), (*value).to_owned())
        });
        Self(self.0.multipart(form))
    }

    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self(self.0.header(CONTENT_TYPE, content_type).body(body.into()))
    }

    pub async fn send(self) -> Answer {
        let response = self.0.send().await.expect("an answer");
        Answer::read(response).await
    }
}
