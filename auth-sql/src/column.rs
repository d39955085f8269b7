//! How the values of the models stand in columns.

mod digest;
mod id;
mod instant;

pub use digest::DigestColumn;
pub use id::{ColumnId, UuidColumn};
pub use instant::InstantColumn;
