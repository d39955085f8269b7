//! What a tracked JWT and a refresh token are good for, and how long.

mod actor;
mod check_at_refresh_only;
mod form;
mod kinds;
mod log_in;
mod refresh;
mod rotation;
mod scopes;
mod settings;
mod stage;
