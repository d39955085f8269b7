//! The application's own secret.

mod weakness;

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::ConfigError;

/// The name of a secret in errors, until `in_setting` gives it another.
const SETTING: &str = "signing secret";

const MIN_BYTES: usize = 32;

/// Advice for a secret that is missing or refused.
const NEXT_STEP: &str = "make one with `openssl rand -base64 32`";

/// A secret with which the application signs: at least 32 random bytes. It is never printed, and wiped from memory when
/// dropped.
///
/// Make one with `openssl rand -base64 32`.
///
/// # Security
/// Keep it out of the source code. Anyone who knows or guesses it can be any user.
///
/// A secret that is obviously not random is refused: fewer than 6 different bytes (`aaaa…`), one piece repeated
/// (`changemechangeme…`), a run of neighbours (`abcdef…`), or the words of an example with fewer than 16 other letters
/// and digits (`your-256-bit-secret-…`, `please-change-this-super-secret-key`). That finds mistakes, not every bad
/// secret. Random bytes, raw or as hexadecimal or base64, are refused with a probability of less than 10⁻¹¹.
///
/// There is no `==` for it, nor for a [`SecretString`](crate::SecretString): its time would tell how much of a guess is
/// right.
#[derive(Clone)]
pub struct SigningSecret {
    bytes: Zeroizing<Vec<u8>>,
    also_accepted: Vec<Self>,
}

impl SigningSecret {
    /// A secret of `bytes`, which must come from a cryptographic generator.
    ///
    /// # Errors
    /// [`ConfigError`] naming `signing secret` if there are fewer than 32 bytes (RFC 7518 §3.2 for HS256), or if they are
    /// obviously not random.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, ConfigError> {
        let bytes = Zeroizing::new(bytes.into());
        if bytes.len() < MIN_BYTES {
            let problem = format_args!(
                "a secret of {} bytes; at least {MIN_BYTES} are needed; {NEXT_STEP}",
                bytes.len()
            );
            return Err(ConfigError::new(SETTING, problem));
        }
        if let Some(weakness) = weakness::find(&bytes) {
            let problem = format_args!("a secret that {weakness}, so that it can be guessed; {NEXT_STEP}");
            return Err(ConfigError::new(SETTING, problem));
        }
        Ok(Self::from_bytes(bytes))
    }

    /// The secret in the environment variable `variable`, or `None` if that is not set.
    ///
    /// # Errors
    /// [`ConfigError`] naming `variable` as from [`new`](Self::new), or if it is not UTF-8.
    pub fn from_env(variable: &str) -> Result<Option<Self>, ConfigError> {
        match std::env::var(variable) {
            Ok(value) => Self::new(value)
                .map(Some)
                .map_err(|error| error.in_setting(variable)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(ConfigError::new(variable, "is not UTF-8")),
        }
    }

    /// The secret in the environment variable `variable`. If that is not set, it generates a secret and logs a warning:
    /// JWTs and mailed tokens are then valid only until the process ends, and only in this process.
    ///
    /// # Errors
    /// As for [`from_env`](Self::from_env) and [`generate`](Self::generate).
    pub fn from_env_or_generate(variable: &str) -> Result<Self, ConfigError> {
        if let Some(secret) = Self::from_env(variable)? {
            return Ok(secret);
        }
        tracing::warn!(
            target: "portcullis",
            "{variable} is not set: JWTs and mailed tokens end with this process, and no other process takes them; \
             {NEXT_STEP} and set {variable} to it"
        );
        Self::generate()
    }

    /// A new secret of 256 random bits, as 43 characters of URL-safe base64. Unless the application stores it, its
    /// signatures are worthless after the process ends.
    ///
    /// # Errors
    /// [`ConfigError`] if the operating system's random generator fails.
    pub fn generate() -> Result<Self, ConfigError> {
        let mut bytes = Zeroizing::new([0; MIN_BYTES]);
        getrandom::fill(bytes.as_mut()).map_err(|source| ConfigError::new("system randomness", source))?;
        let text = URL_SAFE_NO_PAD.encode(bytes.as_ref());
        Ok(Self::from_bytes(Zeroizing::new(text.into_bytes())))
    }

    fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self {
            bytes,
            also_accepted: Vec::new(),
        }
    }

    /// Also accepts signatures of `old`, the previous secret, and of those that it accepts. This secret signs.
    ///
    /// This applies to mailed tokens, the double submit, refresh tokens and `JwtStrategy::hs256`. For your own set of JWT keys, call
    /// its `also_verify`. Remove `old` when the last of its signatures has expired.
    ///
    /// ```
    /// # use portcullis::SigningSecret;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let new = SigningSecret::generate()?;
    /// # let secret = || -> Result<_, Box<dyn std::error::Error>> { Ok({
    /// let mut secret = SigningSecret::from_env("AUTH_SECRET")?.ok_or("AUTH_SECRET is not set")?;
    /// if let Some(old) = SigningSecret::from_env("OLD_AUTH_SECRET")? {
    ///     secret = secret.also_accept(old);
    /// }
    /// # secret
    /// # }) };
    /// # let _ = secret;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Security
    /// Don't call this if others may know `old`.
    #[must_use]
    pub fn also_accept(mut self, mut old: Self) -> Self {
        let older = std::mem::take(&mut old.also_accepted);
        self.also_accepted.push(old);
        self.also_accepted.extend(older);
        self
    }

    /// The secrets to verify with: this one, then the old ones.
    pub fn accepted(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.also_accepted)
    }

    /// The secret for one `purpose` of the application, and those that it accepts: HMAC-SHA256 of `portcullis/own/` and `purpose`
    /// under this secret, and under each that it accepts.
    ///
    /// The derived secret tells nothing about this one, nor about that of another purpose. So an application needs one secret for
    /// everything that it signs. The keys of the library differ from it, whatever the purpose.
    ///
    /// # Security
    /// `JwtStrategy::hs256` signs with this secret itself, as FastAPI Users does. Yet no signature of a JWT is a secret for a
    /// purpose: what a JWT signs is base64url and a dot, without a slash.
    #[must_use]
    pub fn for_purpose(&self, purpose: &str) -> Self {
        self.for_library(&format!("own/{purpose}"))
    }

    /// The secret for a purpose of the library, which does not begin with `own/`.
    #[doc(hidden)]
    #[must_use]
    pub fn for_library(&self, purpose: &str) -> Self {
        let derived = |secret: &Self| {
            let key = Hmac::<Sha256>::new_from_slice(&secret.bytes);
            let mut mac = key.unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
            mac.update(b"portcullis/");
            mac.update(purpose.as_bytes());
            Self::from_bytes(Zeroizing::new(mac.finalize().into_bytes().to_vec()))
        };
        Self {
            also_accepted: self.also_accepted.iter().map(derived).collect(),
            ..derived(self)
        }
    }

    /// The bytes to sign with.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j3_a_short_secret_is_refused_and_the_setting_named() {
        let bytes: Vec<u8> = (0..32).map(|n| n * 7).collect();
        let error = SigningSecret::new(&bytes[..31]).expect_err("too short");
        assert_eq!(error.setting(), "signing secret");
        assert!(error.to_string().contains("31 bytes"), "{error}");
        assert!(SigningSecret::new(bytes).is_ok());
    }

    #[test]
    fn n13_a_guessable_secret_is_refused_with_the_setting_and_the_next_step_and_without_itself() {
        let secret = "change-me-change-me-change-me-change-me";
        let error = SigningSecret::new(secret).expect_err("guessable");
        assert_eq!(error.setting(), "signing secret");
        assert!(error.to_string().contains("openssl rand -base64 32"), "{error}");
        assert!(!error.to_string().contains("change"), "{error}");
    }

    #[test]
    fn n8_the_newest_secret_signs_and_each_before_it_is_accepted() {
        let [first, second, third] = [(); 3].map(|()| SigningSecret::generate().expect("secret"));
        let bytes = |secret: &SigningSecret| secret.expose().to_vec();
        let expected = [&third, &second, &first].map(bytes);
        let secret = third.also_accept(second.also_accept(first));
        assert_eq!(secret.expose(), expected[0]);
        assert_eq!(secret.accepted().map(bytes).collect::<Vec<_>>(), expected);
        assert_eq!(format!("{secret:?}"), "SigningSecret([REDACTED])");
    }

    #[test]
    fn each_purpose_has_a_secret_of_its_own_and_none_of_an_application_has_one_of_the_library() {
        let raw = "open sesame, said Ali Baba to the rock";
        let secret = SigningSecret::new(raw).expect("long enough");
        // By Python's `hmac`, over `portcullis/refresh-token`.
        let expected = "723cf58ffc21cb2d74ee008b7738a505d0bd51bd5c1acff9080378534414d968";
        let hex = |secret: &SigningSecret| {
            let bytes = secret.expose().iter();
            bytes.map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let derived = secret.for_library("refresh-token");
        assert_eq!(hex(&derived), expected);
        assert_eq!(format!("{derived:?}"), "SigningSecret([REDACTED])");
        assert_ne!(hex(&secret.for_library("double-submit")), expected);
        // Over `portcullis/own/refresh-token`.
        let own = "6ed819ea5eb34aacf807953123f855fef53945e765aa66e8256fafd00c8b834b";
        assert_eq!(hex(&secret.for_purpose("refresh-token")), own);
        assert_eq!(
            secret.expose(),
            raw.as_bytes(),
            "a JWT is signed with the secret itself"
        );

        let new = SigningSecret::generate().expect("secret").also_accept(secret);
        let derived: Vec<_> = new.for_library("refresh-token").accepted().map(hex).collect();
        assert_eq!((derived.len(), &*derived[1]), (2, expected));
        assert_ne!(derived[0], expected);
    }

    #[test]
    fn a_secret_does_not_print_itself() {
        let secret = SigningSecret::new("open sesame, said Ali Baba to the rock").expect("long enough");
        assert_eq!(format!("{secret:?}"), "SigningSecret([REDACTED])");
    }
}
