//! The macros that map an application's own table. They contain its columns and nothing else.
//!
//! A macro imports each column under a name of its own, in one place. If the table lacks one, the compiler names it, and says so
//! once.

mod access_token;
mod expiring;
mod user;
