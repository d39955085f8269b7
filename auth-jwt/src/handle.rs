//! The random name of a tracked log-in, which all its tokens carry.

use auth_core::{TokenDigest, TokenId, TokenLookup};
use uuid::Builder;

/// The length of what [`generate_token`](auth_core::generate_token) makes.
const CHARACTERS: usize = 46;

/// True if a `jti` names a tracked log-in. That of a plain JWT is a UUID.
pub(crate) fn is_handle(jti: &str) -> bool {
    jti.len() == CHARACTERS && TokenLookup::new(jti).tag.is_some()
}

/// The key of the log-in in its store.
///
/// Anyone who holds a JWT can read its handle. No backend can have a name with a slash, so a handle is never an
/// opaque token, not even of a backend that has the same name and the same store.
pub(crate) fn key_of(backend: &str, handle: &str) -> TokenLookup {
    TokenLookup::for_audience(&format!("{backend}/jti"), handle)
}

/// The public id of the log-in. It follows from the digest, so that a token tells it without a look-up.
pub(crate) fn id_of(digest: &TokenDigest) -> TokenId {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    TokenId(Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use auth_core::{ExposeSecret as _, ShardTag, generate_token};

    use super::*;

    #[test]
    fn j9_a_handle_is_neither_the_jti_of_a_plain_token_nor_an_opaque_token() {
        let handle = generate_token(ShardTag::for_user(&7)).expect("randomness");
        let handle = handle.expose_secret();
        assert!(is_handle(handle));
        let plain = TokenId::generate().to_string();
        for other in [
            plain.as_str(),
            "",
            &handle[1..],
            &handle.replace(&handle[..1], "."),
            &format!("{handle}="),
        ] {
            assert!(!is_handle(other), "{other}");
        }
        let opaque = [TokenLookup::for_audience("app", handle), TokenLookup::new(handle)];
        assert!(!opaque.contains(&key_of("app", handle)));
        assert_ne!(key_of("app", handle), key_of("web", handle));
        assert_eq!(key_of("app", handle).tag, Some(ShardTag::for_user(&7)));
    }

    #[test]
    fn an_id_is_a_uuid_and_the_same_each_time() {
        let [one, two] = ["one", "two"].map(|text| id_of(&TokenDigest::new(text)));
        assert_eq!(one, id_of(&TokenDigest::new("one")));
        assert_ne!(one, two);
        assert_eq!(one.0.get_version_num(), 8);
    }
}
