//! A store of tokens with one defect.

use std::collections::HashMap;

use async_trait::async_trait;
use auth_core::{
    AccessToken, AccessTokenStore, Cap, ClientInfo, Generation, InsertTokenError, Provenance, ShardTag,
    StoreError, Subject, TokenDigest, TokenId, TokenLookup,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::{Duration, OffsetDateTime, macros::datetime};

use super::Defect;
use crate::{handle::Handle, meanwhile};

/// What a store that works in pages takes for all.
pub(super) const PAGE: usize = 100;

pub(super) type Token = AccessToken<String>;

pub(super) type WrongTokens = Handle<Defect, Table, Cache>;

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
    /// Each row as it was inserted.
    pub(super) first: HashMap<TokenDigest, Token>,
    unread: Option<Option<Token>>,
}

impl WrongTokens {
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

    /// What a call inserts that should find a row.
    pub(super) fn made_up(&self, key: &TokenLookup, at: OffsetDateTime) -> Token {
        let nobody = Subject::new(String::new(), 0);
        AccessToken::new(TokenId::generate(), key.digest, nobody, at)
    }

    /// Puts `row` in the place of what was read before.
    pub(super) fn write_back(&self, row: Token) {
        let mut table = self.table();
        table.rows.retain(|other| other.digest != row.digest);
        table.rows.push(row);
    }

    pub(super) fn row(&self, key: &TokenLookup) -> Option<Token> {
        let table = self.table();
        table.rows.iter().find(|row| row.digest == key.digest).cloned()
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
    async fn insert(&self, token: &Token, cap: Option<Cap>) -> Result<(), InsertTokenError> {
        self.forget();
        if self.reach(Defect::FailureIsTaken, ())?.is_some() {
            return Err(InsertTokenError::DigestTaken);
        }
        let mut token = token.clone();
        if !self.has(Defect::KeepsTheUser) {
            token.provenance = Provenance::default();
        }
        match self.defect {
            Defect::OverwritesPublicIds => self.table().rows.retain(|row| row.id != token.id),
            Defect::EndsIn2038 => {
                token.expires_at = token
                    .expires_at
                    .map(|end| end.min(datetime!(2038-01-19 03:14:07 UTC)));
            }
            Defect::ForgetsTheEpoch => token.epoch = 0,
            Defect::ForgetsTheBackend => token.backend.clear(),
            Defect::ForgetsTheActor => token.actor = None,
            Defect::ForgetsTheGenerations => token.access_generation = Generation::FIRST,
            Defect::ForgetsTheAbsoluteLimit => token.absolute_expires_at = None,
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
        let keep = cap.map(|cap| match (self.defect, cap.others() as usize) {
            (Defect::CapsOneTooMany, others) => others + 1,
            (Defect::CapGrowsByTheReplaced, others) => others + usize::from(cap.replaced.is_some()),
            (_, others) => others,
        });
        let replaced = cap.and_then(|cap| cap.replaced);
        if let Some(keep) = keep.filter(|_| self.has(Defect::CapsBeforeItRefuses)) {
            self.trim(&mut self.table(), &token, keep, replaced);
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
                    self.trim(&mut self.table(), &token, keep, replaced);
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
        let inserted_is_capped = self.has(Defect::CapsTheInserted);
        if inserted_is_capped {
            table.rows.push(token.clone());
        }
        if let Some(keep) = keep {
            let keep = keep + usize::from(inserted_is_capped);
            self.trim(&mut table, &token, keep, replaced);
        }
        table.first.insert(token.digest, token.clone());
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
        if self.reach(Defect::FailureIsDone, ())?.is_none() {
            self.touch_row(key, at, expires_at).await;
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
