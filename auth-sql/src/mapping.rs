//! The macros that map an application's own table. They contain its columns, and the Diesel statements on them. Rows, conversions
//! and operations of more than one statement are ordinary code.
//!
//! The statements are here because each table and column is a type to Diesel. A function that is generic over them would need
//! bounds that are longer than its statement.
//!
//! A macro imports each column under a name of its own. If the table lacks one, the compiler names it, once for each import.
//! That is twice for the `digest` and the `expires_at` of access tokens, since the statements of a purge import them again.
//!
//! An application may have its columns in scope, as by `use schema::members::dsl::*`. Each is a unit struct, so a variable of the
//! same name would be a pattern that matches the column. So the names that a macro chooses begin with `__`, and the column of a
//! profile's field is imported as `__field_…`.

mod access_token;
mod expiring;
mod user;
