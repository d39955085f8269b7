use std::{
    mem,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use auth_core::{
    InsertUserError, ListUsers, NewUser, NormalizedEmail, PasswordHash, StoreError, UpdateUserError, User,
    UserStore, conformance::UserFixture,
};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use crate::meanwhile;

type Reader = User<Uuid, Name>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Name {
    first_name: String,
}

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
}

/// A table without a unique index: what keeps its promises are the checks here, all but one.
struct WrongUsers {
    defect: Defect,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    rows: Vec<Reader>,
    reserved: Vec<NormalizedEmail>,
    unread: Option<Option<Reader>>,
}

impl WrongUsers {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no panic under the lock")
    }

    fn has(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    fn key(&self, user: &Reader) -> String {
        match self.defect {
            Defect::CaseSensitive => user.email.as_str().to_owned(),
            Defect::FoldsAccents => folded(user.email.normalized()),
            _ => user.email.normalized().as_str().to_owned(),
        }
    }

    fn is_taken(&self, table: &Table, user: &Reader) -> bool {
        let key = self.key(user);
        let others = |row: &&Reader| row.id != user.id || self.has(Defect::OwnEmailIsTaken);
        table.reserved.contains(user.email.normalized())
            || table.rows.iter().filter(others).any(|row| self.key(row) == key)
    }

    /// Answers with what the call before left unread, if there is something.
    async fn reply(&self, answer: Option<Reader>) -> Option<Reader> {
        if !self.has(Defect::LeavesReplies) {
            return answer;
        }
        if let Some(unread) = self.table().unread.take() {
            return unread;
        }
        self.table().unread = Some(answer);
        meanwhile().await;
        self.table().unread.take().flatten()
    }
}

fn folded(email: &NormalizedEmail) -> String {
    email.as_str().nfd().filter(char::is_ascii).collect()
}

/// What `LIKE` does with `_`.
fn is_like(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text
            .bytes()
            .zip(pattern.bytes())
            .all(|(t, p)| p == b'_' || t == p)
}

#[async_trait]
impl UserStore<Uuid, Name> for WrongUsers {
    async fn insert(&self, new: NewUser<Uuid, Name>) -> Result<Reader, InsertUserError> {
        let id = match (self.defect, new.id) {
            (Defect::CountsIds, _) => Uuid::from_u128(self.table().rows.len() as u128),
            (Defect::OwnIds, _) | (_, None) => Uuid::now_v7(),
            (_, Some(id)) => id,
        };
        let returned = new.into_user(id);
        let mut user = returned.clone();
        if self.has(Defect::WholeSeconds) {
            user.created_at = user.created_at.replace_millisecond(0).expect("0 ms");
        }
        if self.has(Defect::CutsHashes) {
            user.password_hash = user
                .password_hash
                .map(|hash| PasswordHash::new(hash.expose().chars().take(255).collect::<String>()));
        }
        if self.is_taken(&self.table(), &user) && !self.has(Defect::Upserts) {
            return Err(InsertUserError::EmailTaken);
        }
        if self.has(Defect::SelectsThenInserts) {
            meanwhile().await;
            self.table().rows.push(user);
            return Ok(returned);
        }
        if self.has(Defect::InsertsInTwoSteps) {
            let half = User {
                is_active: !user.is_active,
                ..user.clone()
            };
            self.table().rows.push(half);
            meanwhile().await;
        }
        let mut table = self.table();
        let key = self.key(&user);
        if self.has(Defect::Upserts) {
            table.rows.retain(|row| self.key(row) != key);
        }
        table.rows.retain(|row| row.id != user.id);
        if self.is_taken(&table, &user) {
            return Err(InsertUserError::EmailTaken);
        }
        table.rows.push(user);
        Ok(returned)
    }

    async fn find(&self, id: &Uuid) -> Result<Option<Reader>, StoreError> {
        let found = self.table().rows.iter().find(|row| row.id == *id).cloned();
        Ok(self.reply(found).await)
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<Reader>, StoreError> {
        let found = {
            let table = self.table();
            let mut rows = table.rows.iter();
            match self.defect {
                Defect::MatchesPatterns => {
                    rows.find(|row| is_like(row.email.normalized().as_str(), email.as_str()))
                }
                Defect::FoldsAccents => rows.find(|row| folded(row.email.normalized()) == folded(email)),
                Defect::FindsTheFirst => rows
                    .find(|row| row.email.normalized() == email)
                    .or(table.rows.first()),
                _ => rows.find(|row| row.email.normalized() == email),
            }
            .cloned()
        };
        Ok(self.reply(found).await)
    }

    async fn update(&self, user: &Reader) -> Result<(), UpdateUserError> {
        let written = User {
            revision: user.revision + 1,
            ..user.clone()
        };
        let is_current = |row: &&mut Reader| {
            row.id == user.id
                && match self.defect {
                    Defect::IgnoresTheRevision => true,
                    Defect::IgnoresLaterRevisions => row.revision <= user.revision,
                    _ => row.revision == user.revision,
                }
        };
        if self.has(Defect::SelectsThenUpdates) {
            let current = self.table().rows.iter_mut().find(is_current).is_some();
            meanwhile().await;
            let mut table = self.table();
            let row = table.rows.iter_mut().find(|row| row.id == user.id && current);
            *row.ok_or(UpdateUserError::Conflict)? = written;
            return Ok(());
        }
        if self.has(Defect::ChecksTheEmailFirst) {
            if self.is_taken(&self.table(), user) {
                return Err(UpdateUserError::EmailTaken);
            }
            meanwhile().await;
        }
        if self.has(Defect::UpdatesInTwoSteps) {
            if let Some(row) = self.table().rows.iter_mut().find(is_current) {
                row.password_hash = user.password_hash.clone();
            }
            meanwhile().await;
        }

        let mut table = self.table();
        if self.has(Defect::UpdateInserts) && !table.rows.iter().any(|row| row.id == user.id) {
            table.rows.push(user.clone());
        }
        let taken = self.is_taken(&table, user) && !self.has(Defect::ChecksTheEmailFirst);
        let Some(row) = table.rows.iter_mut().find(is_current) else {
            return Err(UpdateUserError::Conflict);
        };
        if taken {
            if self.has(Defect::WritesBeforeItRefuses) {
                row.profile = user.profile.clone();
            }
            return Err(UpdateUserError::EmailTaken);
        }
        let old = mem::replace(row, written);
        if !self.has(Defect::ForgesTheCreation) {
            row.created_at = old.created_at;
        }
        match self.defect {
            Defect::ForgetsTheEpoch => row.security_epoch = old.security_epoch,
            Defect::UpdateKeepsTheOldEmail => table.reserved.push(old.email.normalized().clone()),
            Defect::UpdatesEveryone => table
                .rows
                .iter_mut()
                .for_each(|row| row.profile = user.profile.clone()),
            _ => {}
        }
        Ok(())
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, StoreError> {
        if self.has(Defect::SelectsThenDeletes) {
            let found = self.table().rows.iter().any(|row| row.id == *id);
            meanwhile().await;
            self.table().rows.retain(|row| row.id != *id);
            return Ok(found);
        }
        let Some(at) = self.table().rows.iter().position(|row| row.id == *id) else {
            return Ok(false);
        };
        if self.has(Defect::DeletesInTwoSteps) {
            let email = {
                let mut table = self.table();
                let gone = table.rows.remove(at);
                table.reserved.push(gone.email.normalized().clone());
                gone.email.normalized().clone()
            };
            meanwhile().await;
            self.table().reserved.retain(|reserved| *reserved != email);
            return Ok(true);
        }
        let mut table = self.table();
        let before = table.rows.len();
        let gone = table.rows.iter().find(|row| row.id == *id).cloned();
        table.rows.retain(|row| row.id != *id);
        let found = table.rows.len() < before;
        if self.has(Defect::DeletesANeighbour) && at < table.rows.len() {
            table.rows.remove(at);
        }
        if let Some(gone) = gone.filter(|_| self.has(Defect::DeleteKeepsTheEmail)) {
            table.reserved.push(gone.email.normalized().clone());
        }
        Ok(found)
    }
}

#[async_trait]
impl ListUsers<Uuid, Name> for WrongUsers {
    async fn list(&self, after: Option<&Uuid>, limit: NonZeroU32) -> Result<Vec<Reader>, StoreError> {
        let repeats = self.has(Defect::RepeatsTheLastOfAPage);
        let mut rows = self.table().rows.clone();
        rows.retain(|row| after.is_none_or(|after| row.id > *after || (repeats && row.id == *after)));
        rows.sort_by_key(|row| row.id);
        rows.truncate(limit.get() as usize);
        Ok(rows)
    }
}

struct Users(Arc<WrongUsers>);

impl Users {
    fn new(defect: Defect) -> Self {
        Self(Arc::new(WrongUsers {
            defect,
            table: Mutex::default(),
        }))
    }
}

impl UserFixture for Users {
    type Id = Uuid;
    type Profile = Name;
    type Store = WrongUsers;

    fn store(&self) -> Arc<WrongUsers> {
        Arc::clone(&self.0)
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
        a_deleted_user_is_gone_and_the_email_is_free: DeleteKeepsTheEmail;
        a_deletion_leaves_the_other_users: DeletesANeighbour;
        of_parallel_deletions_exactly_one_finds_the_user: SelectsThenDeletes;
        the_id_of_a_deleted_user_is_never_given_again: CountsIds;
        a_cancelled_insertion_is_whole_or_absent: InsertsInTwoSteps;
        a_cancelled_update_is_whole_or_absent: UpdatesInTwoSteps;
        a_cancelled_deletion_is_whole_or_absent: DeletesInTwoSteps;
        a_cancelled_look_up_does_not_spoil_the_next: LeavesReplies;
    } }
    crate::breaks! { list_users, Users {
        pages_hold_each_user_once: RepeatsTheLastOfAPage;
        outdated_emails_are_found_and_can_be_mended: UpdateKeepsTheOldEmail;
    } }
}
