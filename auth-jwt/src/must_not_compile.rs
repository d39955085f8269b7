//! Code that must not compile, each beside a twin that does.

/// Must not compile.
///
/// A secret in a set of key pairs, and a public key in a set of secrets:
///
/// ```
/// # use portcullis::jwt::*;
/// fn fine(pairs: AsymmetricKeys, public: VerifyingKey) { let _ = pairs.also_verify(public); }
/// fn fine_too(secrets: HmacKeys, secret: HmacKey) { let _ = secrets.also_verify(secret); }
/// ```
/// ```compile_fail,E0308
/// # use portcullis::jwt::*;
/// fn mixed(pairs: AsymmetricKeys, secret: HmacKey) { let _ = pairs.also_verify(secret); }
/// ```
/// ```compile_fail,E0308
/// # use portcullis::jwt::*;
/// fn mixed(secrets: HmacKeys, public: VerifyingKey) { let _ = secrets.also_verify(public); }
/// ```
///
/// Secrets as a public document:
///
/// ```
/// # use portcullis::jwt::*;
/// fn fine(pairs: AsymmetricKeys) { let _ = pairs.jwks(); }
/// ```
/// ```compile_fail,E0599
/// # use portcullis::jwt::*;
/// fn published(secrets: HmacKeys) { let _ = secrets.jwks(); }
/// ```
struct J2KeysOfTwoFamiliesDoNotShareASet;

/// Must not compile: signing with RS256.
///
/// ```
/// let _ = (portcullis::jwt::SigningAlgorithm::Ps256, portcullis::jwt::VerifyingAlgorithm::Rs256);
/// ```
/// ```compile_fail,E0599
/// let _ = portcullis::jwt::SigningAlgorithm::Rs256;
/// ```
struct J13Rs256IsOnlyForVerifying;

/// Must not compile: revoking a token that no store has.
///
/// ```
/// fn fine(strategy: &portcullis::jwt::JwtStrategy) -> &dyn portcullis::store::Strategy { strategy }
/// fn tracked(strategy: &portcullis::jwt::TrackedJwtStrategy) -> &dyn portcullis::store::RevocableStrategy { strategy }
/// ```
/// ```compile_fail,E0277
/// fn revocable(strategy: &portcullis::jwt::JwtStrategy) -> &dyn portcullis::store::RevocableStrategy { strategy }
/// ```
struct TheStatelessStrategyCannotRevoke;
