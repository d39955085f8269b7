//! What is particular about sessions with data.

mod calls;
mod keys;
mod lost_reply;
