//! What the strategy reads and refuses, shown with tokens that are crafted by hand.

mod algorithms;
mod arbitrary;
mod claims;
mod craft;
mod fastapi_users;
mod form;
mod header;
mod jwk;
mod keys;
mod rotation;
mod scope;
mod strategy;
