//! The security bar, over real HTTP: the name of each test begins with the id of what it shows.

use portcullis_support as harness;

mod accounts;
mod acting;
mod addresses;
mod bad_input;
mod caching;
mod cancellation;
mod cap;
mod configuration;
mod cookies;
mod cross_site;
mod failures;
mod hashing;
mod limits;
mod log_in;
mod log_out_elsewhere;
mod mails;
mod one_time_tokens;
mod overload;
mod password_change;
mod purposes;
mod refresh;
mod roles;
mod round_trips;
mod routes;
mod sessions;
mod text_ids;
mod tokens;
