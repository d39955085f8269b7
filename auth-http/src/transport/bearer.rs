use auth_core::{ExposeSecret as _, Issued, Rejection};
use serde::Serialize;

use super::{OWS, Presented, Scheme, Slot, Transport, whole_lifetime};
use crate::{
    HttpError, RequestHead, Response,
    request::{Header, header},
};

/// The `Authorization: Bearer` header (RFC 6750 §2.1). A token in a query or a form is ignored.
#[derive(Clone, Copy, Debug, Default)]
pub struct BearerTransport;

#[derive(Serialize)]
struct BearerResponse<'a> {
    access_token: &'a str,
    token_type: &'static str,
    #[serde(flatten)]
    refresh: Option<RefreshResponse<'a>>,
}

/// RFC 6749 §5.1. A client that can refresh must know when.
#[derive(Serialize)]
struct RefreshResponse<'a> {
    /// In whole seconds, rounded up: a JWT ends at a whole second, and falls short of its lifetime by less than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<i64>,
    refresh_token: &'a str,
}

impl Transport for BearerTransport {
    fn scheme(&self) -> Scheme<'_> {
        Scheme::Bearer
    }

    fn extract<'a>(&self, slot: Slot, head: &'a dyn RequestHead) -> Presented<'a> {
        if slot == Slot::Refresh {
            return Presented::Nothing;
        }
        let value = match header(head, "authorization") {
            Header::Absent => return Presented::Nothing,
            Header::Many => return Presented::Invalid(Rejection::Ambiguous),
            Header::One(value) => value,
        };
        let Ok(value) = std::str::from_utf8(value) else {
            return Presented::Invalid(Rejection::Malformed);
        };
        match value.trim_matches(OWS).split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => match token.trim_matches(OWS) {
                "" => Presented::Nothing,
                token => Presented::Token(token),
            },
            _ => Presented::Nothing,
        }
    }

    fn deliver(&self, issued: &Issued) -> Result<Response, HttpError> {
        let access = &issued.access;
        let body = BearerResponse {
            access_token: access.secret.expose_secret(),
            token_type: "bearer",
            refresh: issued.refresh.as_ref().map(|refresh| RefreshResponse {
                expires_in: whole_lifetime(access),
                refresh_token: refresh.secret.expose_secret(),
            }),
        };
        Ok(Response::json(200, &body).no_store())
    }

    fn clear(&self, _slot: Slot) -> Response {
        Response::empty(204)
    }
}

#[cfg(test)]
mod tests {
    use auth_core::IssuedToken;
    use proptest::prelude::*;

    use super::{super::seen, *};
    use crate::request::test_head::Head;

    fn extracted(values: &[&str]) -> String {
        let headers: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
        seen(BearerTransport.extract(Slot::Access, &Head::new("GET", &headers)))
    }

    #[test]
    fn a_refresh_token_comes_with_the_seconds_that_the_access_token_lives() {
        let now = time::OffsetDateTime::UNIX_EPOCH;
        let token = |secret: &str, milliseconds| {
            let end = now + time::Duration::milliseconds(milliseconds);
            IssuedToken::new(secret.into(), now, Some(end))
        };
        let body = |issued: Issued| {
            let answer = BearerTransport.deliver(&issued).expect("an answer");
            answer.body.expect("a body")
        };
        let plain = body(Issued::new(token("A", 899_001)));
        assert_eq!(plain, r#"{"access_token":"A","token_type":"bearer"}"#);
        let pair = body(Issued::new(token("A", 899_001)).with_refresh(token("R", 1)));
        assert_eq!(
            pair,
            r#"{"access_token":"A","token_type":"bearer","expires_in":900,"refresh_token":"R"}"#
        );
    }

    #[test]
    fn the_scheme_is_of_any_case_and_the_value_trimmed() {
        for value in ["Bearer abc", "bearer abc", "BEARER   abc  ", " bEaReR abc"] {
            assert_eq!(extracted(&[value]), r#"Token("abc")"#, "{value}");
        }
    }

    #[test]
    fn another_scheme_or_an_empty_value_is_no_credential() {
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Basic YTpi",
            "Bearerabc",
            "Token abc",
            "abc",
        ] {
            assert_eq!(extracted(&[value]), "Nothing", "{value}");
        }
    }

    #[test]
    fn t2_white_space_of_unicode_is_part_of_the_token() {
        assert_eq!(extracted(&["Bearer abc\u{3000}"]), "Token(\"abc\\u{3000}\")");
        assert_eq!(extracted(&["\u{a0}Bearer abc"]), "Nothing");
        assert_eq!(extracted(&["Bearer \t abc \t"]), r#"Token("abc")"#);
    }

    #[test]
    fn e4_what_is_presented_does_not_print_itself() {
        assert_eq!(format!("{:?}", Presented::Token("abc")), "Token([REDACTED])");
    }

    #[test]
    fn t3_two_authorization_headers_are_rejected() {
        assert_eq!(extracted(&["Bearer abc", "Bearer abc"]), "Invalid(Ambiguous)");
        assert_eq!(extracted(&["Basic YTpi", "Bearer abc"]), "Invalid(Ambiguous)");
    }

    #[test]
    fn t5_a_header_that_is_not_utf_8_is_rejected() {
        let head = Head::raw("authorization", b"Bearer \xff\xfe");
        assert_eq!(
            seen(BearerTransport.extract(Slot::Access, &head)),
            "Invalid(Malformed)"
        );
    }

    proptest! {
        #[test]
        fn any_header_value_is_read_without_a_panic_and_a_token_is_never_changed(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            let head = Head::raw("authorization", &value);
            if let Presented::Token(token) = BearerTransport.extract(Slot::Access, &head) {
                prop_assert!(!token.is_empty() && token.trim() == token);
                prop_assert!(std::str::from_utf8(&value).is_ok_and(|value| value.trim().ends_with(token)));
            }
        }

        #[test]
        fn every_token_that_is_presented_is_found(token in "[A-Za-z0-9._~+/=-]{1,80}") {
            prop_assert_eq!(extracted(&[&format!("Bearer {token}")]), format!("Token({token:?})"));
        }
    }
}
