//! What makes room under a cap.

use super::{
    Defect,
    store::{PAGE, Table, Token, WrongTokens},
};

impl WrongTokens {
    /// Makes room for one more `token`, of which `keep` others stay.
    pub(super) fn trim(&self, table: &mut Table, token: &Token, keep: usize) {
        // Of the same instant the earlier row is the older, as the sort is stable.
        let mut oldest: Vec<_> = table
            .rows
            .iter()
            .filter(|row| self.is_counted(row, token))
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
