//! JSON Web Tokens (RFC 7519) as a [`Strategy`](auth_core::Strategy), strict by construction.
//!
//! - [`JwtStrategy`] signs a token that names its user, its end and the user's security epoch. No store knows of it, so
//!   reading it costs no round trip, and it cannot be revoked alone: it does not implement
//!   [`RevocableStrategy`](auth_core::RevocableStrategy). It dies at its expiry, or with every other credential of the
//!   user when the security epoch grows.
//! - [`TrackedJwtStrategy`] signs the same, and keeps the log-in in a store. So a log-out is real, log-ins can be counted
//!   and listed, and there can be [`RefreshTokens`].
//!
//! ```
//! use std::time::Duration;
//!
//! use portcullis::{
//!     ExposeSecret, Lifetime, SigningSecret,
//!     jwt::JwtStrategy,
//!     store::{ClientInfo, NewLogIn, Strategy, Subject},
//! };
//! use uuid::Uuid;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = SigningSecret::new("K2T0Mj8hd0tLkMMnZ0r5WqcIhN5TbSqwX0vZQxVdJxk")?;
//! let strategy = JwtStrategy::hs256(&secret, Lifetime::new(Duration::from_secs(3600))?)?;
//!
//! let subject = Subject::new(Uuid::now_v7(), 0);
//! let issued = strategy.issue(&NewLogIn::new("api", &subject, &ClientInfo::default())).await?;
//! let credential = strategy.read("api", issued.access.secret.expose_secret()).await?;
//! assert_eq!(credential.subject, subject);
//! # Ok(())
//! # }
//! ```
//!
//! # Keys
//!
//! A set of keys is either [`HmacKeys`] (HS256, HS384, HS512) or [`AsymmetricKeys`] (EdDSA, ES256, PS256, and RS256 to
//! verify only). The two cannot be mixed, so a public key is never taken for a secret. Each key has exactly one
//! algorithm.
//!
//! A set signs with its newest key and verifies with all of them. The `kid` of a token names the key. So keys rotate without
//! logging anyone out. [`AsymmetricKeys::jwks`] is the document of the public keys. A key of another issuer
//! ([`AsymmetricKeys::trust_issuer`]) verifies only the tokens of that issuer.
//!
//! # Accepted tokens
//!
//! The checks follow RFC 8725. Nothing in a token is used before its signature is verified.
//!
//! - A token has the compact form, in canonical base64url without padding, and at most [`MAX_TOKEN_BYTES`]. No name
//!   occurs twice in an object of its JSON.
//! - The header needs `alg`, and may have `typ` (`JWT`) and `kid`. A token is rejected if the header asks for an
//!   extension (`crit`, `b64`), brings a key (`jku`, `jwk`, `x5u`, `x5c`), or belongs to an encrypted token (`enc`,
//!   `zip`). Other members are ignored (RFC 7515 §4).
//! - `exp`, `sub` and `aud` are required. Every registered claim must have the type that the RFC gives it.
//!
//! # Tokens of FastAPI Users
//!
//! A token that FastAPI Users signed with HS256 and the same secret is accepted by a strategy that is told to
//! [accept its audience](JwtStrategy::also_accept) and [tokens without an epoch](JwtStrategy::accept_without_epoch).

mod asymmetric_keys;
mod claims;
mod compact;
mod generation;
mod handle;
mod hmac_keys;
mod jwk;
mod key_id;
mod key_set;
mod low_s;
#[cfg(doctest)]
mod must_not_compile;
mod public_key;
mod refresh_tokens;
mod rotation;
mod scopes;
mod signing_key;
mod strategy;
mod token;
mod tracked;
mod unique_names;
mod verifying_key;

pub use asymmetric_keys::AsymmetricKeys;
pub use compact::MAX_TOKEN_BYTES;
pub use hmac_keys::{HmacAlgorithm, HmacKey, HmacKeys};
pub use jwk::{Jwk, Jwks};
pub use key_id::KeyId;
pub use key_set::JwtKeys;
pub use refresh_tokens::RefreshTokens;
pub use rotation::Rotation;
pub use signing_key::{SigningAlgorithm, SigningKey};
pub use strategy::{FASTAPI_USERS_AUDIENCE, JwtStrategy};
pub use tracked::TrackedJwtStrategy;
pub use verifying_key::{VerifyingAlgorithm, VerifyingKey};
