use std::{
    cmp::Reverse,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use auth_core::{
    AccessToken, AccessTokenIndex, AccessTokenStore, ClientInfo, InsertTokenError, PublicId, PurgeExpired,
    ShardTag, StoreError, TokenDigest, TokenKey, conformance::AccessTokenFixture,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use crate::meanwhile;

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
    ListsTheDeleted,
    DeletesByIdAlone,
    PurgesLate,
    PurgesTheEternal,
    PurgesWithoutLimit,
}

/// A table without a unique index: what keeps its promises are the checks here, all but one.
struct WrongTokens {
    defect: Defect,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    rows: Vec<AccessToken>,
    index: Vec<TokenDigest>,
    deleted: Vec<AccessToken>,
    unread: Option<Option<AccessToken>>,
}

impl WrongTokens {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no panic under the lock")
    }

    fn has(&self, defect: Defect) -> bool {
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
    fn trim(&self, table: &mut Table, user_id: Uuid, keep: usize) {
        let owned = |row: &&AccessToken| row.user_id == user_id || self.has(Defect::CapsEveryone);
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
        table
            .rows
            .retain(|row| !oldest.iter().any(|(_, digest)| *digest == row.digest));
    }

    /// Answers with what the call before left unread, if there is something.
    async fn reply(&self, answer: Option<AccessToken>) -> Option<AccessToken> {
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
    fn take(&self, doomed: impl Fn(&AccessToken) -> bool) -> bool {
        let mut table = self.table();
        let at = table.rows.iter().position(doomed);
        at.map(|at| table.rows.remove(at)).is_some()
    }

    async fn delete_where(&self, doomed: impl Fn(&AccessToken) -> bool + Send) -> bool {
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
impl AccessTokenStore for WrongTokens {
    async fn insert(&self, token: &AccessToken, cap: Option<NonZeroU32>) -> Result<(), InsertTokenError> {
        let mut token = token.clone();
        match self.defect {
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
            self.trim(&mut self.table(), token.user_id, keep);
        }
        let is_twin = |row: &AccessToken| self.is_same(&row.digest, &token.digest);
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
                    self.trim(&mut self.table(), token.user_id, keep);
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
                let half = AccessToken {
                    client: ClientInfo::default(),
                    ..token.clone()
                };
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
        let (user_id, inserted_is_capped) = (token.user_id, self.has(Defect::CapsTheInserted));
        if inserted_is_capped {
            table.rows.push(token.clone());
        }
        if let Some(keep) = keep {
            self.trim(&mut table, user_id, keep + usize::from(inserted_is_capped));
        }
        if !inserted_is_capped {
            table.rows.push(token);
        }
        Ok(())
    }

    async fn find(&self, key: &TokenKey) -> Result<Option<AccessToken>, StoreError> {
        let is_it = |row: &&AccessToken| match self.defect {
            Defect::FindsByTag => key.tag == Some(ShardTag::of(&row.user_id)),
            _ => self.is_same(&row.digest, &key.digest),
        };
        let found = self.table().rows.iter().find(is_it).cloned();
        Ok(self.reply(found).await)
    }

    async fn touch(&self, key: &TokenKey, at: OffsetDateTime) -> Result<(), StoreError> {
        let found = self
            .table()
            .rows
            .iter()
            .find(|row| row.digest == key.digest)
            .cloned();
        let Some(found) = found else {
            if self.has(Defect::TouchInserts) {
                self.table().rows.push(AccessToken {
                    id: PublicId::generate(),
                    digest: key.digest,
                    user_id: Uuid::nil(),
                    epoch: 0,
                    created_at: at,
                    expires_at: None,
                    last_used_at: at,
                    client: ClientInfo::default(),
                });
            }
            return Ok(());
        };
        let touched = AccessToken {
            last_used_at: at,
            expires_at: match self.defect {
                Defect::TouchExtends => Some(at + Duration::WEEK),
                _ => found.expires_at,
            },
            ..found
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

    async fn delete(&self, key: &TokenKey) -> Result<bool, StoreError> {
        Ok(self
            .delete_where(|row| self.is_same(&row.digest, &key.digest))
            .await)
    }

    async fn delete_all(&self, user_id: &Uuid) -> Result<u64, StoreError> {
        let is_theirs = |row: &AccessToken| row.user_id == *user_id || self.has(Defect::DeletesEveryones);
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
        table.rows.retain(|row| {
            let goes =
                is_theirs(row) && (!self.has(Defect::WritesTheIndexBack) || index.contains(&row.digest));
            let stays = !goes || spared > 0;
            spared = spared.saturating_sub(u32::from(goes));
            stays
        });
        Ok((before - table.rows.len()) as u64)
    }
}

#[async_trait]
impl AccessTokenIndex for WrongTokens {
    async fn list(&self, user_id: &Uuid) -> Result<Vec<AccessToken>, StoreError> {
        let table = self.table();
        let rows = table.rows.iter().chain(&table.deleted);
        let mut list: Vec<_> = rows.filter(|row| row.user_id == *user_id).cloned().collect();
        match self.defect {
            Defect::ListsTheOldestFirst => list.sort_by_key(|row| row.created_at),
            _ => list.sort_by_key(|row| Reverse(row.created_at)),
        }
        Ok(list)
    }

    async fn delete_by_id(&self, user_id: &Uuid, id: PublicId) -> Result<bool, StoreError> {
        let is_it = |row: &AccessToken| {
            row.id == id && (row.user_id == *user_id || self.has(Defect::DeletesByIdAlone))
        };
        Ok(self.delete_where(is_it).await)
    }
}

#[async_trait]
impl PurgeExpired for WrongTokens {
    async fn purge_expired(&self, now: OffsetDateTime, limit: u32) -> Result<u64, StoreError> {
        let is_dead = |row: &AccessToken| match (self.defect, row.expires_at) {
            (Defect::PurgesLate, Some(end)) => end < now,
            (Defect::PurgesTheEternal, None) => true,
            (_, end) => end.is_some_and(|end| end <= now),
        };
        let mut left = if self.has(Defect::PurgesWithoutLimit) {
            u32::MAX
        } else {
            limit
        };
        let mut table = self.table();
        let before = table.rows.len();
        table.rows.retain(|row| {
            let goes = left > 0 && is_dead(row);
            left -= u32::from(goes);
            !goes
        });
        Ok((before - table.rows.len()) as u64)
    }
}

struct Tokens(Arc<WrongTokens>);

impl Tokens {
    fn new(defect: Defect) -> Self {
        Self(Arc::new(WrongTokens {
            defect,
            table: Mutex::default(),
        }))
    }
}

impl AccessTokenFixture for Tokens {
    type Id = Uuid;
    type Store = WrongTokens;

    fn store(&self) -> Arc<WrongTokens> {
        Arc::clone(&self.0)
    }

    async fn user(&self) -> Uuid {
        Uuid::now_v7()
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
        only_the_exact_digest_is_found: IgnoresTheLastByte, IgnoresCase, FindsByTag;
        digests_of_any_bytes_are_told_apart: StopsAtZero, IgnoresTheLastByte;
        a_cap_keeps_the_newest_tokens: CapsOneTooMany, CapsByInsertion;
        a_cap_never_removes_the_inserted_token: CapsTheInserted;
        a_cap_leaves_other_users_alone: CapsEveryone;
        a_cap_holds_under_parallel_insertions: CapsThenInserts, CapsOneTooMany;
        a_touch_sets_the_last_use_alone: TouchExtends;
        a_touch_of_an_unknown_token_inserts_nothing: TouchInserts;
        a_touch_never_brings_a_deleted_token_back: TouchWritesBack, TouchInserts;
        a_deleted_token_is_gone: DeletesNothing, DeleteIsAlwaysTrue;
        a_deletion_leaves_the_other_tokens: DeletesAllOfTheUser;
        of_parallel_deletions_exactly_one_finds_the_token: SelectsThenDeletes;
        deleting_all_removes_the_users_tokens_and_counts_them: DeletesAllButOne;
        deleting_all_leaves_other_users_alone: DeletesEveryones;
        deleting_all_wins_over_parallel_insertions: DeletesAllButOne, WritesTheIndexBack;
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
        a_list_follows_every_change: ListsTheDeleted;
        a_token_deleted_by_its_id_is_gone: DeletesNothing, ListsTheDeleted, DeletesAllOfTheUser, DeleteIsAlwaysTrue;
        another_users_token_is_not_deleted_by_its_id: DeletesByIdAlone;
        a_cancelled_deletion_by_id_is_whole_or_absent: DeletesInTwoSteps;
    } }

    crate::breaks! { purge_expired, Tokens {
        a_purge_removes_what_has_expired_alone: PurgesLate, PurgesTheEternal;
        a_purge_removes_no_more_than_its_limit: PurgesWithoutLimit;
    } }
}
