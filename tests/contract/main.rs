//! What the HTTP contract says beyond its sentences: how it deviates from FastAPI Users, and what an application adds to it.

use portcullis_support as harness;

mod backends;
mod cookie_age;
mod deletion;
mod deviations;
mod json_web_token;
mod log_ins;
mod only_at_refresh;
mod own_routes;
