use std::{convert::Infallible, fmt};

use auth_core::SecretString;
use futures_util::stream;
use percent_encoding::percent_decode;

use super::{is_too_long, json::too_long, media_type};
use crate::{FieldError, HttpError};

/// The form of a log-in (RFC 6749 §4.3.2), urlencoded or multipart.
pub struct LoginForm {
    /// The e-mail as typed, neither trimmed nor validated.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

impl LoginForm {
    /// Reads the form. `grant_type` must be `password` or absent. Other fields are ignored.
    ///
    /// # Errors
    /// [`HttpError::Unprocessable`] naming the fields that are missing, empty or wrong.
    pub async fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, HttpError> {
        let mut form = Form::default();
        if let Some(media) = media_type(content_type) {
            if media.essence_str() == URLENCODED {
                form.read_urlencoded(body);
            } else if media.essence_str() == MULTIPART
                && let Some(boundary) = media.get_param(mime::BOUNDARY)
            {
                form.read_multipart(boundary.as_str(), body).await;
            }
        }
        form.finish()
    }
}

impl fmt::Debug for LoginForm {
    /// Prints no user name, because people type passwords there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginForm").finish_non_exhaustive()
    }
}

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// The fields of the form, the last of each name. A value is `None` if it is not text.
#[derive(Default)]
struct Form {
    username: Option<Option<String>>,
    password: Option<Option<String>>,
    grant_type: Option<Option<String>>,
}

impl Form {
    fn set(&mut self, name: &str, value: Option<String>) {
        match name {
            "username" => self.username = Some(value),
            "password" => self.password = Some(value),
            "grant_type" => self.grant_type = Some(value),
            _ => {}
        }
    }

    fn read_urlencoded(&mut self, body: &[u8]) {
        for pair in body.split(|byte| *byte == b'&') {
            let split = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = (&pair[..split], pair.get(split + 1..).unwrap_or_default());
            if let Some(name) = decode(name) {
                self.set(&name, decode(value));
            }
        }
    }

    async fn read_multipart(&mut self, boundary: &str, body: &[u8]) {
        let body = body.to_vec();
        let mut parts = multer::Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
        while let Ok(Some(part)) = parts.next_field().await {
            let Some(name) = part.name().map(str::to_owned) else {
                continue;
            };
            let is_file = part.file_name().is_some();
            let Ok(bytes) = part.bytes().await else { return };
            let text = String::from_utf8(bytes.to_vec()).ok().filter(|_| !is_file);
            self.set(&name, text);
        }
    }

    fn finish(self) -> Result<LoginForm, HttpError> {
        let mut errors = Vec::new();
        if self
            .grant_type
            .is_some_and(|grant| grant.as_deref() != Some("password") && grant.as_deref() != Some(""))
        {
            errors.push(FieldError::new(
                "string_pattern_mismatch",
                "grant_type",
                "Input should be `password`",
            ));
        }
        let username = required("username", self.username, &mut errors);
        let password = required("password", self.password, &mut errors);
        if password.as_deref().is_some_and(is_too_long) {
            errors.push(too_long("password"));
        }
        match (username, password) {
            (Some(username), Some(password)) if errors.is_empty() => Ok(LoginForm {
                username,
                password: password.into(),
            }),
            _ => Err(HttpError::Unprocessable(errors)),
        }
    }
}

fn required(field: &str, value: Option<Option<String>>, errors: &mut Vec<FieldError>) -> Option<String> {
    match value {
        Some(Some(value)) if !value.is_empty() => return Some(value),
        Some(None) => errors.push(FieldError::new(
            "string_unicode",
            field,
            "Input should be valid UTF-8 text",
        )),
        _ => errors.push(FieldError::missing(field)),
    }
    None
}

/// A name or value of an urlencoded form (WHATWG URL §5.1), or `None` if it is not UTF-8: with replacement characters,
/// a password would be another one.
fn decode(part: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = part
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    percent_decode(&spaced)
        .decode_utf8()
        .ok()
        .map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use auth_core::ExposeSecret as _;
    use proptest::prelude::*;

    use super::*;
    use crate::MAX_PASSWORD_BYTES;

    async fn urlencoded(body: &[u8]) -> Result<(String, String), Vec<String>> {
        seen(LoginForm::parse(Some("application/x-www-form-urlencoded; charset=utf-8"), body).await)
    }

    fn seen(form: Result<LoginForm, HttpError>) -> Result<(String, String), Vec<String>> {
        match form {
            Ok(form) => Ok((form.username, form.password.expose_secret().to_owned())),
            Err(HttpError::Unprocessable(errors)) => Err(errors
                .into_iter()
                .map(|error| error.loc.iter().map(ToString::to_string).collect())
                .collect()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_form_is_read_urlencoded_or_multipart() {
        let expected = Ok(("a@b.example".to_owned(), "p w+ü".to_owned()));
        assert_eq!(
            urlencoded(b"username=a%40b.example&password=p+w%2B%C3%BC&scope=&x=1").await,
            expected
        );
        let multipart = "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\na@b.example\r\n--x\r\n\
                         Content-Disposition: form-data; name=\"password\"\r\n\r\np w+ü\r\n--x--\r\n";
        let form = LoginForm::parse(Some("multipart/form-data; boundary=x"), multipart.as_bytes()).await;
        assert_eq!(seen(form), expected);
    }

    #[tokio::test]
    async fn what_is_missing_empty_or_wrong_is_named() {
        let both = Err(vec!["username".to_owned(), "password".to_owned()]);
        for body in ["", "username=&password=", "username&password", "{}", "&&==&"] {
            assert_eq!(urlencoded(body.as_bytes()).await, both, "{body}");
        }
        let json = LoginForm::parse(Some("application/json"), br#"{"username":"a","password":"b"}"#).await;
        assert_eq!(seen(json), both);
        let grant = urlencoded(b"username=a&password=b&grant_type=foo").await;
        assert_eq!(grant, Err(vec!["grant_type".to_owned()]));
        assert!(
            urlencoded(b"username=a&password=b&grant_type=password")
                .await
                .is_ok()
        );
        let invalid = urlencoded(b"username=a&password=%ff%fe").await;
        assert_eq!(invalid, Err(vec!["password".to_owned()]));
        let long = format!("username=a&password={}", "x".repeat(MAX_PASSWORD_BYTES + 1));
        assert_eq!(
            urlencoded(long.as_bytes()).await,
            Err(vec!["password".to_owned()])
        );
    }

    proptest! {
        #[test]
        fn no_body_makes_a_form_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
            for content_type in [URLENCODED, "multipart/form-data; boundary=x", "multipart/form-data"] {
                let _ = runtime.block_on(LoginForm::parse(Some(content_type), &body));
            }
        }
    }
}
