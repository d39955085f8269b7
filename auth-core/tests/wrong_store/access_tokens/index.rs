//! Its lists, and what it purges.

use std::cmp::Reverse;

use async_trait::async_trait;
use auth_core::{AccessToken, AccessTokenIndex, PublicId, PurgeExpired, StoreError};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Defect, store::WrongTokens};

#[async_trait]
impl AccessTokenIndex for WrongTokens {
    async fn list(&self, user_id: &Uuid, epoch: i64) -> Result<Vec<AccessToken>, StoreError> {
        let table = self.table();
        let rows = table.rows.iter().chain(&table.deleted);
        let is_listed = |row: &&AccessToken| {
            row.user_id == *user_id && (row.epoch == epoch || self.has(Defect::ListsEveryEpoch))
        };
        let mut list: Vec<_> = rows.filter(is_listed).cloned().collect();
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
