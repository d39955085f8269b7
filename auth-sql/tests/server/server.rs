//! What is shown of PostgreSQL and of MariaDB alike. Each has a `backend` of its own beside this.

pub(crate) mod cancellation;
pub(crate) mod cap;
pub(crate) mod client_library;
pub(crate) mod connect;
pub(crate) mod deadlock;
pub(crate) mod email;
pub(crate) mod fault;
pub(crate) mod foreign_key;
pub(crate) mod holder;
pub(crate) mod kind;
pub(crate) mod library;
pub(crate) mod migrate;
pub(crate) mod object_id;
pub(crate) mod older;
pub(crate) mod purge;
pub(crate) mod refused;
pub(crate) mod rotation;
pub(crate) mod sample;
pub(crate) mod session;
pub(crate) mod stranger;
pub(crate) mod unique;

/// Names one test for each function.
macro_rules! tests {
    ($why:literal, $($module:ident { $($test:ident)* })*) => {
        $(mod $module {
            $(#[test]
            #[ignore = $why]
            fn $test() {
                auth_core::conformance::run(crate::server::$module::$test());
            })*
        })*
    };
}

/// Every test of a database of which `$why` says that it is needed.
macro_rules! all {
    ($why:literal) => {
        crate::server::tests! { $why,
            cancellation {
                k2_a_dropped_transaction_is_over_at_once
                k2_a_call_whose_caller_went_away_before_its_turn_never_begins
                k2_a_call_that_a_runtime_leaves_behind_spoils_no_connection
                k3_no_call_reads_the_reply_to_another
            }
            cap {
                s7_a_cap_holds_whatever_the_isolation_of_the_session
                a_session_of_a_user_who_is_gone_is_refused_under_a_cap_too
                a_taken_public_id_is_no_taken_digest
            }
            connect {
                a_location_that_cannot_be_used_names_the_setting_and_no_secret
                a_server_that_is_down_is_a_store_error_and_no_error_at_start
                n10_a_server_that_cannot_be_used_is_named_with_the_cause_and_the_next_step
                n10_a_password_that_is_not_percent_encoded_is_told_and_not_repeated
                n10_tables_that_are_not_there_or_are_anothers_are_told_with_the_next_step
            }
            deadlock {
                a_deadlock_is_tried_again
                a_deadlock_that_does_not_end_is_a_store_error
            }
            email {
                deviation_15_an_email_is_compared_byte_for_byte
            }
            fault {
                a_locked_row_is_a_store_error_by_the_deadline
                an_exhausted_pool_is_a_store_error_by_the_deadline
                a_hung_server_is_a_store_error_by_the_deadline_and_its_connection_is_not_used_again
                a_server_that_never_greets_is_a_store_error_by_the_deadline
                calls_after_a_cut_are_answered_but_for_at_most_one_write
                a_reply_that_is_cut_off_is_asked_for_again
                a_stored_value_that_cannot_be_read_is_a_store_error
                a_write_that_fails_leaves_nothing_behind
                a_deadline_of_zero_is_refused
                e4_no_value_stands_in_an_error
            }
            foreign_key {
                users_and_tokens_are_there_for_another_process_and_a_revoked_token_is_not
                s5_the_tokens_of_a_deleted_user_are_gone_with_the_user
            }
            migrate {
                migrations_run_once_whoever_starts_them
                migrations_leave_the_applications_own_tables_alone
                log_ins_of_older_tables_live_on_and_end_when_they_would_have_ended
                log_ins_of_older_tables_are_listed_advanced_and_counted_by_a_cap
                a_purge_and_each_look_up_have_an_index
            }
            purge {
                a_purge_waits_for_nobody_and_leaves_what_another_call_is_at
            }
            rotation {
                a_step_is_made_of_the_token_that_another_call_left
                a_step_whose_reply_is_lost_is_made_once
            }
            session {
                a_write_whose_reply_is_lost_is_never_in_conflict_with_itself
                a_replacement_whose_reply_is_lost_is_known_from_a_log_out
                a_purge_of_sessions_waits_for_nobody
            }
            unique {
                a_unique_column_of_the_profile_is_told_from_the_email_and_the_id
                a_field_of_the_profile_is_a_real_column
            }
        }

        #[test]
        fn no_client_library_in_c_is_needed() {
            crate::server::client_library::no_client_library_in_c_is_needed();
        }

        crate::server::session::suite!($why);
    };
}

pub(crate) use {all, tests};
