//! The macros that make a test of each promise.

/// Names one test for each promise of [`user_store`](crate::conformance::user_store).
///
/// The argument is called without arguments once for each test and returns a future of a
/// [`UserFixture`](crate::conformance::UserFixture) over an empty store. See [the suite](crate::conformance).
#[macro_export]
macro_rules! user_store_conformance {
    ($make:expr $(, $(#[$attribute:meta])+)?) => {
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, user_store {
            an_inserted_user_is_found_with_every_field
            an_inserted_user_keeps_the_id_that_it_was_given
            an_unknown_user_is_not_found
            long_and_odd_values_are_kept
            a_taken_email_is_refused_and_nothing_is_written
            of_parallel_insertions_of_one_email_exactly_one_succeeds
            a_taken_id_is_refused_and_nothing_is_written
            of_parallel_insertions_of_one_id_exactly_one_succeeds
            ids_are_compared_byte_for_byte
            variants_of_an_email_are_one_email
            different_emails_are_different_users
            wildcards_in_an_email_match_nothing_else
            an_update_writes_every_field_but_the_creation
            an_update_changes_no_other_user
            an_update_of_another_revision_is_a_conflict_and_writes_nothing
            an_update_of_a_missing_user_is_a_conflict_and_inserts_nothing
            of_parallel_updates_of_one_revision_exactly_one_succeeds
            an_update_to_a_taken_email_is_refused_and_writes_nothing
            an_update_may_respell_the_users_own_email
            a_changed_email_is_found_and_the_old_one_is_free
            of_parallel_updates_to_one_email_exactly_one_succeeds
            roles_are_kept_and_replaced_as_a_whole
            a_deleted_user_is_gone_and_the_email_is_free
            a_deletion_leaves_the_other_users
            of_parallel_deletions_exactly_one_finds_the_user
            the_id_of_a_deleted_user_is_never_given_again
            another_process_sees_every_change_at_once
            every_call_out_of_reach_is_a_failure
            a_cancelled_insertion_is_whole_or_absent
            a_cancelled_update_is_whole_or_absent
            a_cancelled_deletion_is_whole_or_absent
            a_cancelled_look_up_does_not_spoil_the_next
        } }
    };
}

/// Names one test for each promise of [`user_store`](crate::conformance::user_store) that depends on the type of the ids.
///
/// Run [`user_store_conformance`](crate::user_store_conformance) on one type of ids, and this on each other type. Its
/// argument is the same. Run [`list_users_conformance`](crate::list_users_conformance) on each type: pages go by the id.
#[macro_export]
macro_rules! user_ids_conformance {
    ($make:expr $(, $(#[$attribute:meta])+)?) => {
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, user_store {
            an_inserted_user_is_found_with_every_field
            an_inserted_user_keeps_the_id_that_it_was_given
            a_taken_id_is_refused_and_nothing_is_written
            of_parallel_insertions_of_one_id_exactly_one_succeeds
            ids_are_compared_byte_for_byte
            an_update_writes_every_field_but_the_creation
            an_update_changes_no_other_user
            a_deletion_leaves_the_other_users
            the_id_of_a_deleted_user_is_never_given_again
        } }
    };
}

/// Names one test for each promise of [`list_users`](crate::conformance::list_users).
///
/// The argument is that of [`user_store_conformance`](crate::user_store_conformance), of a store that is a
/// [`ListUsers`](crate::ListUsers).
#[macro_export]
macro_rules! list_users_conformance {
    ($make:expr $(, $(#[$attribute:meta])+)?) => {
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, list_users {
            pages_hold_each_user_once
            outdated_emails_are_found_and_can_be_mended
            a_list_out_of_reach_is_a_failure
        } }
    };
}

/// Names one test for each promise of [`access_token_store`](crate::conformance::access_token_store) and of
/// [`opaque_strategy`](crate::conformance::opaque_strategy).
///
/// The argument is called without arguments once for each test and returns a future of an
/// [`AccessTokenFixture`](crate::conformance::AccessTokenFixture) over an empty store. See
/// [the suite](crate::conformance).
#[macro_export]
macro_rules! access_token_store_conformance {
    ($make:expr $(, $(#[$attribute:meta])+)?) => {
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, access_token_store {
            an_inserted_token_is_found_with_every_field
            a_taken_digest_is_refused_and_nothing_is_written
            a_taken_digest_does_not_change_hands
            of_parallel_insertions_of_one_digest_exactly_one_succeeds
            a_taken_public_id_overwrites_nothing
            only_the_exact_digest_is_found
            digests_of_any_bytes_are_told_apart
            a_cap_keeps_the_newest_tokens
            a_cap_never_removes_the_inserted_token
            a_cap_leaves_other_users_alone
            a_cap_counts_one_backend_and_the_tokens_that_name_none
            names_of_backends_are_compared_byte_for_byte
            a_cap_removes_hundreds_of_tokens
            a_cap_removes_an_expired_token_before_a_live_one
            a_cap_does_not_count_the_replaced_token
            a_cap_holds_under_parallel_insertions
            a_cap_holds_under_parallel_insertions_that_replace_one_token
            a_touch_sets_the_last_use_and_the_expiry_alone
            a_touch_never_revives_an_expired_token
            a_touch_of_an_unknown_token_inserts_nothing
            a_touch_never_brings_a_deleted_token_back
            a_deleted_token_is_gone
            a_deletion_leaves_the_other_tokens
            of_parallel_deletions_exactly_one_finds_the_token
            deleting_all_removes_the_users_tokens_and_counts_them
            deleting_all_removes_hundreds_of_tokens
            deleting_all_leaves_other_users_alone
            deleting_all_wins_over_parallel_insertions
            users_of_one_shard_tag_are_told_apart
            ids_of_users_are_compared_byte_for_byte
            another_process_sees_every_change_at_once
            every_call_out_of_reach_is_a_failure
            a_cancelled_insertion_is_whole_or_absent
            a_cancelled_insertion_under_a_cap_is_whole_or_absent
            a_cancelled_touch_is_whole_or_absent
            a_cancelled_deletion_is_whole_or_absent
            a_cancelled_deletion_of_all_is_whole_or_absent
            a_cancelled_look_up_does_not_spoil_the_next
        } }
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, opaque_strategy {
            a_grant_says_what_was_issued
            a_token_is_valid_until_the_instant_of_its_expiry
            a_token_for_ever_outlives_any_clock
            an_idle_token_ends_and_a_used_one_lives_on
            use_extends_no_token_past_its_lifetime
            only_the_issued_string_is_accepted
            a_revoked_token_is_rejected_for_good
            a_use_in_flight_does_not_undo_a_revocation
            a_cap_holds_under_parallel_log_ins
        } }
    };
}

/// Names one test for each promise of [`access_token_index`](crate::conformance::access_token_index).
///
/// The argument is that of [`access_token_store_conformance`](crate::access_token_store_conformance), of a store that
/// is an [`AccessTokenIndex`](crate::AccessTokenIndex).
#[macro_export]
macro_rules! access_token_index_conformance {
    ($make:expr $(, $(#[$attribute:meta])+)?) => {
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, access_token_index {
            a_list_holds_the_users_tokens_the_newest_first
            a_list_holds_the_tokens_of_one_epoch_alone
            a_list_follows_every_change
            a_token_deleted_by_its_id_is_gone
            another_users_token_is_not_deleted_by_its_id
            a_taken_public_id_ends_no_other_users_token
            a_list_holds_hundreds_of_tokens
            users_of_one_shard_tag_have_lists_of_their_own
            users_of_ids_that_look_alike_have_lists_of_their_own
            another_process_lists_every_change_at_once
            every_call_of_an_index_out_of_reach_is_a_failure
            a_cancelled_deletion_by_id_is_whole_or_absent
        } }
    };
}

/// Names one test for each promise of [`access_token_store`](crate::conformance::access_token_store) and of
/// [`access_token_index`](crate::conformance::access_token_index) that depends on the type of the users' ids.
///
/// Run the whole suites on one type of ids, and this on each other type. The argument is that of
/// [`access_token_index_conformance`](crate::access_token_index_conformance).
#[macro_export]
macro_rules! access_token_ids_conformance {
    ($make:expr $(, $(#[$attribute:meta])+)?) => {
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, access_token_store {
            an_inserted_token_is_found_with_every_field
            a_cap_leaves_other_users_alone
            a_touch_sets_the_last_use_and_the_expiry_alone
            a_deleted_token_is_gone
            a_deletion_leaves_the_other_tokens
            deleting_all_removes_the_users_tokens_and_counts_them
            deleting_all_leaves_other_users_alone
            users_of_one_shard_tag_are_told_apart
            ids_of_users_are_compared_byte_for_byte
        } }
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, access_token_index {
            a_list_holds_the_users_tokens_the_newest_first
            a_list_follows_every_change
            a_token_deleted_by_its_id_is_gone
            another_users_token_is_not_deleted_by_its_id
            users_of_one_shard_tag_have_lists_of_their_own
            users_of_ids_that_look_alike_have_lists_of_their_own
        } }
    };
}

/// Names one test for each promise of [`rotate_tokens`](crate::conformance::rotate_tokens).
///
/// The argument is that of [`access_token_store_conformance`](crate::access_token_store_conformance), of a store that
/// is a [`RotateTokens`](crate::RotateTokens).
#[macro_export]
macro_rules! rotate_tokens_conformance {
    ($make:expr $(, $(#[$attribute:meta])+)?) => {
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, rotate_tokens {
            a_step_replaces_the_generation_alone
            access_and_refresh_generations_are_independent
            a_step_from_another_generation_changes_nothing
            a_step_of_an_unknown_token_is_none_and_inserts_nothing
            a_step_shows_in_the_list
            generations_of_more_than_32_bits_are_counted
            a_step_moves_the_expiry_but_never_past_the_absolute_limit
            a_step_that_names_no_expiry_leaves_it
            an_expired_token_is_not_advanced
            a_step_never_brings_a_deleted_token_back
            of_parallel_steps_from_one_generation_exactly_one_is_made
            parallel_changes_of_one_token_are_all_made
            f4_s4_s7_random_interleavings_keep_every_promise
            another_process_sees_a_step_at_once
            a_step_out_of_reach_is_a_failure
            a_cancelled_step_is_whole_or_absent
        } }
    };
}

/// Names one test for each promise of [`rotate_tokens`](crate::conformance::rotate_tokens) that depends on the type of the
/// users' ids.
///
/// Run [`rotate_tokens_conformance`](crate::rotate_tokens_conformance) on one type of ids, and this on each other type.
/// Its argument is the same.
#[macro_export]
macro_rules! rotate_ids_conformance {
    ($make:expr $(, $(#[$attribute:meta])+)?) => {
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, rotate_tokens {
            a_step_replaces_the_generation_alone
            a_step_shows_in_the_list
            a_step_moves_the_expiry_but_never_past_the_absolute_limit
        } }
    };
}

/// Names one test for each promise of [`purge_expired`](crate::conformance::purge_expired).
///
/// The argument is that of [`access_token_store_conformance`](crate::access_token_store_conformance), of a store that
/// is a [`PurgeExpired`](crate::PurgeExpired).
#[macro_export]
macro_rules! purge_expired_conformance {
    ($make:expr $(, $(#[$attribute:meta])+)?) => {
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, purge_expired {
            a_purge_removes_what_has_expired_alone
            a_purge_goes_by_the_expiry_that_a_touch_has_set
            a_purge_removes_no_more_than_its_limit
            a_purge_removes_hundreds_of_tokens
            a_purge_out_of_reach_is_a_failure
        } }
    };
}

/// Names one test for each promise of [`session_store`](crate::conformance::session_store).
///
/// The argument is called without arguments once for each test and returns a future of a
/// [`SessionFixture`](crate::conformance::SessionFixture) over an empty store. See [the suite](crate::conformance).
#[macro_export]
macro_rules! session_store_conformance {
    ($make:expr $(, $(#[$attribute:meta])+)?) => {
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, session_store {
            a_created_session_is_loaded_with_every_field
            data_is_kept_byte_for_byte
            a_taken_key_is_refused_and_nothing_is_written
            of_parallel_creations_under_one_key_exactly_one_succeeds
            only_the_exact_key_is_found
            a_save_replaces_the_data_and_the_limit_alone
            a_save_without_data_leaves_the_revision
            a_save_of_another_revision_is_a_conflict_and_writes_nothing
            a_save_without_a_revision_is_never_a_conflict
            a_save_changes_no_other_session
            a_save_never_brings_a_session_back
            an_expired_session_is_not_revived
            of_parallel_saves_of_one_revision_exactly_one_succeeds
            a_deleted_session_is_gone
            a_deletion_of_another_revision_is_a_conflict_and_removes_nothing
            a_deletion_leaves_the_other_sessions
            of_parallel_deletions_exactly_one_finds_the_session
            a_session_takes_the_place_of_another
            the_place_of_another_revision_or_of_none_is_not_taken
            a_repeated_replacement_is_done_and_brings_nothing_back
            s4_a_log_out_and_a_replacement_never_both_find_the_session
            deleting_all_removes_the_users_sessions_and_counts_them
            deleting_all_removes_hundreds_of_sessions
            deleting_all_leaves_other_users_and_visitors_alone
            deleting_all_wins_over_parallel_creations
            users_of_one_shard_tag_are_told_apart
            ids_of_users_are_compared_byte_for_byte
            s4_a_log_out_beats_requests_in_flight
            no_update_is_lost_between_parallel_saves
            another_process_sees_every_change_at_once
            every_call_out_of_reach_is_a_failure
            a_cancelled_creation_is_whole_or_absent
            a_cancelled_save_is_whole_or_absent
            a_cancelled_deletion_is_whole_or_absent
            a_cancelled_deletion_of_all_is_whole_or_absent
            a_cancelled_load_does_not_spoil_the_next
        } }
    };
}

/// Names one test for each promise of [`session_store`](crate::conformance::session_store) that depends on the type of the
/// users' ids.
///
/// Run [`session_store_conformance`](crate::session_store_conformance) on one type of ids, and this on each other type.
/// Its argument is the same.
#[macro_export]
macro_rules! session_ids_conformance {
    ($make:expr $(, $(#[$attribute:meta])+)?) => {
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, session_store {
            a_created_session_is_loaded_with_every_field
            deleting_all_removes_the_users_sessions_and_counts_them
            deleting_all_leaves_other_users_and_visitors_alone
            users_of_one_shard_tag_are_told_apart
            ids_of_users_are_compared_byte_for_byte
        } }
    };
}

/// Names one test for each promise of [`purge_sessions`](crate::conformance::purge_sessions).
///
/// The argument is that of [`session_store_conformance`](crate::session_store_conformance), of a store that is a
/// [`PurgeExpired`](crate::PurgeExpired).
#[macro_export]
macro_rules! purge_sessions_conformance {
    ($make:expr $(, $(#[$attribute:meta])+)?) => {
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, purge_sessions {
            a_purge_removes_what_has_expired_alone
            a_purge_out_of_reach_is_a_failure
        } }
    };
}

/// Names one test for each promise of [`user_cache`](crate::conformance::user_cache).
///
/// The argument is called without arguments once for each test and returns a future of a
/// [`UserCacheFixture`](crate::conformance::UserCacheFixture) over an empty cache.
#[macro_export]
macro_rules! user_cache_conformance {
    ($make:expr $(, $(#[$attribute:meta])+)?) => {
        $crate::__conformance_tests! { [$($(#[$attribute])+)?] $make, user_cache {
            a_user_that_was_put_is_found_with_every_field
            a_user_that_was_not_put_is_not_found
            a_fence_drops_the_user
            a_ticket_is_void_once_its_user_is_fenced
            no_ticket_is_given_out_behind_a_fence
            no_user_older_than_a_change_is_kept
            no_read_is_behind_an_answered_change
            every_call_of_a_cache_out_of_reach_is_a_failure
        } }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($attributes:tt $make:expr, $suite:ident { $($promise:ident)* }) => {
        $($crate::__conformance_test! { $attributes $make, $suite, $promise })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_test {
    ([$(#[$attribute:meta])*] $make:expr, $suite:ident, $promise:ident) => {
        #[test]
        $(#[$attribute])*
        fn $promise() {
            $crate::conformance::run(async {
                let fixture = ($make)().await;
                $crate::conformance::$suite::$promise(&fixture).await;
            });
        }
    };
}
