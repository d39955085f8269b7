//! A session in the place of another.

use auth_core::{InsertTokenError, Predecessor, SessionWrite, TokenLookup};

use super::{Session, WrongSessions};
use crate::{meanwhile, sessions::Defect};

impl WrongSessions {
    pub(super) async fn replace(
        &self,
        key: &TokenLookup,
        session: &Session,
        old: &Predecessor,
    ) -> Result<SessionWrite, InsertTokenError> {
        if self.has(Defect::SelectsThenReplaces) {
            let is_there = self.table().row(old.key.digest).is_some();
            meanwhile().await;
            if is_there {
                let mut table = self.table();
                table.remove(old.key.digest);
                table.put(key.digest, session.clone());
                return Ok(SessionWrite::Done);
            }
        }
        let mut table = self.table();
        let taken = table.row(key.digest).cloned();
        let is_repeated = table.replaced.contains(&key.digest);
        match table.row(old.key.digest) {
            None if self.has(Defect::ReplacesNone) => {}
            None if is_repeated && self.has(Defect::ReplacesTwice) => {}
            None if taken.as_ref() == Some(session) && !self.has(Defect::ForgetsWhatItReplaced) => {
                return Ok(SessionWrite::Done);
            }
            None => return Ok(SessionWrite::Gone),
            Some(stored) => {
                let is_another = old.revision.is_some_and(|revision| revision != stored.revision);
                if is_another && !self.has(Defect::ReplacesAnyRevision) {
                    return Ok(SessionWrite::Conflict);
                }
            }
        }
        if self.has(Defect::ReplacesBeforeItInserts) {
            table.remove(old.key.digest);
        }
        if taken.is_some_and(|taken| taken != *session) {
            return Err(InsertTokenError::DigestTaken);
        }
        if !self.has(Defect::LeavesThePredecessor) {
            table.remove(old.key.digest);
        }
        table.put(key.digest, session.clone());
        table.replaced.push(key.digest);
        Ok(SessionWrite::Done)
    }
}
