//! The values of the models as columns.

mod digest;
mod id;
mod instant;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod password_hash;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod roles;

pub use digest::DigestColumn;
pub use id::{ColumnId, UuidColumn};
pub use instant::InstantColumn;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use password_hash::PasswordHashColumn;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub(crate) use roles::RolesColumn;
