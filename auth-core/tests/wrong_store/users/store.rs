//! A store of users with one defect.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
    num::NonZeroU32,
};

use async_trait::async_trait;
use auth_core::{
    InsertUserError, ListUsers, NewUser, NormalizedEmail, PasswordHash, RoleName, StoreError,
    UpdateUserError, User, UserId as _, UserStore,
};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::Defect;
use crate::{handle::Handle, meanwhile};

pub(super) type Reader = User<String, Name>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Name {
    pub(super) first_name: String,
}

/// It remembers what it found, if it does: by id and by e-mail.
pub(super) type WrongUsers = Handle<Defect, Table, HashMap<String, Option<Reader>>>;

#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Reader>,
    reserved: Vec<NormalizedEmail>,
    unread: Option<Option<Reader>>,
}

impl WrongUsers {
    /// What this handle remembers of `key`, and otherwise what it `found` now.
    fn remembered(&self, key: &str, found: Option<Reader>) -> Option<Reader> {
        match (self.defect, &found) {
            (Defect::CachesUsers, Some(_)) | (Defect::CachesNobody, None) => {}
            (Defect::CachesUsers | Defect::CachesNobody, _) => {
                return self.cache().get(key).cloned().unwrap_or(found);
            }
            _ => return found,
        }
        self.cache().entry(key.to_owned()).or_insert(found).clone()
    }

    /// Whether the ids are the same, to a store that folds them in this call if it has the `defect`.
    fn is_same_id(&self, defect: Defect, a: &str, b: &str) -> bool {
        if self.has(defect) {
            return a.trim_end().eq_ignore_ascii_case(b.trim_end());
        }
        a == b
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

fn folded_roles(user: &Reader) -> BTreeSet<RoleName> {
    let folded = user.roles.iter().map(|role| role.as_str().to_lowercase());
    folded.map(|role| role.parse().expect("a name")).collect()
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
impl UserStore<String, Name> for WrongUsers {
    async fn insert(&self, new: NewUser<String, Name>) -> Result<Reader, InsertUserError> {
        self.forget();
        if self.reach(Defect::FailureIsTaken, ())?.is_some() {
            return Err(InsertUserError::EmailTaken);
        }
        let id = match (self.defect, new.id.clone()) {
            (Defect::CountsIds, _) => self.table().rows.len().to_string(),
            (Defect::OwnIds, _) | (_, None) => String::generate().expect("an id"),
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
        match self.defect {
            Defect::FoldsRoles => user.roles = folded_roles(&user),
            // What fits into a column of 255 characters.
            Defect::CutsRoles => user.roles = user.roles.into_iter().take(4).collect(),
            _ => {}
        }
        if self.is_taken(&self.table(), &user) && !self.has(Defect::Upserts) {
            return Err(InsertUserError::EmailTaken);
        }
        let is_twin = |row: &Reader| self.is_same_id(Defect::RefusesFoldedIds, &row.id, &user.id);
        if self.table().rows.iter().any(is_twin) && !self.has(Defect::OverwritesTakenIds) {
            return Err(StoreError::internal("wrong", "the id is taken").into());
        }
        if self.has(Defect::SelectsThenInserts) {
            meanwhile().await;
            self.table().rows.push(user);
            return Ok(returned);
        }
        if self.has(Defect::InsertsInTwoSteps) {
            let mut half = user.clone();
            half.is_active = !user.is_active;
            self.table().rows.push(half);
            meanwhile().await;
            self.table().rows.retain(|row| row.id != user.id);
        }
        if self.has(Defect::SelectsTheIdFirst) {
            meanwhile().await;
        }
        let mut table = self.table();
        let key = self.key(&user);
        if self.has(Defect::Upserts) {
            table.rows.retain(|row| self.key(row) != key);
        }
        if self.has(Defect::OverwritesTakenIds) || self.has(Defect::SelectsTheIdFirst) {
            table.rows.retain(|row| row.id != user.id);
        }
        if self.is_taken(&table, &user) {
            return Err(InsertUserError::EmailTaken);
        }
        if table.rows.iter().any(|row| row.id == user.id) {
            return Err(StoreError::internal("wrong", "the id is taken").into());
        }
        table.rows.push(user);
        Ok(returned)
    }

    async fn find(&self, id: &String) -> Result<Option<Reader>, StoreError> {
        if let Some(nobody) = self.reach(Defect::FailureIsNobody, None)? {
            return Ok(nobody);
        }
        let is_it = |row: &&Reader| self.is_same_id(Defect::FindsByFoldedId, &row.id, id);
        let found = self.table().rows.iter().find(is_it).cloned();
        Ok(self.reply(self.remembered(id, found)).await)
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<Reader>, StoreError> {
        if let Some(nobody) = self.reach(Defect::FailureIsNobodyByEmail, None)? {
            return Ok(nobody);
        }
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
        Ok(self.reply(self.remembered(email.as_str(), found)).await)
    }

    async fn update(&self, user: &Reader) -> Result<(), UpdateUserError> {
        self.forget();
        if self.reach(Defect::FailureIsConflict, ())?.is_some() {
            return Err(UpdateUserError::Conflict);
        }
        let mut written = user.clone();
        written.revision = user.revision + 1;
        let is_current = |row: &&mut Reader| {
            self.is_same_id(Defect::UpdatesByFoldedId, &row.id, &user.id)
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
            Defect::ForgetsTheRoles => row.roles = old.roles,
            Defect::MergesRoles => row.roles.extend(old.roles),
            Defect::UpdateKeepsTheOldEmail => table.reserved.push(old.email.normalized().clone()),
            Defect::UpdatesEveryone => table
                .rows
                .iter_mut()
                .for_each(|row| row.profile = user.profile.clone()),
            _ => {}
        }
        Ok(())
    }

    async fn delete(&self, id: &String) -> Result<bool, StoreError> {
        self.forget();
        if let Some(wrong) = self.reach(Defect::FailureIsFalse, false)? {
            return Ok(wrong);
        }
        let is_it = |row: &Reader| self.is_same_id(Defect::DeletesByFoldedId, &row.id, id);
        if self.has(Defect::SelectsThenDeletes) {
            let found = self.table().rows.iter().any(is_it);
            meanwhile().await;
            self.table().rows.retain(|row| row.id != *id);
            return Ok(found);
        }
        let Some(at) = self.table().rows.iter().position(is_it) else {
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
        let gone = table.rows.iter().find(|row| is_it(row)).cloned();
        table.rows.retain(|row| !is_it(row));
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
impl ListUsers<String, Name> for WrongUsers {
    async fn list(&self, after: Option<&String>, limit: NonZeroU32) -> Result<Vec<Reader>, StoreError> {
        if let Some(empty) = self.reach(Defect::FailureIsAnEmptyPage, Vec::new())? {
            return Ok(empty);
        }
        let repeats = self.has(Defect::RepeatsTheLastOfAPage);
        let mut rows = self.table().rows.clone();
        rows.retain(|row| after.is_none_or(|after| row.id > *after || (repeats && row.id == *after)));
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        rows.truncate(limit.get() as usize);
        Ok(rows)
    }
}
