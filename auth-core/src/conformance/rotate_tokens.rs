//! The promises of a store that implements [`RotateTokens`](crate::RotateTokens).
//!
//! # Panics
//! Each function panics if the promise in its name is broken.

mod cancelled;
mod delete;
mod expiry;
mod interleaved;
mod out_of_reach;
mod parallel;
mod process;
mod step;

pub use cancelled::a_cancelled_step_is_whole_or_absent;
pub use delete::a_step_never_brings_a_deleted_token_back;
pub use expiry::{
    a_step_moves_the_expiry_but_never_past_the_absolute_limit, a_step_that_names_no_expiry_leaves_it,
    an_expired_token_is_not_advanced,
};
pub use interleaved::f4_s4_s7_random_interleavings_keep_every_promise;
pub use out_of_reach::a_step_out_of_reach_is_a_failure;
pub use parallel::{
    of_parallel_steps_from_one_generation_exactly_one_is_made, parallel_changes_of_one_token_are_all_made,
};
pub use process::another_process_sees_a_step_at_once;
pub use step::{
    a_step_from_another_generation_changes_nothing, a_step_of_an_unknown_token_is_none_and_inserts_nothing,
    a_step_replaces_the_generation_alone, a_step_shows_in_the_list,
    access_and_refresh_generations_are_independent, generations_of_more_than_32_bits_are_counted,
};

use time::{Duration, OffsetDateTime};

use super::sample::start;
use crate::{AccessToken, Advance, TokenKind};

/// The tokens that have generations.
const KINDS: [TokenKind; 2] = [TokenKind::Access, TokenKind::Refresh];

/// A step that is made so many seconds after the start, and leaves the expiry as it is.
fn step(kind: TokenKind, from: i64, seconds: i64) -> Advance {
    Advance::new(kind, from, start() + Duration::milliseconds(1001 * seconds))
}

/// The same step, which also moves the expiry.
fn until(step: Advance, end: OffsetDateTime) -> Advance {
    Advance {
        keep_until: Some(end),
        ..step
    }
}

/// `token` after `step` was made.
fn after<Id: Clone>(token: &AccessToken<Id>, step: &Advance) -> AccessToken<Id> {
    let advanced = token.advanced(step);
    advanced.unwrap_or_else(|| panic!("{step:?} can be made"))
}
