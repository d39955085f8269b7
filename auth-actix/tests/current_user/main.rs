//! Extractors and guards, over the memory stores.

mod configuration;
mod exceptions;
mod extractors;
mod guards;
mod log_in;
mod protect;
mod refresh_cookie;
mod rotation;
mod service;
mod span;
