use std::{collections::HashMap, convert::Infallible, fmt};

use auth_core::SecretString;
use futures_util::stream;
use percent_encoding::percent_decode;

use super::{is_too_long, json::too_long, media_type, wrong_grant};
use crate::{FieldError, HttpError};

/// The form of a log-in (RFC 6749 §4.3.2), urlencoded or multipart.
pub(crate) struct LoginForm {
    /// The e-mail as typed, neither trimmed nor validated.
    pub(crate) username: String,
    /// The password.
    pub(crate) password: SecretString,
}

impl LoginForm {
    /// Reads the form. `grant_type` must be `password` or absent. Other fields are ignored.
    ///
    /// # Errors
    /// [`HttpError::Unprocessable`] naming the fields that are missing, empty or wrong.
    pub(crate) async fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, HttpError> {
        let mut form = Form::read(content_type, body).await;
        form.grant_type("password");
        let username = form.required("username");
        let password = form.required("password");
        if password.as_deref().is_some_and(is_too_long) {
            form.errors.push(too_long("password"));
        }
        let (username, password) = form.finish(username.zip(password))?;
        Ok(Self {
            username,
            password: password.into(),
        })
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

/// The fields of a form, the last of each name, which are taken out one by one, and the errors found so far. A value is
/// `None` if it is not text.
#[derive(Default)]
pub(super) struct Form {
    fields: HashMap<String, Option<String>>,
    errors: Vec<FieldError>,
}

impl Form {
    /// Reads a form, urlencoded or multipart. A body of another type has no fields.
    pub(super) async fn read(content_type: Option<&str>, body: &[u8]) -> Self {
        let mut form = Self::default();
        if let Some(media) = media_type(content_type) {
            if media.essence_str() == URLENCODED {
                form.read_urlencoded(body);
            } else if media.essence_str() == MULTIPART
                && let Some(boundary) = media.get_param(mime::BOUNDARY)
            {
                form.read_multipart(boundary.as_str(), body).await;
            }
        }
        form
    }

    fn read_urlencoded(&mut self, body: &[u8]) {
        for pair in body.split(|byte| *byte == b'&') {
            let split = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = (&pair[..split], pair.get(split + 1..).unwrap_or_default());
            if let Some(name) = decode(name) {
                self.fields.insert(name, decode(value));
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
            self.fields.insert(name, text);
        }
    }

    /// Requires `grant_type` to be `expected`, if there is one. Without a value it is as if it were left out (RFC 6749 §3.2).
    pub(super) fn grant_type(&mut self, expected: &str) {
        let grant = self.fields.remove("grant_type");
        if grant.is_some_and(|grant| grant.as_deref() != Some(expected) && grant.as_deref() != Some("")) {
            self.errors.push(wrong_grant(expected));
        }
    }

    /// A required field, which is not empty.
    pub(super) fn required(&mut self, field: &str) -> Option<String> {
        match self.fields.remove(field) {
            Some(Some(value)) if !value.is_empty() => return Some(value),
            Some(None) => self.errors.push(FieldError::new(
                "string_unicode",
                field,
                "Input should be valid UTF-8 text",
            )),
            _ => self.errors.push(FieldError::missing(field)),
        }
        None
    }

    /// The fields that were taken out, if none had an error.
    ///
    /// # Errors
    /// [`HttpError::Unprocessable`] with all errors.
    pub(super) fn finish<T>(self, taken: Option<T>) -> Result<T, HttpError> {
        match taken {
            Some(taken) if self.errors.is_empty() => Ok(taken),
            _ => Err(HttpError::Unprocessable(self.errors)),
        }
    }
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
        for grant in ["", "&grant_type=password", "&grant_type=", "&grant_type"] {
            let body = format!("username=a&password=b{grant}");
            assert!(urlencoded(body.as_bytes()).await.is_ok(), "{body}");
        }
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
