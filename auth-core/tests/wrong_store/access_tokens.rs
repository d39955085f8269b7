mod index;
mod store;

use std::sync::Arc;

use auth_core::conformance::AccessTokenFixture;
use uuid::Uuid;

use store::WrongTokens;

#[derive(Clone, Copy, PartialEq)]
enum Defect {
    None,
    EndsIn2038,
    ForgetsTheEpoch,
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
    CapsThenInserts,
    TouchExtends,
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

    mod purge {
        use super::super::*;

        auth_core::purge_expired_conformance!(async || Tokens::new(Defect::None));
    }
}

mod with_its_defect_it_is_caught {
    use super::*;

    crate::breaks! { access_token_store, Tokens {
        an_inserted_token_is_found_with_every_field: EndsIn2038, ForgetsTheEpoch, RoundsTheExpiryUp, ForEverIsACentury;
        a_taken_digest_is_refused_and_nothing_is_written: Upserts, CapsBeforeItRefuses;
        a_taken_digest_does_not_change_hands: Upserts;
        of_parallel_insertions_of_one_digest_exactly_one_succeeds: SelectsThenInserts, Upserts;
        a_taken_public_id_overwrites_nothing: OverwritesPublicIds;
        only_the_exact_digest_is_found: IgnoresTheLastByte, IgnoresCase, FindsByTag;
        digests_of_any_bytes_are_told_apart: StopsAtZero, IgnoresTheLastByte;
        a_cap_keeps_the_newest_tokens: CapsOneTooMany, CapsByInsertion;
        a_cap_never_removes_the_inserted_token: CapsTheInserted;
        a_cap_leaves_other_users_alone: CapsEveryone;
        a_cap_removes_hundreds_of_tokens: CapsAPage;
        a_cap_holds_under_parallel_insertions: CapsThenInserts, CapsOneTooMany;
        a_touch_sets_the_last_use_alone: TouchExtends;
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

    crate::breaks! { purge_expired, Tokens {
        a_purge_removes_what_has_expired_alone: PurgesLate, PurgesTheEternal;
        a_purge_removes_no_more_than_its_limit: PurgesWithoutLimit;
        a_purge_removes_hundreds_of_tokens: PurgesAPage;
        a_purge_out_of_reach_is_a_failure: FailureIsZero;
    } }
}
