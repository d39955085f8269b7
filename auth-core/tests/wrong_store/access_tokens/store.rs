//! A store of tokens with one defect.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use auth_core::{
    AccessToken, AccessTokenStore, ClientInfo, InsertTokenError, ShardTag, StoreError, Subject, TokenDigest,
    TokenId, TokenLookup,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::{Duration, OffsetDateTime, macros::datetime};

use super::Defect;
use crate::meanwhile;

/// What a store that works in pages takes for all.
pub(super) const PAGE: usize = 100;

pub(super) type Token = AccessToken<String>;

/// A table without a unique index: what keeps its promises are the checks here, all but one.
pub(super) struct WrongTokens {
    pub(super) defect: Defect,
    /// `None` where it is out of reach.
    shared: Option<Arc<Mutex<Table>>>,
    cache: Mutex<Cache>,
}

/// What this handle remembers, if it does.
#[derive(Default)]
pub(super) struct Cache {
    tokens: HashMap<TokenDigest, Option<Token>>,
    pub(super) lists: HashMap<String, Vec<Token>>,
}

#[derive(Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Token>,
    index: Vec<TokenDigest>,
    pub(super) deleted: Vec<Token>,
    unread: Option<Option<Token>>,
}

impl WrongTokens {
    pub(super) fn new(defect: Defect) -> Self {
        Self::on(defect, Some(Arc::default()))
    }

    pub(super) fn out_of_reach(defect: Defect) -> Self {
        Self::on(defect, None)
    }

    /// Another handle onto the same table.
    pub(super) fn another(&self) -> Self {
        Self::on(self.defect, self.shared.clone())
    }

    fn on(defect: Defect, shared: Option<Arc<Mutex<Table>>>) -> Self {
        Self {
            defect,
            shared,
            cache: Mutex::default(),
        }
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        let table = self.shared.as_ref().expect("a table");
        table.lock().expect("no panic under the lock")
    }

    pub(super) fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().expect("no panic under the lock")
    }

    /// A process that caches does know what it writes itself.
    fn forget(&self) {
        *self.cache() = Cache::default();
    }

    /// What this handle remembers of the digest, and otherwise what it `found` now.
    fn remembered(&self, digest: TokenDigest, found: Option<Token>) -> Option<Token> {
        let is_kept = match self.defect {
            Defect::CachesTokens => found.is_some(),
            Defect::CachesMisses => found.is_none(),
            _ => return found,
        };
        let mut cache = self.cache();
        match cache.tokens.get(&digest) {
            Some(remembered) => return remembered.clone(),
            None if is_kept => cache.tokens.insert(digest, found.clone()),
            None => None,
        };
        found
    }

    /// What a call comes to that reaches nothing: `wrong` to a store with that `defect`.
    pub(super) fn reach<T>(&self, defect: Defect, wrong: T) -> Result<Option<T>, StoreError> {
        match &self.shared {
            Some(_) => Ok(None),
            None if self.has(defect) => Ok(Some(wrong)),
            None => Err(StoreError::unreachable("wrong", "out of reach")),
        }
    }

    /// Whether a row of `owner` is that of `user`: to a store with the first defect if they share a tag, to one with the
    /// second if their ids are folded to the same.
    pub(super) fn is_owner(
        &self,
        [by_tag, by_folded_id]: [Defect; 2],
        owner: &String,
        user: &String,
    ) -> bool {
        if self.has(by_tag) {
            ShardTag::for_user(owner) == ShardTag::for_user(user)
        } else if self.has(by_folded_id) {
            owner.trim_end().eq_ignore_ascii_case(user.trim_end())
        } else {
            owner == user
        }
    }

    pub(super) fn has(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    fn is_same(&self, a: &TokenDigest, b: &TokenDigest) -> bool {
        let (a, b) = (a.as_bytes(), b.as_bytes());
        match self.defect {
            Defect::IgnoresTheLastByte => a[..31] == b[..31],
            Defect::IgnoresCase => URL_SAFE_NO_PAD
                .encode(a)
                .eq_ignore_ascii_case(&URL_SAFE_NO_PAD.encode(b)),
            Defect::StopsAtZero => a.split(|byte| *byte == 0).next() == b.split(|byte| *byte == 0).next(),
            _ => a == b,
        }
    }

    /// Makes room for one more of the user's tokens, under a cap.
    fn trim(&self, table: &mut Table, user_id: &String, keep: usize) {
        let by = [Defect::CapsByTag, Defect::CapsByFoldedId];
        let owned = |row: &&Token| self.is_owner(by, &row.user_id, user_id) || self.has(Defect::CapsEveryone);
        // Of the same instant the earlier row is the older, as the sort is stable.
        let mut oldest: Vec<_> = table
            .rows
            .iter()
            .filter(owned)
            .map(|row| (row.created_at, row.digest))
            .collect();
        if !self.has(Defect::CapsByInsertion) {
            oldest.sort_by_key(|(created_at, _)| *created_at);
        }
        oldest.truncate(oldest.len().saturating_sub(keep));
        if self.has(Defect::CapsAPage) {
            oldest.truncate(PAGE);
        }
        table
            .rows
            .retain(|row| !oldest.iter().any(|(_, digest)| *digest == row.digest));
    }

    /// Answers with what the call before left unread, if there is something.
    async fn reply(&self, answer: Option<Token>) -> Option<Token> {
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

    /// Removes one row and says whether there was one.
    fn take(&self, doomed: impl Fn(&Token) -> bool) -> bool {
        let mut table = self.table();
        let at = table.rows.iter().position(doomed);
        at.map(|at| table.rows.remove(at)).is_some()
    }

    pub(super) async fn delete_where(&self, doomed: impl Fn(&Token) -> bool + Send) -> bool {
        self.forget();
        if self.has(Defect::SelectsThenDeletes) {
            let found = self.table().rows.iter().any(&doomed);
            meanwhile().await;
            self.table().rows.retain(|row| !doomed(row));
            return found;
        }
        if self.has(Defect::DeletesInTwoSteps) {
            if let Some(row) = self.table().rows.iter_mut().find(|row| doomed(row)) {
                row.epoch = -1;
            }
            meanwhile().await;
        }
        let mut table = self.table();
        let gone = table.rows.iter().find(|row| doomed(row)).cloned();
        match (&gone, self.defect) {
            (_, Defect::DeletesNothing) => {}
            (Some(gone), Defect::DeletesAllOfTheUser) => table.rows.retain(|row| row.user_id != gone.user_id),
            _ => table.rows.retain(|row| !doomed(row)),
        }
        if self.has(Defect::ListsTheDeleted) {
            table.deleted.extend(gone.clone());
        }
        gone.is_some() || self.has(Defect::DeleteIsAlwaysTrue)
    }
}

#[async_trait]
impl AccessTokenStore<String> for WrongTokens {
    async fn insert(&self, token: &Token, cap: Option<NonZeroU32>) -> Result<(), InsertTokenError> {
        self.forget();
        if self.reach(Defect::FailureIsTaken, ())?.is_some() {
            return Err(InsertTokenError::DigestTaken);
        }
        let mut token = token.clone();
        match self.defect {
            Defect::OverwritesPublicIds => self.table().rows.retain(|row| row.id != token.id),
            Defect::EndsIn2038 => {
                token.expires_at = token
                    .expires_at
                    .map(|end| end.min(datetime!(2038-01-19 03:14:07 UTC)));
            }
            Defect::ForgetsTheEpoch => token.epoch = 0,
            Defect::RoundsTheExpiryUp => {
                token.expires_at = token
                    .expires_at
                    .map(|end| end.replace_millisecond(0).expect("0 ms") + Duration::SECOND);
            }
            Defect::ForEverIsACentury => {
                token.expires_at = token
                    .expires_at
                    .or(Some(token.created_at + Duration::days(36_525)));
            }
            _ => {}
        }
        let keep = cap.map(|cap| match (self.defect, cap.get() as usize) {
            (Defect::CapsOneTooMany, cap) => cap,
            (_, cap) => cap - 1,
        });
        if let Some(keep) = keep.filter(|_| self.has(Defect::CapsBeforeItRefuses)) {
            self.trim(&mut self.table(), &token.user_id, keep);
        }
        let is_twin = |row: &Token| self.is_same(&row.digest, &token.digest);
        if self.has(Defect::Upserts) {
            self.table().rows.retain(|row| !is_twin(row));
        }
        if self.table().rows.iter().any(is_twin) {
            return Err(InsertTokenError::DigestTaken);
        }
        match self.defect {
            Defect::SelectsThenInserts => {
                meanwhile().await;
                self.table().rows.push(token);
                return Ok(());
            }
            Defect::CapsThenInserts => {
                if let Some(keep) = keep {
                    self.trim(&mut self.table(), &token.user_id, keep);
                }
                meanwhile().await;
                self.table().rows.push(token);
                return Ok(());
            }
            Defect::WritesTheIndexBack => {
                self.table().rows.push(token.clone());
                let mut read = self.table().index.clone();
                meanwhile().await;
                read.push(token.digest);
                self.table().index = read;
                return Ok(());
            }
            Defect::InsertsInTwoSteps => {
                let mut half = token.clone();
                half.client = ClientInfo::default();
                self.table().rows.push(half);
                meanwhile().await;
                self.table().rows.retain(|row| row.digest != token.digest);
            }
            _ => {}
        }
        let mut table = self.table();
        if table.rows.iter().any(is_twin) {
            return Err(InsertTokenError::DigestTaken);
        }
        let (user_id, inserted_is_capped) = (token.user_id.clone(), self.has(Defect::CapsTheInserted));
        if inserted_is_capped {
            table.rows.push(token.clone());
        }
        if let Some(keep) = keep {
            self.trim(&mut table, &user_id, keep + usize::from(inserted_is_capped));
        }
        if !inserted_is_capped {
            table.rows.push(token);
        }
        Ok(())
    }

    async fn find(&self, key: &TokenLookup) -> Result<Option<Token>, StoreError> {
        if let Some(none) = self.reach(Defect::FailureIsNone, None)? {
            return Ok(none);
        }
        let is_it = |row: &&Token| match self.defect {
            Defect::FindsByTag => key.tag == Some(ShardTag::for_user(&row.user_id)),
            _ => self.is_same(&row.digest, &key.digest),
        };
        let found = self.table().rows.iter().find(is_it).cloned();
        Ok(self.reply(self.remembered(key.digest, found)).await)
    }

    async fn touch(
        &self,
        key: &TokenLookup,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        self.forget();
        if self.reach(Defect::FailureIsDone, ())?.is_some() {
            return Ok(());
        }
        let found = self
            .table()
            .rows
            .iter()
            .find(|row| row.digest == key.digest)
            .cloned();
        let Some(found) = found else {
            if self.has(Defect::TouchInserts) {
                self.table().rows.push(AccessToken::new(
                    TokenId::generate(),
                    key.digest,
                    Subject {
                        user_id: String::new(),
                        epoch: 0,
                    },
                    at,
                ));
            }
            return Ok(());
        };
        let mut touched = found.clone();
        touched.last_used_at = at;
        touched.expires_at = match self.defect {
            Defect::TouchExtends => Some(at + Duration::WEEK),
            _ => expires_at,
        };
        if self.has(Defect::TouchWritesBack) || self.has(Defect::TouchDeletesFirst) {
            if self.has(Defect::TouchDeletesFirst) {
                self.table().rows.retain(|row| row.digest != key.digest);
            }
            meanwhile().await;
            let mut table = self.table();
            table.rows.retain(|row| row.digest != key.digest);
            table.rows.push(touched);
            return Ok(());
        }
        if let Some(row) = self.table().rows.iter_mut().find(|row| row.digest == key.digest) {
            *row = touched;
        }
        Ok(())
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        if let Some(wrong) = self.reach(Defect::FailureIsFalse, false)? {
            return Ok(wrong);
        }
        Ok(self
            .delete_where(|row| self.is_same(&row.digest, &key.digest))
            .await)
    }

    async fn delete_all(&self, user_id: &String) -> Result<u64, StoreError> {
        self.forget();
        if let Some(wrong) = self.reach(Defect::FailureIsZero, 0)? {
            return Ok(wrong);
        }
        let by = [Defect::DeletesByTag, Defect::DeletesByFoldedId];
        let is_theirs =
            |row: &Token| self.is_owner(by, &row.user_id, user_id) || self.has(Defect::DeletesEveryones);
        if self.has(Defect::DeletesOneByOne) {
            let mut count = 0;
            while self.take(is_theirs) {
                count += 1;
                meanwhile().await;
            }
            return Ok(count);
        }
        let mut table = self.table();
        let before = table.rows.len();
        let index = table.index.clone();
        let mut spared = u32::from(self.has(Defect::DeletesAllButOne));
        let mut left = if self.has(Defect::DeletesAPage) {
            PAGE
        } else {
            usize::MAX
        };
        table.rows.retain(|row| {
            let goes =
                is_theirs(row) && (!self.has(Defect::WritesTheIndexBack) || index.contains(&row.digest));
            let stays = !goes || spared > 0 || left == 0;
            spared = spared.saturating_sub(u32::from(goes));
            left -= usize::from(!stays);
            stays
        });
        Ok((before - table.rows.len()) as u64)
    }
}
