//! Each deliberate deviation from FastAPI Users, over real HTTP.

mod credentials;
mod cross_site;
mod digests;
mod log_out;
mod mails;
mod parallel;
mod store_down;
mod validation;
