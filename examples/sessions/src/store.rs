//! The store that `STORE_URL` names.

use std::sync::Arc;

use portcullis::{ConfigError, store::SessionStore, testing::memory::MemorySessionStore};

/// The name of the setting, for errors. The URL itself is never in one: it may hold a password.
const SETTING: &str = "STORE_URL";

/// The store at `url`.
///
/// # Errors
/// [`ConfigError`] naming `STORE_URL` if it cannot be understood.
pub fn open(url: &str) -> Result<Arc<dyn SessionStore>, ConfigError> {
    match url.split_once("://").map_or(url, |(scheme, _)| scheme) {
        "memory" => Ok(Arc::new(MemorySessionStore::new())),
        _ => Err(ConfigError::new(SETTING, "is not `memory`")),
    }
}
