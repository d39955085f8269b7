//! What notes a use.

use auth_core::TokenLookup;
use time::{Duration, OffsetDateTime};

use super::{
    Defect,
    store::{Token, WrongTokens},
};
use crate::meanwhile;

impl WrongTokens {
    pub(super) async fn touch_row(
        &self,
        key: &TokenLookup,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) {
        let touch = |row: &mut Token| {
            row.last_used_at = at;
            row.expires_at = match self.defect {
                Defect::TouchExtends => Some(at + Duration::WEEK),
                Defect::TouchLeavesTheExpiry => row.expires_at,
                _ => expires_at,
            };
        };
        if self.has(Defect::TouchWritesBack) || self.has(Defect::TouchDeletesFirst) {
            let Some(mut row) = self.row(key) else { return };
            if self.has(Defect::TouchDeletesFirst) {
                self.table().rows.retain(|row| row.digest != key.digest);
            }
            meanwhile().await;
            touch(&mut row);
            self.write_back(row);
            return;
        }
        let mut table = self.table();
        match table.rows.iter_mut().find(|row| row.digest == key.digest) {
            Some(row) if row.is_live(at) || self.has(Defect::TouchRevives) => touch(row),
            None if self.has(Defect::TouchInserts) => table.rows.push(self.made_up(key, at)),
            _ => {}
        }
    }
}
