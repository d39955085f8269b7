use auth_core::SigningSecret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{
    RequestHead,
    request::{Header, header},
};

/// The header in which a page sends the token back.
pub(super) const HEADER: &str = "x-csrf-token";

/// Keeps these codes apart from whatever else is signed with the same secret.
const PURPOSE: &[u8] = b"portcullis double-submit v1\0";

/// A signed double-submit token: a code over the session's token, which only a page of the same origin can read from
/// its cookie and send back in a header (OWASP, Cross-Site Request Forgery Prevention).
#[derive(Clone, Debug)]
pub(super) struct DoubleSubmit(pub(super) SigningSecret);

impl DoubleSubmit {
    /// The token that belongs to the session of `credential`, in hexadecimal.
    pub(super) fn token(&self, credential: &str) -> String {
        let code = self.mac(credential).finalize().into_bytes();
        code.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether the request sends back the token of the session of `credential`.
    pub(super) fn confirms(&self, head: &dyn RequestHead, credential: &str) -> bool {
        let Header::One(sent) = header(head, HEADER) else {
            return false;
        };
        decode(sent).is_some_and(|code| self.mac(credential).verify_slice(&code).is_ok())
    }

    fn mac(&self, credential: &str) -> Hmac<Sha256> {
        let key = Hmac::<Sha256>::new_from_slice(self.0.expose());
        let mut mac = key.unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        mac.update(PURPOSE);
        mac.update(credential.as_bytes());
        mac
    }
}

fn decode(hexadecimal: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = hexadecimal.as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::test_head::Head;

    #[test]
    fn only_the_token_of_the_session_confirms() {
        let ours = DoubleSubmit(SigningSecret::generate().expect("secret"));
        let theirs = DoubleSubmit(SigningSecret::generate().expect("secret"));
        let good = ours.token("session");
        let confirms = |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| (HEADER, *value)).collect();
            ours.confirms(&Head::new("POST", &headers), "session")
        };
        assert!(confirms(&[&good]));
        let (other, forged) = (ours.token("other session"), theirs.token("session"));
        for bad in [
            &[][..],
            &[""],
            &["é"],
            &[&good, &good],
            &[&good[2..]],
            &[&good.to_uppercase()],
            &[&other],
            &[&forged],
        ] {
            assert!(!confirms(bad), "{bad:?}");
        }
    }
}
