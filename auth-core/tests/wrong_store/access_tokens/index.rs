//! Its lists, and what it purges.

use std::cmp::Reverse;

use async_trait::async_trait;
use auth_core::{AccessTokenIndex, PurgeExpired, StoreError, TokenId};
use time::OffsetDateTime;

use super::{
    Defect,
    store::{PAGE, Token, WrongTokens},
};

#[async_trait]
impl AccessTokenIndex<String> for WrongTokens {
    async fn list(&self, user_id: &String, epoch: i64) -> Result<Vec<Token>, StoreError> {
        if let Some(empty) = self.reach(Defect::FailureIsAnEmptyList, Vec::new())? {
            return Ok(empty);
        }
        let table = self.table();
        let rows = table.rows.iter().chain(&table.deleted);
        let is_listed = |row: &&Token| {
            let is_theirs = self.is_owner(
                [Defect::ListsByTag, Defect::ListsByFoldedId],
                &row.user_id,
                user_id,
            );
            is_theirs && (row.epoch == epoch || self.has(Defect::ListsEveryEpoch))
        };
        let mut list: Vec<_> = rows.filter(is_listed).cloned().collect();
        match self.defect {
            Defect::ListsTheOldestFirst => list.sort_by_key(|row| row.created_at),
            _ => list.sort_by_key(|row| Reverse(row.created_at)),
        }
        if self.has(Defect::ListsAPage) {
            list.truncate(PAGE);
        }
        if self.has(Defect::StepsBehindTheList) {
            list = list
                .into_iter()
                .filter_map(|row| table.first.get(&row.digest).cloned())
                .collect();
        }
        if self.has(Defect::CachesLists) {
            list = self.cache().lists.entry(user_id.clone()).or_insert(list).clone();
        }
        Ok(list)
    }

    async fn delete_by_id(&self, user_id: &String, id: TokenId) -> Result<bool, StoreError> {
        let is_it = |row: &Token| {
            let is_theirs = self.is_owner([Defect::EndsByTag, Defect::EndsByFoldedId], &row.user_id, user_id);
            row.id == id && (is_theirs || self.has(Defect::DeletesByIdAlone))
        };
        if let Some(wrong) = self.reach(Defect::FailureIsFalse, false)? {
            return Ok(wrong);
        }
        Ok(self.delete_where(is_it).await)
    }
}

#[async_trait]
impl PurgeExpired for WrongTokens {
    async fn purge_expired(&self, now: OffsetDateTime, limit: u32) -> Result<u64, StoreError> {
        if let Some(wrong) = self.reach(Defect::FailureIsZero, 0)? {
            return Ok(wrong);
        }
        let first = self.table().first.clone();
        let end = |row: &Token| match self.defect {
            Defect::PurgesByTheFirstExpiry => first[&row.digest].expires_at,
            _ => row.expires_at,
        };
        let is_dead = |row: &Token| match (self.defect, end(row)) {
            (Defect::PurgesLate, Some(end)) => end < now,
            (Defect::PurgesTheEternal, None) => true,
            (_, end) => end.is_some_and(|end| end <= now),
        };
        let mut left = match self.defect {
            Defect::PurgesWithoutLimit => u32::MAX,
            Defect::PurgesAPage => limit.min(PAGE as u32),
            _ => limit,
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
