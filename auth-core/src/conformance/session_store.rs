//! The promises of a [`SessionStore`](crate::SessionStore).
//!
//! # Panics
//! Each function panics if the promise in its name is broken.

mod cancelled;
mod create;
mod delete;
mod delete_all;
mod out_of_reach;
mod process;
mod race;
mod replace;
mod sample;
mod save;

pub use cancelled::{
    a_cancelled_creation_is_whole_or_absent, a_cancelled_deletion_is_whole_or_absent,
    a_cancelled_deletion_of_all_is_whole_or_absent, a_cancelled_load_does_not_spoil_the_next,
    a_cancelled_save_is_whole_or_absent,
};
pub use create::{
    a_created_session_is_loaded_with_every_field, a_taken_key_is_refused_and_nothing_is_written,
    data_is_kept_byte_for_byte, of_parallel_creations_under_one_key_exactly_one_succeeds,
    only_the_exact_key_is_found,
};
pub use delete::{
    a_deleted_session_is_gone, a_deletion_leaves_the_other_sessions,
    a_deletion_of_another_revision_is_a_conflict_and_removes_nothing,
    of_parallel_deletions_exactly_one_finds_the_session,
};
pub use delete_all::{
    deleting_all_leaves_other_users_and_visitors_alone, deleting_all_removes_hundreds_of_sessions,
    deleting_all_removes_the_users_sessions_and_counts_them, deleting_all_wins_over_parallel_creations,
    ids_of_users_are_compared_byte_for_byte, users_of_one_shard_tag_are_told_apart,
};
pub use out_of_reach::every_call_out_of_reach_is_a_failure;
pub use process::another_process_sees_every_change_at_once;
pub use race::{no_update_is_lost_between_parallel_saves, s4_a_log_out_beats_requests_in_flight};
pub use replace::{
    a_repeated_replacement_is_done_and_brings_nothing_back, a_session_takes_the_place_of_another,
    s4_a_log_out_and_a_replacement_never_both_find_the_session,
    the_place_of_another_revision_or_of_none_is_not_taken,
};
pub(super) use sample::{loaded, session};
pub use save::{
    a_save_changes_no_other_session, a_save_never_brings_a_session_back,
    a_save_of_another_revision_is_a_conflict_and_writes_nothing,
    a_save_replaces_the_data_and_the_limit_alone, a_save_without_a_revision_is_never_a_conflict,
    a_save_without_data_leaves_the_revision, an_expired_session_is_not_revived,
    of_parallel_saves_of_one_revision_exactly_one_succeeds,
};
