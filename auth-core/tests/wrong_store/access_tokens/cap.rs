//! What makes room under a cap.

use auth_core::TokenDigest;

use super::{
    Defect,
    store::{PAGE, Table, Token, WrongTokens},
};

impl WrongTokens {
    /// Makes room for one more `token`, of which `keep` others stay beside the `replaced` one.
    pub(super) fn trim(&self, table: &mut Table, token: &Token, keep: usize, replaced: Option<TokenDigest>) {
        let replaced = match self.defect {
            Defect::CapCountsTheReplaced | Defect::CapGrowsByTheReplaced => None,
            Defect::CapRemovesTheReplaced => {
                table.rows.retain(|row| Some(row.digest) != replaced);
                None
            }
            _ => replaced,
        };
        // Of the same instant the earlier row is the older, as the sort is stable.
        let mut oldest: Vec<_> = table
            .rows
            .iter()
            .filter(|row| self.is_counted(row, token) && Some(row.digest) != replaced)
            .map(|row| (self.is_live(row, token), row.created_at, row.digest))
            .collect();
        if !self.has(Defect::CapsByInsertion) {
            oldest.sort_by_key(|(is_live, created_at, _)| (*is_live, *created_at));
        }
        oldest.truncate(oldest.len().saturating_sub(keep));
        if self.has(Defect::CapsAPage) {
            oldest.truncate(PAGE);
        }
        table
            .rows
            .retain(|row| !oldest.iter().any(|(_, _, digest)| *digest == row.digest));
    }

    /// Whether `row` goes only after those that have expired.
    fn is_live(&self, row: &Token, token: &Token) -> bool {
        match self.defect {
            Defect::CapKeepsTheExpired => true,
            Defect::CapKeepsTheJustExpired => row.expires_at.is_none_or(|end| token.created_at <= end),
            _ => row.is_live(token.created_at),
        }
    }

    fn is_counted(&self, row: &Token, token: &Token) -> bool {
        let by = [Defect::CapsByTag, Defect::CapsByFoldedId];
        let is_owned = self.is_owner(by, &row.user_id, &token.user_id) || self.has(Defect::CapsEveryone);
        let (backend, own) = (row.backend.as_str(), token.backend.as_str());
        let is_of_backend = match self.defect {
            Defect::CapsEveryBackend => true,
            Defect::CapsItsBackendAlone => backend == own,
            Defect::CapsByFoldedBackend => backend.trim_end().eq_ignore_ascii_case(own),
            _ => backend == own || backend.is_empty(),
        };
        is_owned && is_of_backend
    }
}
