//! The names of backends and of kinds of session.

use auth_core::ConfigError;

/// Refuses a `name` that has other than 1 to 64 of the characters `a-z`, `A-Z`, `0-9`, `-` and `_`.
///
/// # Errors
/// [`ConfigError`] naming `setting`.
pub(crate) fn check_name(setting: &str, name: &str) -> Result<(), ConfigError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=64).contains(&name.len()) && name.bytes().all(is_plain) {
        return Ok(());
    }
    let problem = "its name is not 1 to 64 letters, digits, `-` or `_`";
    Err(ConfigError::new(setting, problem))
}
