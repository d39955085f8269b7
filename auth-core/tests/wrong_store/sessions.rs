mod store;

use std::sync::Arc;

use auth_core::conformance::SessionFixture;
use uuid::Uuid;

use store::WrongSessions;

#[derive(Clone, Copy, PartialEq)]
enum Defect {
    None,
    ForgetsTheEpoch,
    RoundsTheExpiryUp,
    ForEverIsACentury,
    NormalizesJson,
    CutsData,
    Upserts,
    SelectsThenInserts,
    IgnoresTheLastByte,
    KeepsTheRevision,
    NeverShortens,
    SlideCounts,
    IgnoresTheRevision,
    ConflictMovesTheLimit,
    DemandsARevision,
    SavesAllOfTheUser,
    SaveInserts,
    SaveRevives,
    SelectsThenSaves,
    SaveWritesBack,
    DeletesNothing,
    DeleteIsAlwaysDone,
    DeletesAnyRevision,
    DeletesAllOfTheUser,
    SelectsThenDeletes,
    LeavesThePredecessor,
    ReplacesAnyRevision,
    ReplacesNone,
    ReplacesBeforeItInserts,
    ForgetsWhatItReplaced,
    ReplacesTwice,
    SelectsThenReplaces,
    DeletesAllButOne,
    DeletesAPage,
    DeletesEveryones,
    DeletesVisitors,
    DeletesByTag,
    DeletesByFoldedId,
    WritesTheIndexBack,
    CachesSessions,
    CachesMisses,
    FailureIsNone,
    FailureIsGone,
    FailureIsDone,
    FailureIsZero,
    FailureIsTaken,
    CreatesInTwoSteps,
    SavesInTwoSteps,
    DeletesInTwoSteps,
    DeletesOneByOne,
    LeavesReplies,
    PurgesLate,
    PurgesTheEternal,
    PurgesWithoutLimit,
}

struct Sessions(Arc<WrongSessions>);

impl Sessions {
    fn new(defect: Defect) -> Self {
        Self(Arc::new(WrongSessions::new(defect)))
    }
}

impl SessionFixture for Sessions {
    type Id = String;
    type Store = WrongSessions;

    fn store(&self) -> Arc<WrongSessions> {
        Arc::clone(&self.0)
    }

    async fn user(&self, id: Option<String>) -> String {
        id.unwrap_or_else(|| Uuid::now_v7().to_string())
    }

    async fn another_process(&self) -> Arc<WrongSessions> {
        Arc::new(self.0.another())
    }

    async fn out_of_reach(&self) -> Option<Arc<WrongSessions>> {
        Some(Arc::new(WrongSessions::out_of_reach(self.0.defect)))
    }
}

mod without_its_defect_it_passes {
    use super::*;

    auth_core::session_store_conformance!(async || Sessions::new(Defect::None));
    auth_core::purge_sessions_conformance!(async || Sessions::new(Defect::None));
}

mod with_its_defect_it_is_caught {
    use super::*;

    crate::breaks! { session_store, Sessions {
        a_created_session_is_loaded_with_every_field: ForgetsTheEpoch, RoundsTheExpiryUp, ForEverIsACentury;
        data_is_kept_byte_for_byte: NormalizesJson, CutsData;
        a_taken_key_is_refused_and_nothing_is_written: Upserts;
        of_parallel_creations_under_one_key_exactly_one_succeeds: SelectsThenInserts, Upserts;
        only_the_exact_key_is_found: IgnoresTheLastByte;
        a_save_replaces_the_data_and_the_limit_alone: KeepsTheRevision, NeverShortens;
        a_save_without_data_leaves_the_revision: SlideCounts;
        a_save_of_another_revision_is_a_conflict_and_writes_nothing: IgnoresTheRevision, ConflictMovesTheLimit;
        a_save_without_a_revision_is_never_a_conflict: DemandsARevision;
        a_save_changes_no_other_session: SavesAllOfTheUser;
        a_save_never_brings_a_session_back: SaveInserts;
        an_expired_session_is_not_revived: SaveRevives;
        of_parallel_saves_of_one_revision_exactly_one_succeeds: SelectsThenSaves, IgnoresTheRevision;
        a_deleted_session_is_gone: DeletesNothing, DeleteIsAlwaysDone;
        a_deletion_of_another_revision_is_a_conflict_and_removes_nothing: DeletesAnyRevision;
        a_deletion_leaves_the_other_sessions: DeletesAllOfTheUser;
        of_parallel_deletions_exactly_one_finds_the_session: SelectsThenDeletes;
        a_session_takes_the_place_of_another: LeavesThePredecessor;
        the_place_of_another_revision_or_of_none_is_not_taken: ReplacesAnyRevision, ReplacesNone, ReplacesBeforeItInserts;
        a_repeated_replacement_is_done_and_brings_nothing_back: ForgetsWhatItReplaced, ReplacesTwice, ReplacesNone;
        s4_a_log_out_and_a_replacement_never_both_find_the_session: SelectsThenReplaces, ReplacesNone;
        deleting_all_removes_the_users_sessions_and_counts_them: DeletesAllButOne;
        deleting_all_removes_hundreds_of_sessions: DeletesAPage;
        deleting_all_leaves_other_users_and_visitors_alone: DeletesEveryones, DeletesVisitors;
        deleting_all_wins_over_parallel_creations: DeletesAllButOne, WritesTheIndexBack;
        users_of_one_shard_tag_are_told_apart: DeletesByTag;
        ids_of_users_are_compared_byte_for_byte: DeletesByFoldedId;
        s4_a_log_out_beats_requests_in_flight: SaveWritesBack, SaveInserts, DeletesNothing;
        no_update_is_lost_between_parallel_saves: SelectsThenSaves, IgnoresTheRevision, SlideCounts;
        another_process_sees_every_change_at_once: CachesSessions, CachesMisses;
        every_call_out_of_reach_is_a_failure: FailureIsNone, FailureIsGone, FailureIsDone, FailureIsZero, FailureIsTaken;
        a_cancelled_creation_is_whole_or_absent: CreatesInTwoSteps;
        a_cancelled_save_is_whole_or_absent: SavesInTwoSteps;
        a_cancelled_deletion_is_whole_or_absent: DeletesInTwoSteps;
        a_cancelled_deletion_of_all_is_whole_or_absent: DeletesOneByOne;
        a_cancelled_load_does_not_spoil_the_next: LeavesReplies;
    } }

    crate::breaks! { purge_sessions, Sessions {
        a_purge_removes_what_has_expired_alone: PurgesLate, PurgesTheEternal, PurgesWithoutLimit;
        a_purge_out_of_reach_is_a_failure: FailureIsZero;
    } }
}
