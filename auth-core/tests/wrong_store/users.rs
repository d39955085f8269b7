mod store;

use std::sync::Arc;

use auth_core::conformance::UserFixture;

use store::{Name, WrongUsers};

#[derive(Clone, Copy, PartialEq)]
enum Defect {
    None,
    WholeSeconds,
    OwnIds,
    FindsTheFirst,
    CutsHashes,
    Upserts,
    SelectsThenInserts,
    CaseSensitive,
    FoldsAccents,
    MatchesPatterns,
    ForgetsTheEpoch,
    ForgetsTheRoles,
    MergesRoles,
    FoldsRoles,
    CutsRoles,
    ForgesTheCreation,
    UpdatesEveryone,
    IgnoresTheRevision,
    IgnoresLaterRevisions,
    UpdateInserts,
    SelectsThenUpdates,
    WritesBeforeItRefuses,
    OwnEmailIsTaken,
    UpdateKeepsTheOldEmail,
    ChecksTheEmailFirst,
    DeleteKeepsTheEmail,
    DeletesANeighbour,
    SelectsThenDeletes,
    CountsIds,
    InsertsInTwoSteps,
    UpdatesInTwoSteps,
    DeletesInTwoSteps,
    LeavesReplies,
    RepeatsTheLastOfAPage,
    FailureIsAnEmptyPage,
    OverwritesTakenIds,
    SelectsTheIdFirst,
    FindsByFoldedId,
    UpdatesByFoldedId,
    DeletesByFoldedId,
    RefusesFoldedIds,
    CachesUsers,
    CachesNobody,
    FailureIsNobody,
    FailureIsNobodyByEmail,
    FailureIsFalse,
    FailureIsTaken,
    FailureIsConflict,
}

struct Users(Arc<WrongUsers>);

impl Users {
    fn new(defect: Defect) -> Self {
        Self(Arc::new(WrongUsers::new(defect)))
    }
}

impl UserFixture for Users {
    type Id = String;
    type Profile = Name;
    type Store = WrongUsers;

    fn store(&self) -> Arc<WrongUsers> {
        Arc::clone(&self.0)
    }

    async fn another_process(&self) -> Arc<WrongUsers> {
        Arc::new(self.0.another())
    }

    async fn out_of_reach(&self) -> Option<Arc<WrongUsers>> {
        Some(Arc::new(WrongUsers::out_of_reach(self.0.defect)))
    }

    fn profile(&self, n: u32) -> Name {
        Name {
            first_name: format!("Zoë {n}"),
        }
    }
}

mod without_its_defect_it_passes {
    use super::*;

    auth_core::user_store_conformance!(async || Users::new(Defect::None));
}

mod with_its_defect_it_is_caught {
    use super::*;

    crate::breaks! { user_store, Users {
        an_inserted_user_is_found_with_every_field: WholeSeconds;
        an_inserted_user_keeps_the_id_that_it_was_given: OwnIds;
        an_unknown_user_is_not_found: FindsTheFirst;
        long_and_odd_values_are_kept: CutsHashes;
        a_taken_email_is_refused_and_nothing_is_written: Upserts;
        of_parallel_insertions_of_one_email_exactly_one_succeeds: SelectsThenInserts, Upserts;
        a_taken_id_is_refused_and_nothing_is_written: OverwritesTakenIds;
        of_parallel_insertions_of_one_id_exactly_one_succeeds: OverwritesTakenIds, SelectsTheIdFirst;
        ids_are_compared_byte_for_byte: FindsByFoldedId, UpdatesByFoldedId, DeletesByFoldedId, RefusesFoldedIds;
        variants_of_an_email_are_one_email: CaseSensitive;
        different_emails_are_different_users: FoldsAccents;
        wildcards_in_an_email_match_nothing_else: MatchesPatterns;
        an_update_writes_every_field_but_the_creation: ForgetsTheEpoch, ForgesTheCreation;
        an_update_changes_no_other_user: UpdatesEveryone;
        an_update_of_another_revision_is_a_conflict_and_writes_nothing: IgnoresTheRevision, IgnoresLaterRevisions;
        an_update_of_a_missing_user_is_a_conflict_and_inserts_nothing: UpdateInserts;
        of_parallel_updates_of_one_revision_exactly_one_succeeds: SelectsThenUpdates, IgnoresTheRevision;
        an_update_to_a_taken_email_is_refused_and_writes_nothing: WritesBeforeItRefuses, CaseSensitive;
        an_update_may_respell_the_users_own_email: OwnEmailIsTaken;
        a_changed_email_is_found_and_the_old_one_is_free: UpdateKeepsTheOldEmail;
        of_parallel_updates_to_one_email_exactly_one_succeeds: ChecksTheEmailFirst;
        roles_are_kept_and_replaced_as_a_whole: ForgetsTheRoles, MergesRoles, FoldsRoles, CutsRoles, IgnoresTheRevision;
        a_deleted_user_is_gone_and_the_email_is_free: DeleteKeepsTheEmail;
        a_deletion_leaves_the_other_users: DeletesANeighbour;
        of_parallel_deletions_exactly_one_finds_the_user: SelectsThenDeletes;
        the_id_of_a_deleted_user_is_never_given_again: CountsIds;
        another_process_sees_every_change_at_once: CachesUsers, CachesNobody;
        every_call_out_of_reach_is_a_failure: FailureIsNobody, FailureIsNobodyByEmail, FailureIsFalse, FailureIsTaken, FailureIsConflict;
        a_cancelled_insertion_is_whole_or_absent: InsertsInTwoSteps;
        a_cancelled_update_is_whole_or_absent: UpdatesInTwoSteps;
        a_cancelled_deletion_is_whole_or_absent: DeletesInTwoSteps;
        a_cancelled_look_up_does_not_spoil_the_next: LeavesReplies;
    } }
    crate::breaks! { list_users, Users {
        pages_hold_each_user_once: RepeatsTheLastOfAPage;
        outdated_emails_are_found_and_can_be_mended: UpdateKeepsTheOldEmail;
        a_list_out_of_reach_is_a_failure: FailureIsAnEmptyPage;
    } }
}
