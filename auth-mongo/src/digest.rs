use auth_core::TokenDigest;
use mongodb::bson::{Binary, Bson, spec::BinarySubtype};

/// A digest as it is stored: binary of the generic subtype.
pub(crate) fn digest(digest: &TokenDigest) -> Bson {
    Bson::Binary(Binary {
        subtype: BinarySubtype::Generic,
        bytes: digest.as_bytes().to_vec(),
    })
}
