//! Stateless one-time tokens for mails.

use auth_core::{Email, SecretString, SigningSecret, User, UserId, user_id_from_text};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use time::OffsetDateTime;

/// Longer strings are rejected unread.
const MAX_CHARS: usize = 1024;
const SEAL_BYTES: usize = 32;
const EXPIRY_BYTES: usize = 8;
/// The seal keeps it from being chosen, so that it only has to differ from state to state.
const STATE_BYTES: usize = 16;

/// What a token allows. A token of one purpose is never good for another: each has keys of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose<'a> {
    /// To mark the e-mail that the token was made for as verified.
    Verify,
    /// To replace the password hash that stood when the token was made.
    Reset,
    /// The same for an invited user, and to mark the e-mail as verified.
    Invite,
    /// To make the address that the token was mailed to the user's e-mail.
    ChangeEmail,
    /// The application's own.
    Own(&'a str),
}

impl Purpose<'_> {
    /// No two purposes have one label.
    fn label(self) -> String {
        match self {
            Self::Verify => "verify".to_owned(),
            Self::Reset => "reset".to_owned(),
            Self::Invite => "invite".to_owned(),
            Self::ChangeEmail => "change-email".to_owned(),
            Self::Own(name) => format!("own/{name}"),
        }
    }
}

/// Makes and reads tokens, with keys that are derived from the application's secret, so that the secret may sign other
/// things too.
///
/// A token is a seal, the expiry, the state of its user, the new e-mail if it confirms one, and the user's id. The seal is a
/// MAC over the rest. It is checked before anything is looked up, so that an id that was never mailed reaches no store. The
/// state is a MAC over what the token will change, which only the store knows.
pub(crate) struct OneTimeTokens(SigningSecret);

struct Keys {
    seal: Hmac<Sha256>,
    state: Hmac<Sha256>,
}

/// The content of a token that was made here and has not expired. [`is_of`](Self::is_of) tells whether its user is still as
/// the token says.
pub(crate) struct Claim<'a, Id> {
    pub(crate) purpose: Purpose<'a>,
    pub(crate) user_id: Id,
    /// The address that a token to [change the e-mail](Purpose::ChangeEmail) was mailed to.
    pub(crate) new_email: Option<Email>,
    state: [u8; STATE_BYTES],
    key: Hmac<Sha256>,
}

impl OneTimeTokens {
    pub(crate) fn new(secret: SigningSecret) -> Self {
        Self(secret)
    }

    /// A token of `purpose` for `user` as it stands, good until before `expires_at`.
    pub(crate) fn issue<Id: UserId, P>(
        &self,
        purpose: Purpose<'_>,
        user: &User<Id, P>,
        expires_at: OffsetDateTime,
    ) -> SecretString {
        self.seal(purpose, user, expires_at, &[])
    }

    /// A token to make `email` that of `user` as it stands, good until before `expires_at`.
    pub(crate) fn issue_for_email<Id: UserId, P>(
        &self,
        email: &Email,
        user: &User<Id, P>,
        expires_at: OffsetDateTime,
    ) -> SecretString {
        let email = email.as_str().as_bytes();
        // An address has 254 bytes at most.
        let length = u8::try_from(email.len()).unwrap_or(u8::MAX);
        self.seal(
            Purpose::ChangeEmail,
            user,
            expires_at,
            &[&[length], email].concat(),
        )
    }

    fn seal<Id: UserId, P>(
        &self,
        purpose: Purpose<'_>,
        user: &User<Id, P>,
        expires_at: OffsetDateTime,
        new_email: &[u8],
    ) -> SecretString {
        let keys = Keys::new(&self.0, purpose);
        let mut sealed = milliseconds(expires_at).to_be_bytes().to_vec();
        let state = state(keys.state, purpose, user).finalize().into_bytes();
        sealed.extend_from_slice(&state[..STATE_BYTES]);
        sealed.extend_from_slice(new_email);
        sealed.extend_from_slice(user.id.to_string().as_bytes());
        let mut token = keys.seal.chain_update(&sealed).finalize().into_bytes().to_vec();
        token.extend_from_slice(&sealed);
        SecretString::from(URL_SAFE_NO_PAD.encode(token))
    }

    /// Reads `token`: exactly a string that [`issue`](Self::issue) made for one of these `purposes`, which has not expired
    /// `now`.
    pub(crate) fn open<'a, Id: UserId>(
        &self,
        purposes: &[Purpose<'a>],
        token: &str,
        now: OffsetDateTime,
    ) -> Option<Claim<'a, Id>> {
        if token.len() > MAX_CHARS {
            return None;
        }
        // The decoder refuses padding, white space and bits that no encoder sets.
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (seal, sealed) = bytes.split_first_chunk::<SEAL_BYTES>()?;
        let (purpose, keys) = self
            .0
            .accepted()
            .flat_map(|secret| {
                purposes
                    .iter()
                    .map(|purpose| (*purpose, Keys::new(secret, *purpose)))
            })
            .find(|(_purpose, keys)| {
                let mac = keys.seal.clone().chain_update(sealed);
                mac.verify_slice(seal).is_ok()
            })?;
        let (expires_at, rest) = sealed.split_first_chunk::<EXPIRY_BYTES>()?;
        let (state, mut id) = rest.split_first_chunk::<STATE_BYTES>()?;
        if milliseconds(now) >= i64::from_be_bytes(*expires_at) {
            return None;
        }
        let new_email = match purpose {
            Purpose::ChangeEmail => {
                let (length, rest) = id.split_first()?;
                let email;
                (email, id) = rest.split_at_checked(usize::from(*length))?;
                Some(std::str::from_utf8(email).ok()?.parse().ok()?)
            }
            _ => None,
        };
        Some(Claim {
            purpose,
            new_email,
            user_id: user_id_from_text(std::str::from_utf8(id).ok()?)?,
            state: *state,
            key: keys.state,
        })
    }
}

impl<Id: UserId> Claim<'_, Id> {
    /// Whether it was made for `user` as it stands.
    pub(crate) fn is_of<P>(&self, user: &User<Id, P>) -> bool {
        let state = state(self.key.clone(), self.purpose, user);
        self.user_id == user.id && state.verify_truncated_left(&self.state).is_ok()
    }
}

impl Keys {
    fn new(secret: &SigningSecret, purpose: Purpose<'_>) -> Self {
        let purpose = purpose.label();
        // The number is that of the format: a token of another one is never good.
        let key = |of: &str| derive(secret, &format!("portcullis/one-time-token/2/{purpose}/{of}"));
        Self {
            seal: key("seal"),
            state: key("state"),
        }
    }
}

/// Over the user and what the token will change. Of the e-mail it is the very address that was mailed to, but for the
/// case of ASCII letters: one normalised form can be that of several mailboxes.
fn state<Id: UserId, P>(mut mac: Hmac<Sha256>, purpose: Purpose<'_>, user: &User<Id, P>) -> Hmac<Sha256> {
    put(&mut mac, user.id.to_string().as_bytes());
    put(&mut mac, user.email.as_str().to_ascii_lowercase().as_bytes());
    if purpose != Purpose::Verify {
        mac.update(&user.security_epoch.to_be_bytes());
        mac.update(&[u8::from(user.password_hash.is_some())]);
        let hash = user.password_hash.as_ref().map_or("", |hash| hash.expose());
        put(&mut mac, hash.as_bytes());
    }
    if let Purpose::Own(_) = purpose {
        mac.update(&user.revision.to_be_bytes());
    }
    mac
}

fn derive(secret: &SigningSecret, label: &str) -> Hmac<Sha256> {
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
        let mut new = NewUser::new(email, (), START);
        new.id = Some(id);
        new.password_hash = Some(PasswordHash::new("hash"));
        new.into_user(id)
    }

    fn tokens() -> OneTimeTokens {
        let secret = SigningSecret::new("the secret of these tests, which no other knows").expect("secret");
        OneTimeTokens::new(secret)
    }

    fn issue(purpose: Purpose<'_>, user: &User) -> String {
        let token = tokens().issue(purpose, user, START + Duration::HOUR);
        token.expose_secret().to_owned()
    }

    fn is_good(purpose: Purpose<'_>, token: &str, user: &User, now: OffsetDateTime) -> bool {
        let claim = tokens().open(&[purpose], token, now);
        claim.is_some_and(|claim| claim.is_of(user))
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
        let other = OneTimeTokens::new(SigningSecret::generate().expect("secret"));
        assert!(other.open::<Uuid>(&[Purpose::Verify], &verify, START).is_none());
    }

    #[test]
    fn n8_a_token_of_an_old_secret_is_good_while_that_is_accepted_and_the_new_one_signs() {
        let user = user(Uuid::now_v7());
        let secret = || SigningSecret::generate().expect("secret");
        let (old, new) = (secret(), secret());
        let issue = |secret: &SigningSecret| {
            let tokens = OneTimeTokens::new(secret.clone());
            tokens.issue(Purpose::Reset, &user, START + Duration::HOUR)
        };
        let accepts = |secret: &SigningSecret, token: &SecretString| {
            let tokens = OneTimeTokens::new(secret.clone());
            let claim = tokens.open(&[Purpose::Verify, Purpose::Reset], token.expose_secret(), START);
            claim.is_some_and(|claim| claim.purpose == Purpose::Reset && claim.is_of(&user))
        };
        let before = issue(&old);
        assert!(!accepts(&new, &before));
        let both = new.clone().also_accept(old.clone());
        assert!(accepts(&both, &before));
        let after = issue(&both);
        assert!(accepts(&new, &after) && accepts(&both, &after));
        assert!(!accepts(&old, &after));
        assert!(!accepts(&both, &issue(&secret())));
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
            let opened = tokens().open::<String>(&[Purpose::Verify], blank, START);
            assert!(opened.is_none(), "{blank:?}");
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

    /// A token whose parts are as `edit` leaves them, with the seal that it had.
    fn edited(token: &str, edit: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut bytes = URL_SAFE_NO_PAD.decode(token).expect("base64url");
        edit(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    #[test]
    fn a7_no_id_but_the_one_that_was_mailed_comes_out_of_a_token() {
        let one = user(Uuid::now_v7());
        let token = issue(Purpose::Verify, &one);
        let open = |token: &str| tokens().open::<String>(&[Purpose::Verify], token, START);
        let claim = open(&token).expect("genuine");
        assert_eq!(claim.user_id, one.id.to_string());
        let id_at = SEAL_BYTES + EXPIRY_BYTES + STATE_BYTES;
        for id in ["\0", "lance\0lot", "", "a", &one.id.to_string().to_uppercase()] {
            let edited = edited(&token, |bytes| {
                bytes.truncate(id_at);
                bytes.extend_from_slice(id.as_bytes());
            });
            assert!(open(&edited).is_none(), "{id:?}");
        }
        for at in 0..id_at {
            assert!(
                open(&edited(&token, |bytes| bytes[at] ^= 1)).is_none(),
                "byte {at}"
            );
        }
    }

    #[test]
    fn a2_a_token_signs_the_very_address_that_it_was_mailed_to() {
        for (mailed, other) in [
            ("eve@fussball.example", "eve@fußball.example"),
            ("kelvin@example.org", "\u{212a}elvin@example.org"),
            ("eve.strasse@example.org", "eve.straße@example.org"),
            ("andré@example.org", "andre\u{301}@example.org"),
            ("é@example.org", "É@example.org"),
        ] {
            let mut user = user(Uuid::now_v7());
            user.email = mailed.parse().expect("e-mail");
            let (verify, reset) = (issue(Purpose::Verify, &user), issue(Purpose::Reset, &user));
            user.email = other.parse().expect("e-mail");
            assert!(!is_good(Purpose::Verify, &verify, &user, START), "{other}");
            assert!(!is_good(Purpose::Reset, &reset, &user, START), "{other}");
        }
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
        let longest = (MAX_CHARS / 4) * 3 - SEAL_BYTES - EXPIRY_BYTES - STATE_BYTES;
        for (length, is_read) in [(longest, true), (longest + 1, false)] {
            let user = user(Uuid::now_v7());
            let mut user = NewUser::new(user.email, (), START);
            user.id = None;
            let user = user.into_user("a".repeat(length));
            let token = tokens().issue(Purpose::Verify, &user, START + Duration::HOUR);
            let claim = tokens().open::<String>(&[Purpose::Verify], token.expose_secret(), START);
            assert_eq!(claim.is_some(), is_read, "{length}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(token in "\\PC{0,64}|[A-Za-z0-9_-]{0,200}") {
            assert!(tokens().open::<String>(&[Purpose::Verify], &token, START).is_none());
        }
    }
}
