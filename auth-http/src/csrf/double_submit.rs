//! The token that a page sends back with the cookie of its session.

use auth_core::SigningSecret;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cookie::Cookie;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{
    RequestHead, Response,
    request::{Header, header},
    response::SET_COOKIE,
};

/// The header in which a page sends the token back.
pub(super) const HEADER: &str = "x-csrf-token";

/// A signed double-submit token: a MAC of the session's token. Only a page of the same origin can read it from its
/// cookie, and send it back in a header (OWASP, Cross-Site Request Forgery Prevention).
#[derive(Clone, Debug)]
pub(super) struct DoubleSubmit(SigningSecret);

impl DoubleSubmit {
    pub(super) fn new(secret: &SigningSecret) -> Self {
        Self(secret.for_library("double-submit"))
    }

    /// `response`, with a second cookie for each that it sets or removes and that is called `access` or `refresh`. The
    /// second contains the token, or nothing. It has the attributes of the access token's cookie, but scripts can read it:
    /// those of a page are outside the path of the refresh token's.
    pub(super) fn accompany(&self, access: &str, refresh: Option<&str>, response: Response) -> Response {
        let set: Vec<_> = response
            .cookies()
            .filter_map(|value| Cookie::parse(value).ok())
            .collect();
        let place = set.iter().find(|cookie| cookie.name() == access);
        let is_ours = |name: &str| name == access || Some(name) == refresh;
        let companions: Vec<_> = set
            .iter()
            .filter(|session| is_ours(session.name()))
            .map(|session| {
                let token = match session.value() {
                    "" => String::new(),
                    credential => self.token(credential),
                };
                let mut companion = place.unwrap_or(session).clone();
                companion.set_name(format!("{}-csrf", session.name()));
                companion.set_value(token);
                companion.set_http_only(false);
                companion.set_max_age(session.max_age());
                companion.to_string()
            })
            .collect();
        let add = |response: Response, companion| response.header(SET_COOKIE, companion);
        companions.into_iter().fold(response, add)
    }

    /// The token that belongs to the session of `credential`, in URL-safe base64 without padding.
    fn token(&self, credential: &str) -> String {
        URL_SAFE_NO_PAD.encode(mac(&self.0, credential).finalize().into_bytes())
    }

    /// True if the request sends back the token of the session of `credential`.
    pub(super) fn confirms(&self, head: &dyn RequestHead, credential: &str) -> bool {
        let Header::One(sent) = header(head, HEADER) else {
            return false;
        };
        let mut accepted = self.0.accepted();
        // The decoder refuses padding, white space and non-canonical bits.
        URL_SAFE_NO_PAD
            .decode(sent)
            .is_ok_and(|code| accepted.any(|secret| mac(secret, credential).verify_slice(&code).is_ok()))
    }
}

fn mac(secret: &SigningSecret, credential: &str) -> Hmac<Sha256> {
    let key = Hmac::<Sha256>::new_from_slice(secret.expose());
    let mut mac = key.unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
    mac.update(credential.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CsrfPolicy, request::test_head::Head};

    #[test]
    fn it_comes_with_the_cookie_and_goes_with_it() {
        let secret = SigningSecret::generate().expect("secret");
        let double_submit = DoubleSubmit::new(&secret);
        let session = |value: &str, rest: &str| {
            Response::empty(204)
                .header(SET_COOKIE, format!("other=1; HttpOnly; Path=/; {rest}"))
                .header(SET_COOKIE, format!("session={value}; HttpOnly; {rest}"))
        };
        for rest in [
            "SameSite=Strict; Secure; Path=/a; Domain=example.com; Max-Age=60",
            "Path=/",
        ] {
            let set = |answer: &Response| answer.cookies().map(str::to_owned).collect::<Vec<_>>();
            let answer = session("T", rest);
            let (before, after) = (
                set(&answer),
                set(&double_submit.accompany("session", None, answer)),
            );
            assert_eq!(after[..2], before);
            assert_eq!(
                after[2..],
                [format!("session-csrf={}; {rest}", double_submit.token("T"))]
            );
            let gone = set(&double_submit.accompany("session", None, session("", rest)));
            assert_eq!(gone[2..], [format!("session-csrf=; {rest}")]);
        }
        let without = CsrfPolicy::same_origin().accompany("session", None, session("T", "Path=/"));
        assert_eq!(without.cookies().count(), 2);
    }

    #[test]
    fn the_token_of_a_refresh_cookie_has_the_place_of_the_other_and_the_age_of_its_own() {
        let double_submit = DoubleSubmit::new(&SigningSecret::generate().expect("secret"));
        let answer = |access: &str, refresh: &str| {
            Response::empty(204)
                .header(
                    SET_COOKIE,
                    format!("a={access}; HttpOnly; SameSite=Lax; Path=/; Domain=example.com; Max-Age=9"),
                )
                .header(
                    SET_COOKIE,
                    format!("r={refresh}; HttpOnly; SameSite=Strict; Path=/auth/a; Max-Age=60"),
                )
        };
        let companions = |answer| {
            let answer = double_submit.accompany("a", Some("r"), answer);
            answer.cookies().skip(2).map(str::to_owned).collect::<Vec<_>>()
        };
        let place = "SameSite=Lax; Path=/; Domain=example.com";
        let tokens = ["A", "R"].map(|credential| double_submit.token(credential));
        assert_eq!(
            companions(answer("A", "R")),
            [
                format!("a-csrf={}; {place}; Max-Age=9", tokens[0]),
                format!("r-csrf={}; {place}; Max-Age=60", tokens[1])
            ]
        );
        let gone = companions(answer("", ""));
        assert_eq!(gone[1], format!("r-csrf=; {place}; Max-Age=60"));
    }

    #[test]
    fn n8_the_token_of_an_old_secret_confirms_as_long_as_that_is_accepted() {
        let [new, old, older] = std::array::from_fn(|_| SigningSecret::generate().expect("secret"));
        let confirms = |policy: &CsrfPolicy, secret: &SigningSecret| {
            let token = DoubleSubmit::new(secret).token("session");
            let head = Head::new("POST", &[("sec-fetch-site", "same-origin"), (HEADER, &token)]);
            policy.check_cookie(&head, Some("session")).is_ok()
        };
        let policy = CsrfPolicy::same_origin().double_submit(&new);
        assert!(confirms(&policy, &new) && !confirms(&policy, &old));
        let both = new.clone().also_accept(old.clone());
        let policy = CsrfPolicy::same_origin().double_submit(&both);
        assert!(confirms(&policy, &new) && confirms(&policy, &old) && !confirms(&policy, &older));
        // What is handed out is signed by the new one.
        let answer = Response::empty(204).header(SET_COOKIE, "session=T");
        let expected = format!("session-csrf={}", DoubleSubmit::new(&new).token("T"));
        assert_eq!(
            policy.accompany("session", None, answer).cookies().last(),
            Some(&*expected)
        );
    }

    #[test]
    fn only_the_token_of_the_session_confirms() {
        let ours = DoubleSubmit::new(&SigningSecret::generate().expect("secret"));
        let theirs = DoubleSubmit::new(&SigningSecret::generate().expect("secret"));
        let good = ours.token("session");
        let confirms = |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| (HEADER, *value)).collect();
            ours.confirms(&Head::new("POST", &headers), "session")
        };
        assert!(confirms(&[&good]));
        let (other, forged) = (ours.token("other session"), theirs.token("session"));
        let padded = format!("{good}=");
        // 43 characters have two bits more than 32 bytes.
        let last = good.as_bytes()[good.len() - 1];
        let spare_bits = format!("{}{}", &good[..good.len() - 1], char::from(last + 1));
        for bad in [
            &[][..],
            &[""],
            &["é"],
            &[&good, &good],
            &[&good[1..]],
            &[&good.to_uppercase()],
            &[&padded],
            &[&spare_bits],
            &[&other],
            &[&forged],
        ] {
            assert!(!confirms(bad), "{bad:?}");
        }
    }
}
