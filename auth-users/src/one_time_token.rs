//! Stateless one-time tokens for mails.

use auth_core::{SecretString, SigningSecret, User, UserId};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use time::OffsetDateTime;

/// Longer strings are refused unread.
const MAX_CHARS: usize = 1024;
const EXPIRY_BYTES: usize = 8;
const TAG_BYTES: usize = 32;

/// What a token allows. A token of one purpose is never good for the other: each has a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To mark the e-mail that the token was made for as verified.
    Verify,
    /// To replace the password hash that stood when the token was made.
    Reset,
}

/// The keys of the tokens, derived from the application's secret, so that the secret may sign other things too.
#[derive(Clone)]
pub(crate) struct OneTimeTokens {
    verify: Hmac<Sha256>,
    reset: Hmac<Sha256>,
}

/// A string of the form of a token. Whether it is genuine depends on its user: see [`OneTimeTokens::is_genuine`].
pub(crate) struct Claim<Id> {
    pub(crate) user_id: Id,
    expires_at: i64,
    tag: [u8; TAG_BYTES],
}

impl OneTimeTokens {
    pub(crate) fn new(secret: &SigningSecret) -> Self {
        Self {
            verify: derive(secret, b"portcullis/one-time-token/1/verify"),
            reset: derive(secret, b"portcullis/one-time-token/1/reset"),
        }
    }

    /// A token of `purpose` for `user` as it stands, good until before `expires_at`.
    pub(crate) fn issue<Id: UserId, P>(
        &self,
        purpose: Purpose,
        user: &User<Id, P>,
        expires_at: OffsetDateTime,
    ) -> SecretString {
        let expires_at = milliseconds(expires_at);
        let mut token = expires_at.to_be_bytes().to_vec();
        let tag = self.mac(purpose, user, expires_at).finalize().into_bytes();
        token.extend_from_slice(&tag);
        token.extend_from_slice(user.id.to_string().as_bytes());
        SecretString::from(URL_SAFE_NO_PAD.encode(token))
    }

    /// Whether `claim` was made for `user` as it stands and has not expired `now`.
    pub(crate) fn is_genuine<Id: UserId, P>(
        &self,
        purpose: Purpose,
        claim: &Claim<Id>,
        user: &User<Id, P>,
        now: OffsetDateTime,
    ) -> bool {
        let mac = self.mac(purpose, user, claim.expires_at);
        claim.user_id == user.id
            && mac.verify_slice(&claim.tag).is_ok()
            && milliseconds(now) < claim.expires_at
    }

    /// Over the user, the expiry, and what the token will change.
    fn mac<Id: UserId, P>(&self, purpose: Purpose, user: &User<Id, P>, expires_at: i64) -> Hmac<Sha256> {
        let mut mac = match purpose {
            Purpose::Verify => self.verify.clone(),
            Purpose::Reset => self.reset.clone(),
        };
        mac.update(&expires_at.to_be_bytes());
        put(&mut mac, user.id.to_string().as_bytes());
        put(&mut mac, user.email.normalized().as_str().as_bytes());
        if purpose == Purpose::Reset {
            mac.update(&user.security_epoch.to_be_bytes());
            mac.update(&[u8::from(user.password_hash.is_some())]);
            let hash = user.password_hash.as_ref().map_or("", |hash| hash.expose());
            put(&mut mac, hash.as_bytes());
        }
        mac
    }
}

impl<Id: UserId> Claim<Id> {
    /// Reads `token`: exactly a string that [`OneTimeTokens::issue`] could have made.
    pub(crate) fn parse(token: &str) -> Option<Self> {
        if token.len() > MAX_CHARS {
            return None;
        }
        // The decoder refuses padding, white space and bits that no encoder sets.
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (expires_at, rest) = bytes.split_first_chunk::<EXPIRY_BYTES>()?;
        let (tag, id) = rest.split_first_chunk::<TAG_BYTES>()?;
        let id = std::str::from_utf8(id).ok()?;
        let user_id: Id = id.parse().ok()?;
        // An id may be written in several ways; the tag covers one of them.
        (user_id.to_string() == id).then_some(Self {
            user_id,
            expires_at: i64::from_be_bytes(*expires_at),
            tag: *tag,
        })
    }
}

fn derive(secret: &SigningSecret, label: &[u8]) -> Hmac<Sha256> {
    let key = keyed(secret.expose()).chain_update(label).finalize().into_bytes();
    keyed(&key)
}

#[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// With its length, so that no two lists of fields are one string of bytes.
fn put(mac: &mut Hmac<Sha256>, field: &[u8]) {
    mac.update(&(field.len() as u64).to_be_bytes());
    mac.update(field);
}

fn milliseconds(instant: OffsetDateTime) -> i64 {
    i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use auth_core::{ExposeSecret as _, NewUser, PasswordHash};
    use proptest::prelude::*;
    use time::Duration;
    use uuid::Uuid;

    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn user(id: Uuid) -> User {
        let email = "King.Arthur@camelot.example".parse().expect("e-mail");
        let new = NewUser {
            id: Some(id),
            email,
            password_hash: Some(PasswordHash::new("hash")),
            is_active: true,
            is_superuser: false,
            is_verified: false,
            created_at: START,
            profile: (),
        };
        new.into_user(id)
    }

    fn tokens() -> OneTimeTokens {
        OneTimeTokens::new(&SigningSecret::generate().expect("secret"))
    }

    fn issue(purpose: Purpose, user: &User) -> String {
        let token = tokens().issue(purpose, user, START + Duration::HOUR);
        token.expose_secret().to_owned()
    }

    fn is_good(purpose: Purpose, token: &str, user: &User, now: OffsetDateTime) -> bool {
        Claim::parse(token).is_some_and(|claim| tokens().is_genuine(purpose, &claim, user, now))
    }

    #[test]
    fn a_token_is_good_to_the_last_instant_before_its_expiry() {
        let user = user(Uuid::now_v7());
        for purpose in [Purpose::Verify, Purpose::Reset] {
            let token = issue(purpose, &user);
            let end = START + Duration::HOUR;
            assert!(is_good(purpose, &token, &user, START));
            assert!(is_good(purpose, &token, &user, end - Duration::MILLISECOND));
            assert!(!is_good(purpose, &token, &user, end));
            assert!(!is_good(purpose, &token, &user, end + Duration::DAY));
        }
    }

    #[test]
    fn a_token_of_one_purpose_user_or_secret_is_not_good_for_another() {
        let one = user(Uuid::now_v7());
        let two = user(Uuid::now_v7());
        let verify = issue(Purpose::Verify, &one);
        let reset = issue(Purpose::Reset, &one);
        assert!(!is_good(Purpose::Reset, &verify, &one, START));
        assert!(!is_good(Purpose::Verify, &reset, &one, START));
        assert!(!is_good(Purpose::Verify, &verify, &two, START));
        let other = OneTimeTokens::new(&SigningSecret::generate().expect("secret"));
        let claim = Claim::parse(&verify).expect("token");
        assert!(!other.is_genuine(Purpose::Verify, &claim, &one, START));
    }

    #[test]
    fn v5_a_token_confirms_exactly_the_address_it_was_made_for() {
        let mut user = user(Uuid::now_v7());
        let (verify, reset) = (issue(Purpose::Verify, &user), issue(Purpose::Reset, &user));
        user.email = "KING.ARTHUR@camelot.example".parse().expect("e-mail");
        assert!(
            is_good(Purpose::Verify, &verify, &user, START),
            "only the case differs"
        );
        user.email = "arthur@camelot.example".parse().expect("e-mail");
        assert!(!is_good(Purpose::Verify, &verify, &user, START));
        assert!(!is_good(Purpose::Reset, &reset, &user, START));
    }

    #[test]
    fn v4_a_reset_token_dies_with_the_password_it_was_made_for() {
        let mut user = user(Uuid::now_v7());
        let (verify, reset) = (issue(Purpose::Verify, &user), issue(Purpose::Reset, &user));
        user.password_hash = None;
        assert!(!is_good(Purpose::Reset, &reset, &user, START));
        user.password_hash = Some(PasswordHash::new("another"));
        assert!(!is_good(Purpose::Reset, &reset, &user, START));
        assert!(is_good(Purpose::Verify, &verify, &user, START));
    }

    #[test]
    fn v3_a_blank_token_never_matches() {
        for blank in ["", " ", "\0", "=", "AAAA"] {
            assert!(Claim::<Uuid>::parse(blank).is_none(), "{blank:?}");
            assert!(Claim::<String>::parse(blank).is_none(), "{blank:?}");
        }
    }

    #[test]
    fn l3_t2_every_edit_of_one_character_is_refused() {
        let user = user(Uuid::now_v7());
        let token = issue(Purpose::Verify, &user);
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n";
        for at in 0..token.len() {
            for with in alphabet.chars().filter(|c| !token[at..].starts_with(*c)) {
                let edited = format!("{}{with}{}", &token[..at], &token[at + 1..]);
                assert!(!is_good(Purpose::Verify, &edited, &user, START), "{edited}");
            }
            let shorter = format!("{}{}", &token[..at], &token[at + 1..]);
            assert!(!is_good(Purpose::Verify, &shorter, &user, START), "{shorter}");
            assert!(!is_good(Purpose::Verify, &token[..at], &user, START));
        }
        for more in [
            format!("{token}="),
            format!("{token}A"),
            format!(" {token}"),
            token.to_uppercase(),
        ] {
            assert!(!is_good(Purpose::Verify, &more, &user, START), "{more}");
        }
    }

    #[test]
    fn an_id_written_in_another_way_is_another_token() {
        let user = user(Uuid::now_v7());
        let token = issue(Purpose::Verify, &user);
        let bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64url");
        let (head, id) = bytes.split_at(EXPIRY_BYTES + TAG_BYTES);
        let id = std::str::from_utf8(id).expect("id").to_uppercase();
        let edited = URL_SAFE_NO_PAD.encode([head, id.as_bytes()].concat());
        assert!(Claim::<Uuid>::parse(&token).is_some());
        assert!(Claim::<Uuid>::parse(&edited).is_none());
    }

    #[test]
    fn a_token_is_url_safe_and_too_long_a_one_is_refused_unread() {
        let token = issue(Purpose::Reset, &user(Uuid::now_v7()));
        assert!(
            token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
            "{token}"
        );
        assert!(Claim::<String>::parse(&"A".repeat(MAX_CHARS)).is_some());
        assert!(Claim::<String>::parse(&"A".repeat(MAX_CHARS + 4)).is_none());
    }

    proptest! {
        #[test]
        fn parsing_never_panics(token in "\\PC{0,64}|[A-Za-z0-9_-]{0,200}") {
            let _ = Claim::<Uuid>::parse(&token);
            let _ = Claim::<i64>::parse(&token);
        }
    }
}
