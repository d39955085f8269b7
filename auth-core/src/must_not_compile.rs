//! Code that must not compile, each beside a twin that does.

/// Must not compile: comparing secrets by `==`, whose time tells how much of a guess is right.
///
/// ```
/// # use portcullis::{*, store::*};
/// fn fine(a: SigningSecret, b: SigningSecret) { let _ = (a.expose(), b.expose()); }
/// fn fine_too(a: SecretString, b: SecretString) { let _ = (a.expose_secret(), b.expose_secret()); }
/// fn and_this(a: PasswordHash, b: PasswordHash) { let _ = (a.expose(), b.expose()); }
/// fn digests(a: TokenDigest, b: TokenDigest) -> bool { a == b }
/// ```
/// ```compile_fail,E0369
/// # use portcullis::{*, store::*};
/// fn compared(a: SigningSecret, b: SigningSecret) -> bool { a == b }
/// ```
/// ```compile_fail,E0369
/// # use portcullis::{*, store::*};
/// fn compared(a: SecretString, b: SecretString) -> bool { a == b }
/// ```
/// ```compile_fail,E0369
/// # use portcullis::{*, store::*};
/// fn compared(a: PasswordHash, b: PasswordHash) -> bool { a == b }
/// ```
struct L3NoSecretIsComparedByEquality;
