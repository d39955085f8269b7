//! Decides which passwords are good enough.
//!
//! The list of common passwords, `common_passwords.txt`, comes from that of Django (BSD-3-Clause, see
//! `LICENSE-common-passwords`), which Royce Williams compiled: its entries of at least 8 code points, in lower case.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use auth_core::{Email, ExposeSecret as _, NormalizedEmail, SecretString, StoreError};

/// In lower case, without duplicates, sorted by bytes.
const COMMON: &str = include_str!("common_passwords.txt");
const MIN_CODE_POINTS: usize = 8;
const MAX_CODE_POINTS: usize = 256;

/// Decides which passwords are good enough, at registration, update and reset. Add a check for breached passwords here.
///
/// ```
/// use portcullis::{
///     Email, ExposeSecret, SecretString, async_trait,
///     users::{DefaultPasswordPolicy, PasswordPolicy, PolicyError},
/// };
///
/// struct NoBreached;
///
/// #[async_trait]
/// impl PasswordPolicy for NoBreached {
///     async fn check(&self, password: &SecretString, email: &Email) -> Result<(), PolicyError> {
///         DefaultPasswordPolicy.check(password, email).await?;
///         if is_breached(password.expose_secret()).await {
///             return Err(PolicyError::Refused("This password is known from a breach.".into()));
///         }
///         Ok(())
///     }
/// }
/// # async fn is_breached(_: &str) -> bool { false }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no password policy",
    label = "no `PasswordPolicy`",
    note = "`DefaultPasswordPolicy` is the one that holds without another",
    note = "write `#[portcullis::async_trait]` above the `impl` of it"
)]
#[async_trait]
pub trait PasswordPolicy: Send + Sync {
    /// Checks `password` for the user of `email`.
    ///
    /// # Errors
    /// [`PolicyError::Refused`] with a reason for the user. [`PolicyError::Unavailable`] if the check cannot be made now.
    async fn check(&self, password: &SecretString, email: &Email) -> Result<(), PolicyError>; // Needs `#[portcullis::async_trait]` above the `impl`.

    /// How many code points a password may have that [`check`](Self::check) accepts, at least and at most. The OpenAPI document
    /// says so. By default that is 1 to 1024, since a password of more than 1024 bytes is refused in any case.
    fn length(&self) -> RangeInclusive<usize> {
        1..=1024
    }
}

/// The reason that a password was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// It is not good enough. The reason is shown to the user and does not repeat the password.
    #[error("{0}")]
    Refused(String),
    /// A service that the policy asks did not answer.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

/// 8 to 256 code points, not among some 8,000 common passwords, not the user's own e-mail or its local part. It does not ask
/// for digits, capitals or signs (NIST SP 800-63B-4 §3.1.1.2).
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultPasswordPolicy;

#[async_trait]
impl PasswordPolicy for DefaultPasswordPolicy {
    async fn check(&self, password: &SecretString, email: &Email) -> Result<(), PolicyError> {
        let password = password.expose_secret();
        let code_points = password.chars().count();
        let refusal = if code_points < MIN_CODE_POINTS {
            format!("The password is too short: at least {MIN_CODE_POINTS} characters are needed.")
        } else if code_points > MAX_CODE_POINTS {
            format!("The password is too long: at most {MAX_CODE_POINTS} characters are allowed.")
        } else if is_common(password) {
            "The password is too common.".to_owned()
        } else if is_of(email, password) {
            "The password is the e-mail or a part of it.".to_owned()
        } else {
            return Ok(());
        };
        Err(PolicyError::Refused(refusal))
    }

    fn length(&self) -> RangeInclusive<usize> {
        MIN_CODE_POINTS..=MAX_CODE_POINTS
    }
}

/// True if `password` is on the list, in any case.
fn is_common(password: &str) -> bool {
    let folded = SecretString::from(password.to_lowercase());
    let folded = folded.expose_secret().as_bytes();
    // A binary search by bytes needs no extra memory, and no work at start.
    let list = COMMON.as_bytes();
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = list[..middle]
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        let end = list[middle..]
            .iter()
            .position(|b| *b == b'\n')
            .map_or(list.len(), |at| middle + at);
        match list[start..end].cmp(folded) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

fn is_of(email: &Email, password: &str) -> bool {
    let normalized = email.normalized();
    if NormalizedEmail::from_typed(password).as_ref() == Some(normalized) {
        return true;
    }
    let folded = SecretString::from(password.to_lowercase());
    let typed = SecretString::from(email.as_str().to_lowercase());
    [typed.expose_secret(), normalized.as_str()]
        .iter()
        .filter_map(|address| address.split_once('@'))
        .any(|(local, _domain)| local == folded.expose_secret())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(password: &str) -> Option<String> {
        let email = "King.Arthur@camelot.example".parse().expect("e-mail");
        match DefaultPasswordPolicy.check(&password.into(), &email).await {
            Ok(()) => None,
            Err(PolicyError::Refused(reason)) => Some(reason),
            Err(PolicyError::Unavailable(error)) => panic!("{error}"),
        }
    }

    #[tokio::test]
    async fn p4_length_counts_code_points_not_bytes() {
        assert!(refusal("ünïcödé").await.is_some(), "7 code points in 11 bytes");
        assert!(refusal("ünïcödéß").await.is_none(), "8 code points");
        assert!(
            refusal(&"é".repeat(256)).await.is_none(),
            "256 code points in 512 bytes"
        );
        assert!(refusal(&"é".repeat(257)).await.is_some());
        assert!(refusal("").await.is_some());
    }

    #[tokio::test]
    async fn p4_no_kind_of_character_is_asked_for() {
        for password in [
            "plovdiv winters",
            "        \0  ",
            "zzzyyyxxxwwwvvv",
            "8675309186753091",
            "顔顔顔顔顔顔顔顔",
        ] {
            assert_eq!(refusal(password).await, None, "{password:?}");
        }
    }

    #[test]
    fn p4_the_list_holds_over_3000_common_passwords_sorted_and_lower_cased() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.len() > 3000, "{}", lines.len());
        assert!(lines.is_sorted_by(|one, next| one < next));
        for line in lines {
            assert!(line.chars().count() >= MIN_CODE_POINTS, "{line}");
            assert_eq!(line.to_lowercase(), line);
        }
    }

    #[tokio::test]
    async fn p4_every_password_of_the_list_is_refused_in_any_case() {
        for line in COMMON.lines() {
            assert!(is_common(line), "{line}");
        }
        for password in ["password1", "PassWord1", "IloveYou", "1234567890", "QWERTYUIOP"] {
            assert_eq!(
                refusal(password).await.as_deref(),
                Some("The password is too common."),
                "{password}"
            );
        }
        for password in [
            "password1 ",
            "password1\npassword12",
            "\npassword1",
            "iloveyou, king arthur",
            "~~~~~~~~~~",
        ] {
            assert_eq!(refusal(password).await, None, "{password:?}");
        }
    }

    #[tokio::test]
    async fn ones_own_email_and_its_local_part_are_refused() {
        for password in [
            "king.arthur@camelot.example",
            "KING.ARTHUR@CAMELOT.EXAMPLE",
            "King.Arthur",
            "ｋｉｎｇ.arthur@camelot.example",
        ] {
            assert!(refusal(password).await.is_some(), "{password}");
        }
        assert_eq!(refusal("king.arthur@avalon.example").await, None);
    }

    #[tokio::test]
    async fn a_reason_does_not_repeat_the_password() {
        for password in ["swordfi", "password1", "king.arthur"] {
            let reason = refusal(password).await.expect("refused");
            assert!(!reason.contains(password), "{reason}");
        }
    }
}
