//! The promises of an [`AccessTokenStore`](crate::AccessTokenStore).
//!
//! # Panics
//! Each function panics if the promise in its name is broken.

mod cancelled;
mod cap;
mod delete;
mod insert;
mod neighbour;
mod out_of_reach;
mod process;
mod touch;

pub use cancelled::{
    a_cancelled_deletion_is_whole_or_absent, a_cancelled_deletion_of_all_is_whole_or_absent,
    a_cancelled_insertion_is_whole_or_absent, a_cancelled_insertion_under_a_cap_is_whole_or_absent,
    a_cancelled_look_up_does_not_spoil_the_next, a_cancelled_touch_is_whole_or_absent,
};
pub use cap::{
    a_cap_counts_one_backend_and_the_tokens_that_name_none, a_cap_does_not_count_the_replaced_token,
    a_cap_holds_under_parallel_insertions, a_cap_holds_under_parallel_insertions_that_replace_one_token,
    a_cap_keeps_the_newest_tokens, a_cap_leaves_other_users_alone, a_cap_never_removes_the_inserted_token,
    a_cap_removes_an_expired_token_before_a_live_one, a_cap_removes_hundreds_of_tokens,
    names_of_backends_are_compared_byte_for_byte,
};
pub use delete::{
    a_deleted_token_is_gone, a_deletion_leaves_the_other_tokens, deleting_all_leaves_other_users_alone,
    deleting_all_removes_hundreds_of_tokens, deleting_all_removes_the_users_tokens_and_counts_them,
    deleting_all_wins_over_parallel_insertions, of_parallel_deletions_exactly_one_finds_the_token,
};
pub use insert::{
    a_taken_digest_does_not_change_hands, a_taken_digest_is_refused_and_nothing_is_written,
    a_taken_public_id_overwrites_nothing, an_inserted_token_is_found_with_every_field,
    digests_of_any_bytes_are_told_apart, of_parallel_insertions_of_one_digest_exactly_one_succeeds,
    only_the_exact_digest_is_found,
};
pub use neighbour::{ids_of_users_are_compared_byte_for_byte, users_of_one_shard_tag_are_told_apart};
pub use out_of_reach::every_call_out_of_reach_is_a_failure;
pub use process::another_process_sees_every_change_at_once;
pub use touch::{
    a_touch_never_brings_a_deleted_token_back, a_touch_never_revives_an_expired_token,
    a_touch_of_an_unknown_token_inserts_nothing, a_touch_sets_the_last_use_and_the_expiry_alone,
};
