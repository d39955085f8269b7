use auth_core::SecretString;

use super::{JsonBody, form::Form};
use crate::HttpError;

/// The `grant_type` of a refresh (RFC 6749 §6).
const GRANT_TYPE: &str = "refresh_token";

/// The refresh token in a body: a form (RFC 6749 §6), urlencoded or multipart, or a JSON object. `grant_type` must be
/// `refresh_token` or absent, which a form says by an empty one, too, and JSON by null. Other fields are ignored.
///
/// # Errors
/// [`HttpError::Unprocessable`] naming the fields that are missing, empty or wrong, or if JSON is malformed.
pub(crate) async fn refresh_token(
    content_type: Option<&str>,
    body: &[u8],
) -> Result<SecretString, HttpError> {
    let json = JsonBody::parse(content_type, body)?;
    if let JsonBody::OtherType = json {
        let mut form = Form::read(content_type, body).await;
        form.grant_type(GRANT_TYPE);
        let token = form.required("refresh_token");
        return form.finish(token).map(SecretString::from);
    }
    let mut fields = json.into_embedded_fields();
    fields.grant_type(GRANT_TYPE);
    let token = fields.filled("refresh_token");
    fields.finish(token).map(SecretString::from)
}

#[cfg(test)]
mod tests {
    use auth_core::ExposeSecret as _;

    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json";

    /// The token, or the fields that a 422 names.
    async fn read(content_type: &str, body: &[u8]) -> Result<String, Vec<String>> {
        match refresh_token(Some(content_type), body).await {
            Ok(token) => Ok(token.expose_secret().to_owned()),
            Err(HttpError::Unprocessable(errors)) => Err(errors
                .into_iter()
                .map(|error| error.loc.iter().map(ToString::to_string).collect())
                .collect()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_token_comes_as_a_form_or_as_json_with_its_grant_type_or_without() {
        for body in [
            "grant_type=refresh_token&refresh_token=a.0-_",
            "refresh_token=a.0-_&grant_type=",
            "refresh_token=a%2E0-_&scope=x&client_id=y",
        ] {
            assert_eq!(
                read(FORM, body.as_bytes()).await,
                Ok("a.0-_".to_owned()),
                "{body}"
            );
        }
        let multipart =
            "--x\r\nContent-Disposition: form-data; name=\"refresh_token\"\r\n\r\na.0-_\r\n--x--\r\n";
        let read_multipart = read("multipart/form-data; boundary=x", multipart.as_bytes()).await;
        assert_eq!(read_multipart, Ok("a.0-_".to_owned()));
        for body in [
            r#"{"refresh_token":"a.0-_"}"#,
            r#"{"grant_type":null,"refresh_token":"a.0-_"}"#,
            r#"{"grant_type":"refresh_token","refresh_token":"a.0-_","scope":7}"#,
        ] {
            assert_eq!(
                read(JSON, body.as_bytes()).await,
                Ok("a.0-_".to_owned()),
                "{body}"
            );
        }
    }

    #[tokio::test]
    async fn another_grant_type_and_a_token_that_is_no_text_are_named() {
        let token = || Err(vec!["refresh_token".to_owned()]);
        for body in [
            "",
            "refresh_token=",
            "refresh_token",
            "refresh_token=%ff",
            "token=a",
        ] {
            assert_eq!(read(FORM, body.as_bytes()).await, token(), "{body}");
        }
        for body in [
            "",
            "{}",
            "[]",
            "7",
            r#"{"refresh_token":null}"#,
            r#"{"refresh_token":7}"#,
            r#"{"refresh_token":["a"]}"#,
            r#"{"refresh_token":""}"#,
        ] {
            assert_eq!(read(JSON, body.as_bytes()).await, token(), "{body}");
        }
        assert_eq!(read("text/plain", br#"{"refresh_token":"a"}"#).await, token());
        let grant = || Err(vec!["grant_type".to_owned()]);
        for grant_type in ["password", "REFRESH_TOKEN", "refresh_token "] {
            let form = format!("grant_type={grant_type}&refresh_token=a");
            assert_eq!(read(FORM, form.as_bytes()).await, grant(), "{form}");
            let json = format!(r#"{{"grant_type":"{grant_type}","refresh_token":"a"}}"#);
            assert_eq!(read(JSON, json.as_bytes()).await, grant(), "{json}");
        }
        for json in [
            r#"{"grant_type":"","refresh_token":"a"}"#,
            r#"{"grant_type":7,"refresh_token":"a"}"#,
        ] {
            assert_eq!(read(JSON, json.as_bytes()).await, grant(), "{json}");
        }
        let both = read(FORM, b"grant_type=password").await;
        assert_eq!(
            both,
            Err(vec!["grant_type".to_owned(), "refresh_token".to_owned()])
        );
        assert_eq!(read(JSON, b"{").await, Err(vec![String::new()]));
    }
}
