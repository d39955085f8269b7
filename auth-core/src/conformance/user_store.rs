//! The promises of a [`UserStore`](crate::UserStore).
//!
//! # Panics
//! Each function panics if the promise in its name is broken.

mod cancelled;
mod delete;
mod email;
mod id;
mod insert;
mod out_of_reach;
mod process;
mod roles;
mod update;

pub use cancelled::{
    a_cancelled_deletion_is_whole_or_absent, a_cancelled_insertion_is_whole_or_absent,
    a_cancelled_look_up_does_not_spoil_the_next, a_cancelled_update_is_whole_or_absent,
};
pub use delete::{
    a_deleted_user_is_gone_and_the_email_is_free, a_deletion_leaves_the_other_users,
    of_parallel_deletions_exactly_one_finds_the_user, the_id_of_a_deleted_user_is_never_given_again,
};
pub use email::{
    different_emails_are_different_users, variants_of_an_email_are_one_email,
    wildcards_in_an_email_match_nothing_else,
};
pub use id::{
    a_taken_id_is_refused_and_nothing_is_written, ids_are_compared_byte_for_byte,
    of_parallel_insertions_of_one_id_exactly_one_succeeds,
};
pub use insert::{
    a_taken_email_is_refused_and_nothing_is_written, an_inserted_user_is_found_with_every_field,
    an_inserted_user_keeps_the_id_that_it_was_given, an_unknown_user_is_not_found,
    long_and_odd_values_are_kept, of_parallel_insertions_of_one_email_exactly_one_succeeds,
};
pub use out_of_reach::every_call_out_of_reach_is_a_failure;
pub use process::another_process_sees_every_change_at_once;
pub use roles::roles_are_kept_and_replaced_as_a_whole;
pub use update::{
    a_changed_email_is_found_and_the_old_one_is_free, an_update_changes_no_other_user,
    an_update_may_respell_the_users_own_email, an_update_of_a_missing_user_is_a_conflict_and_inserts_nothing,
    an_update_of_another_revision_is_a_conflict_and_writes_nothing,
    an_update_to_a_taken_email_is_refused_and_writes_nothing, an_update_writes_every_field_but_the_creation,
    of_parallel_updates_of_one_revision_exactly_one_succeeds,
    of_parallel_updates_to_one_email_exactly_one_succeeds,
};
