//! Stateless one-time tokens for mails.

#[cfg(test)]
mod tests;

use auth_core::{
    ClosedNetworks, Email, SecretString, SigningSecret, User, UserId, unix_milliseconds, user_id_from_text,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use time::OffsetDateTime;

/// Longer strings are rejected unread.
const MAX_CHARS: usize = 1024;
const SEAL_BYTES: usize = 32;
const EXPIRY_BYTES: usize = 8;
/// It only has to differ from state to state: the seal prevents that an attacker chooses it.
const STATE_BYTES: usize = 16;

/// The purpose of a token. A token is never valid for another purpose, because each has its own keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose<'a> {
    /// To mark the e-mail that the token was issued for as verified.
    Verify,
    /// To replace the password hash that was stored when the token was issued.
    Reset,
    /// The same for an invited user, and to mark the e-mail as verified.
    Invite,
    /// To give the user the address that the token was mailed to.
    ChangeEmail,
    /// A purpose of the application.
    Own(&'a str),
}

impl Purpose<'_> {
    /// Each purpose has its own label.
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
pub(crate) struct OneTimeTokens {
    secret: SigningSecret,
    /// Those of the service: a token may hold the address to be set.
    pub(crate) closed_networks: ClosedNetworks,
}

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
        Self {
            secret,
            closed_networks: ClosedNetworks::default(),
        }
    }

    /// A token of `purpose` for the present state of `user`, valid until just before `expires_at`.
    pub(crate) fn issue<Id: UserId, P>(
        &self,
        purpose: Purpose<'_>,
        user: &User<Id, P>,
        expires_at: OffsetDateTime,
    ) -> SecretString {
        self.seal(purpose, user, expires_at, &[])
    }

    /// A token to give `user` in its present state the e-mail `email`, valid until just before `expires_at`.
    pub(crate) fn issue_for_email<Id: UserId, P>(
        &self,
        email: &Email,
        user: &User<Id, P>,
        expires_at: OffsetDateTime,
    ) -> SecretString {
        let email = email.as_str().as_bytes();
        // An address has at most 254 bytes.
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
        let keys = Keys::new(&self.secret, purpose);
        let mut sealed = unix_milliseconds(expires_at).to_be_bytes().to_vec();
        let state = state(keys.state, purpose, user).finalize().into_bytes();
        sealed.extend_from_slice(&state[..STATE_BYTES]);
        sealed.extend_from_slice(new_email);
        sealed.extend_from_slice(user.id.to_string().as_bytes());
        let mut token = keys.seal.chain_update(&sealed).finalize().into_bytes().to_vec();
        token.extend_from_slice(&sealed);
        SecretString::from(URL_SAFE_NO_PAD.encode(token))
    }

    /// Reads `token`. It accepts only the exact string that [`issue`](Self::issue) made for one of these `purposes`, if
    /// that has not expired `now`.
    pub(crate) fn open<'a, Id: UserId>(
        &self,
        purposes: &[Purpose<'a>],
        token: &str,
        now: OffsetDateTime,
    ) -> Option<Claim<'a, Id>> {
        if token.len() > MAX_CHARS {
            return None;
        }
        // The decoder refuses padding, white space and non-canonical bits.
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (seal, sealed) = bytes.split_first_chunk::<SEAL_BYTES>()?;
        let (purpose, keys) = self
            .secret
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
        if unix_milliseconds(now) >= i64::from_be_bytes(*expires_at) {
            return None;
        }
        let new_email = match purpose {
            Purpose::ChangeEmail => {
                let (length, rest) = id.split_first()?;
                let email;
                (email, id) = rest.split_at_checked(usize::from(*length))?;
                let email = std::str::from_utf8(email).ok()?;
                Some(Email::parse_within(email, &self.closed_networks).ok()?)
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
    /// True if it was issued for the present state of `user`.
    pub(crate) fn is_of<P>(&self, user: &User<Id, P>) -> bool {
        let state = state(self.key.clone(), self.purpose, user);
        self.user_id == user.id && state.verify_truncated_left(&self.state).is_ok()
    }
}

impl Keys {
    fn new(secret: &SigningSecret, purpose: Purpose<'_>) -> Self {
        let purpose = purpose.label();
        // The number of the format, so that a token of another format is never valid.
        let key = |of: &str| keyed(&secret.for_library(&format!("one-time-token/2/{purpose}/{of}")));
        Self {
            seal: key("seal"),
            state: key("state"),
        }
    }
}

/// A MAC over the user and the values that the token will change. For the e-mail it is the exact address, except for
/// the case of ASCII letters, because several mailboxes can have the same normalised form.
fn state<Id: UserId, P>(mut mac: Hmac<Sha256>, purpose: Purpose<'_>, user: &User<Id, P>) -> Hmac<Sha256> {
    put(&mut mac, user.id.to_string().as_bytes());
    put(&mut mac, user.email.as_str().to_ascii_lowercase().as_bytes());
    if purpose != Purpose::Verify {
        mac.update(&user.security_epoch.to_be_bytes());
        mac.update(&[u8::from(user.password_hash.is_some())]);
        let hash = user.password_hash.as_ref().map_or("", |hash| hash.expose());
        put(&mut mac, hash.as_bytes());
    }
    if let Purpose::Own(_) | Purpose::ChangeEmail = purpose {
        mac.update(&user.revision.to_be_bytes());
    }
    mac
}

fn keyed(key: &SigningSecret) -> Hmac<Sha256> {
    Hmac::new_from_slice(key.expose()).unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"))
}

/// Writes the length first, so that two lists of fields never give the same bytes.
fn put(mac: &mut Hmac<Sha256>, field: &[u8]) {
    mac.update(&(field.len() as u64).to_be_bytes());
    mac.update(field);
}
