mod cap;
mod index;
mod rotation;
mod store;
mod touch;

use std::sync::Arc;

use auth_core::conformance::AccessTokenFixture;
use uuid::Uuid;

use store::WrongTokens;

#[derive(Clone, Copy, PartialEq)]
enum Defect {
    None,
    EndsIn2038,
    ForgetsTheEpoch,
    ForgetsTheBackend,
    ForgetsTheActor,
    ForgetsTheGenerations,
    ForgetsTheAbsoluteLimit,
    KeepsTheUser,
    RoundsTheExpiryUp,
    ForEverIsACentury,
    Upserts,
    CapsBeforeItRefuses,
    SelectsThenInserts,
    IgnoresTheLastByte,
    IgnoresCase,
    StopsAtZero,
    FindsByTag,
    CapsOneTooMany,
    CapsByInsertion,
    CapsTheInserted,
    CapsEveryone,
    CapsEveryBackend,
    CapsItsBackendAlone,
    CapsByFoldedBackend,
    CapsThenInserts,
    CapKeepsTheExpired,
    CapKeepsTheJustExpired,
    CapCountsTheReplaced,
    CapRemovesTheReplaced,
    CapGrowsByTheReplaced,
    TouchExtends,
    TouchLeavesTheExpiry,
    TouchRevives,
    TouchInserts,
    TouchWritesBack,
    TouchDeletesFirst,
    DeletesNothing,
    DeleteIsAlwaysTrue,
    DeletesAllOfTheUser,
    SelectsThenDeletes,
    DeletesAllButOne,
    DeletesEveryones,
    WritesTheIndexBack,
    InsertsInTwoSteps,
    DeletesInTwoSteps,
    DeletesOneByOne,
    LeavesReplies,
    ListsTheOldestFirst,
    ListsEveryEpoch,
    ListsTheDeleted,
    DeletesByIdAlone,
    PurgesLate,
    PurgesByTheFirstExpiry,
    PurgesTheEternal,
    PurgesWithoutLimit,
    OverwritesPublicIds,
    CapsAPage,
    DeletesAPage,
    ListsAPage,
    PurgesAPage,
    CapsByTag,
    DeletesByTag,
    ListsByTag,
    EndsByTag,
    CapsByFoldedId,
    DeletesByFoldedId,
    ListsByFoldedId,
    EndsByFoldedId,
    CachesTokens,
    CachesMisses,
    CachesLists,
    FailureIsNone,
    FailureIsFalse,
    FailureIsZero,
    FailureIsDone,
    FailureIsTaken,
    FailureIsAnEmptyList,
    StepsFromAny,
    StepsToTheSecond,
    StepsBothKinds,
    StepsEveryToken,
    StepsIn32Bits,
    StepsTheExpired,
    StepsPastTheLimit,
    StepsLeaveTheExpiry,
    StepsForEver,
    StepInserts,
    StepWritesBack,
    StepsInTwoWrites,
    StepsBehindTheList,
    StepsByAPrefix,
    AnswersWithTheTokenBefore,
    AnswersNoneIfNotMade,
}

struct Tokens(Arc<WrongTokens>);

impl Tokens {
    fn new(defect: Defect) -> Self {
        Self(Arc::new(WrongTokens::new(defect)))
    }
}

impl AccessTokenFixture for Tokens {
    type Id = String;
    type Store = WrongTokens;

    fn store(&self) -> Arc<WrongTokens> {
        Arc::clone(&self.0)
    }

    async fn user(&self, id: Option<String>) -> String {
        id.unwrap_or_else(|| Uuid::now_v7().to_string())
    }

    async fn another_process(&self) -> Arc<WrongTokens> {
        Arc::new(self.0.another())
    }

    async fn out_of_reach(&self) -> Option<Arc<WrongTokens>> {
        Some(Arc::new(WrongTokens::out_of_reach(self.0.defect)))
    }
}

mod without_its_defect_it_passes {
    mod store {
        use super::super::*;

        auth_core::access_token_store_conformance!(async || Tokens::new(Defect::None));
    }

    mod index {
        use super::super::*;

        auth_core::access_token_index_conformance!(async || Tokens::new(Defect::None));
    }

    mod rotation {
        use super::super::*;

        auth_core::rotate_tokens_conformance!(async || Tokens::new(Defect::None));
    }

    mod purge {
        use super::super::*;

        auth_core::purge_expired_conformance!(async || Tokens::new(Defect::None));
    }
}

mod with_its_defect_it_is_caught {
    use super::*;

    crate::breaks! { access_token_store, Tokens {
        an_inserted_token_is_found_with_every_field: EndsIn2038, ForgetsTheEpoch, RoundsTheExpiryUp, ForEverIsACentury, ForgetsTheBackend, ForgetsTheActor, ForgetsTheGenerations, ForgetsTheAbsoluteLimit, KeepsTheUser;
        a_taken_digest_is_refused_and_nothing_is_written: Upserts, CapsBeforeItRefuses;
        a_taken_digest_does_not_change_hands: Upserts;
        of_parallel_insertions_of_one_digest_exactly_one_succeeds: SelectsThenInserts, Upserts;
        a_taken_public_id_overwrites_nothing: OverwritesPublicIds;
        only_the_exact_digest_is_found: IgnoresTheLastByte, IgnoresCase, FindsByTag;
        digests_of_any_bytes_are_told_apart: StopsAtZero, IgnoresTheLastByte;
        a_cap_keeps_the_newest_tokens: CapsOneTooMany, CapsByInsertion;
        a_cap_never_removes_the_inserted_token: CapsTheInserted;
        a_cap_leaves_other_users_alone: CapsEveryone;
        a_cap_counts_one_backend_and_the_tokens_that_name_none: CapsEveryBackend, CapsItsBackendAlone;
        names_of_backends_are_compared_byte_for_byte: CapsEveryBackend, CapsByFoldedBackend;
        a_cap_removes_hundreds_of_tokens: CapsAPage;
        a_cap_removes_an_expired_token_before_a_live_one: CapKeepsTheExpired, CapKeepsTheJustExpired;
        a_cap_does_not_count_the_replaced_token: CapCountsTheReplaced, CapRemovesTheReplaced, CapGrowsByTheReplaced;
        a_cap_holds_under_parallel_insertions: CapsThenInserts, CapsOneTooMany;
        a_cap_holds_under_parallel_insertions_that_replace_one_token: CapsThenInserts, CapsOneTooMany, CapRemovesTheReplaced;
        a_touch_sets_the_last_use_and_the_expiry_alone: TouchExtends, TouchLeavesTheExpiry;
        a_touch_never_revives_an_expired_token: TouchRevives;
        a_touch_of_an_unknown_token_inserts_nothing: TouchInserts;
        a_touch_never_brings_a_deleted_token_back: TouchWritesBack, TouchInserts;
        a_deleted_token_is_gone: DeletesNothing, DeleteIsAlwaysTrue;
        a_deletion_leaves_the_other_tokens: DeletesAllOfTheUser;
        of_parallel_deletions_exactly_one_finds_the_token: SelectsThenDeletes;
        deleting_all_removes_the_users_tokens_and_counts_them: DeletesAllButOne;
        deleting_all_removes_hundreds_of_tokens: DeletesAPage;
        deleting_all_leaves_other_users_alone: DeletesEveryones;
        deleting_all_wins_over_parallel_insertions: DeletesAllButOne, WritesTheIndexBack;
        users_of_one_shard_tag_are_told_apart: CapsByTag, DeletesByTag;
        ids_of_users_are_compared_byte_for_byte: CapsByFoldedId, DeletesByFoldedId;
        another_process_sees_every_change_at_once: CachesTokens, CachesMisses;
        every_call_out_of_reach_is_a_failure: FailureIsNone, FailureIsFalse, FailureIsZero, FailureIsDone, FailureIsTaken;
        a_cancelled_insertion_is_whole_or_absent: InsertsInTwoSteps;
        a_cancelled_insertion_under_a_cap_is_whole_or_absent: CapsThenInserts;
        a_cancelled_touch_is_whole_or_absent: TouchDeletesFirst;
        a_cancelled_deletion_is_whole_or_absent: DeletesInTwoSteps;
        a_cancelled_deletion_of_all_is_whole_or_absent: DeletesOneByOne;
        a_cancelled_look_up_does_not_spoil_the_next: LeavesReplies;
    } }

    crate::breaks! { opaque_strategy, Tokens {
        a_grant_says_what_was_issued: ForgetsTheEpoch, RoundsTheExpiryUp;
        a_token_is_valid_until_the_instant_of_its_expiry: RoundsTheExpiryUp;
        a_token_for_ever_outlives_any_clock: ForEverIsACentury;
        an_idle_token_ends_and_a_used_one_lives_on: TouchExtends, TouchLeavesTheExpiry;
        use_extends_no_token_past_its_lifetime: TouchExtends;
        only_the_issued_string_is_accepted: FindsByTag;
        a_revoked_token_is_rejected_for_good: DeletesNothing, DeletesAllOfTheUser;
        a_use_in_flight_does_not_undo_a_revocation: TouchWritesBack;
        a_cap_holds_under_parallel_log_ins: CapsThenInserts, CapsOneTooMany;
    } }

    crate::breaks! { access_token_index, Tokens {
        a_list_holds_the_users_tokens_the_newest_first: ListsTheOldestFirst;
        a_list_holds_the_tokens_of_one_epoch_alone: ListsEveryEpoch;
        a_list_follows_every_change: ListsTheDeleted;
        a_token_deleted_by_its_id_is_gone: DeletesNothing, ListsTheDeleted, DeletesAllOfTheUser, DeleteIsAlwaysTrue;
        another_users_token_is_not_deleted_by_its_id: DeletesByIdAlone;
        a_taken_public_id_ends_no_other_users_token: DeletesByIdAlone, OverwritesPublicIds;
        a_list_holds_hundreds_of_tokens: ListsAPage;
        users_of_one_shard_tag_have_lists_of_their_own: ListsByTag, EndsByTag;
        users_of_ids_that_look_alike_have_lists_of_their_own: ListsByFoldedId, EndsByFoldedId;
        another_process_lists_every_change_at_once: CachesLists, CachesTokens;
        every_call_of_an_index_out_of_reach_is_a_failure: FailureIsAnEmptyList, FailureIsFalse;
        a_cancelled_deletion_by_id_is_whole_or_absent: DeletesInTwoSteps;
    } }

    crate::breaks! { rotate_tokens, Tokens {
        a_step_replaces_the_generation_alone: StepsToTheSecond, StepsBothKinds, StepsEveryToken, AnswersWithTheTokenBefore;
        access_and_refresh_generations_are_independent: StepsBothKinds;
        a_step_from_another_generation_changes_nothing: StepsFromAny, AnswersNoneIfNotMade;
        a_step_of_an_unknown_token_is_none_and_inserts_nothing: StepInserts, StepsByAPrefix;
        a_step_shows_in_the_list: StepsBehindTheList;
        generations_of_more_than_32_bits_are_counted: StepsIn32Bits;
        a_step_moves_the_expiry_but_never_past_the_absolute_limit: StepsPastTheLimit, StepsLeaveTheExpiry;
        a_step_that_names_no_expiry_leaves_it: StepsForEver;
        an_expired_token_is_not_advanced: StepsTheExpired, AnswersNoneIfNotMade;
        a_step_never_brings_a_deleted_token_back: StepWritesBack, StepInserts;
        of_parallel_steps_from_one_generation_exactly_one_is_made: StepWritesBack, AnswersWithTheTokenBefore;
        parallel_changes_of_one_token_are_all_made: StepWritesBack, TouchWritesBack;
        f4_s4_s7_random_interleavings_keep_every_promise: StepWritesBack, StepsInTwoWrites, StepsPastTheLimit, TouchWritesBack, CapsThenInserts, DeletesAllButOne;
        another_process_sees_a_step_at_once: CachesTokens, CachesLists;
        a_step_out_of_reach_is_a_failure: FailureIsNone;
        a_cancelled_step_is_whole_or_absent: StepsInTwoWrites;
    } }

    crate::breaks! { purge_expired, Tokens {
        a_purge_removes_what_has_expired_alone: PurgesLate, PurgesTheEternal;
        a_purge_goes_by_the_expiry_that_a_touch_has_set: PurgesByTheFirstExpiry, TouchLeavesTheExpiry;
        a_purge_removes_no_more_than_its_limit: PurgesWithoutLimit;
        a_purge_removes_hundreds_of_tokens: PurgesAPage;
        a_purge_out_of_reach_is_a_failure: FailureIsZero;
    } }
}
