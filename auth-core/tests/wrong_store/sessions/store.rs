//! A store of sessions with one defect.

mod replace;

use std::collections::HashMap;

use async_trait::async_trait;
use auth_core::{
    InsertTokenError, Predecessor, PurgeExpired, SessionChange, SessionStore, SessionWrite, ShardTag,
    StoreError, StoredSession, TokenDigest, TokenLookup,
};
use time::{Duration, OffsetDateTime};

use super::Defect;
use crate::{handle::Handle, meanwhile};

/// What a store that works in pages takes for all.
const PAGE: usize = 100;

pub(super) type Session = StoredSession<String>;

/// It remembers what it loaded, if it does.
pub(super) type WrongSessions = Handle<Defect, Table, HashMap<TokenDigest, Option<Session>>>;

#[derive(Default)]
pub(super) struct Table {
    rows: Vec<(TokenDigest, Session)>,
    index: Vec<TokenDigest>,
    /// The keys of sessions that took the place of others.
    replaced: Vec<TokenDigest>,
    unread: Option<Option<Session>>,
}

impl Table {
    fn row(&mut self, digest: TokenDigest) -> Option<&mut Session> {
        let mut rows = self.rows.iter_mut();
        rows.find(|(of, _)| *of == digest).map(|(_, session)| session)
    }

    fn remove(&mut self, digest: TokenDigest) {
        self.rows.retain(|(of, _)| *of != digest);
    }

    fn put(&mut self, digest: TokenDigest, session: Session) {
        self.remove(digest);
        self.rows.push((digest, session));
    }
}

fn owner(session: &Session) -> Option<&String> {
    session.subject.as_ref().map(|subject| &subject.user_id)
}

impl WrongSessions {
    /// The digest of the row that `key` leads to.
    fn found(&self, key: &TokenLookup) -> Option<TokenDigest> {
        let is_it = |digest: &TokenDigest| match self.defect {
            Defect::IgnoresTheLastByte => digest.as_bytes()[..31] == key.digest.as_bytes()[..31],
            _ => *digest == key.digest,
        };
        let table = self.table();
        let mut digests = table.rows.iter().map(|(digest, _)| *digest);
        digests.find(is_it)
    }

    fn kept(&self, data: &str) -> String {
        match self.defect {
            Defect::NormalizesJson => data.trim().replace(" :", ":"),
            Defect::CutsData => data.chars().take(4000).collect(),
            _ => data.to_owned(),
        }
    }

    /// What this handle remembers of the digest, and otherwise what it `found` now.
    fn remembered(&self, digest: TokenDigest, found: Option<Session>) -> Option<Session> {
        let is_kept = match self.defect {
            Defect::CachesSessions => found.is_some(),
            Defect::CachesMisses => found.is_none(),
            _ => return found,
        };
        let mut cache = self.cache();
        match cache.get(&digest) {
            Some(remembered) => return remembered.clone(),
            None if is_kept => cache.insert(digest, found.clone()),
            None => None,
        };
        found
    }

    /// Answers with what the call before left unread, if there is something.
    async fn reply(&self, answer: Option<Session>) -> Option<Session> {
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

    fn is_another(&self, revision: Option<i64>, session: &Session) -> bool {
        match self.defect {
            Defect::DemandsARevision => session.revision != revision.unwrap_or_default(),
            Defect::IgnoresTheRevision => false,
            _ => revision.is_some_and(|revision| revision != session.revision),
        }
    }

    fn changed(&self, session: &Session, change: &SessionChange) -> Session {
        let mut session = session.clone();
        if let Some(data) = &change.data {
            session.data = self.kept(data);
        }
        let counts = change.data.is_some() || self.has(Defect::SlideCounts);
        session.revision += i64::from(counts && !self.has(Defect::KeepsTheRevision));
        session.last_used_at = change.at;
        session.expires_at = match self.defect {
            Defect::NeverShortens => change.expires_at.max(session.expires_at),
            _ => change.expires_at,
        };
        session
    }

    fn is_theirs(&self, session: &Session, user_id: &String) -> bool {
        let Some(owner) = owner(session) else {
            return self.has(Defect::DeletesVisitors);
        };
        match self.defect {
            Defect::DeletesByTag => ShardTag::for_user(owner) == ShardTag::for_user(user_id),
            Defect::DeletesByFoldedId => owner.trim_end().eq_ignore_ascii_case(user_id.trim_end()),
            Defect::DeletesEveryones => true,
            _ => owner == user_id,
        }
    }
}

#[async_trait]
impl SessionStore<String> for WrongSessions {
    async fn create(
        &self,
        key: &TokenLookup,
        session: &Session,
        predecessor: Option<&Predecessor>,
    ) -> Result<SessionWrite, InsertTokenError> {
        self.forget();
        if self.reach(Defect::FailureIsTaken, ())?.is_some() {
            return Err(InsertTokenError::DigestTaken);
        }
        if let Some(old) = predecessor {
            return self.replace(key, session, old).await;
        }
        let mut session = session.clone();
        session.data = self.kept(&session.data);
        match self.defect {
            Defect::ForgetsTheEpoch => {
                if let Some(subject) = &mut session.subject {
                    subject.epoch = 0;
                }
            }
            Defect::RoundsTheExpiryUp => {
                let up = |end: OffsetDateTime| end.replace_millisecond(0).expect("0 ms") + Duration::SECOND;
                session.expires_at = session.expires_at.map(up);
            }
            Defect::ForEverIsACentury => {
                let century = session.created_at + Duration::days(36_525);
                session.expires_at = session.expires_at.or(Some(century));
            }
            _ => {}
        }
        if self.has(Defect::Upserts) {
            self.table().put(key.digest, session);
            return Ok(SessionWrite::Done);
        }
        if self.table().row(key.digest).is_some() {
            return Err(InsertTokenError::DigestTaken);
        }
        match self.defect {
            Defect::SelectsThenInserts => {
                meanwhile().await;
                self.table().put(key.digest, session);
                return Ok(SessionWrite::Done);
            }
            Defect::WritesTheIndexBack => {
                self.table().put(key.digest, session);
                let mut read = self.table().index.clone();
                meanwhile().await;
                read.push(key.digest);
                self.table().index = read;
                return Ok(SessionWrite::Done);
            }
            Defect::CreatesInTwoSteps => {
                let half = Session::new(session.data.clone(), session.created_at);
                self.table().put(key.digest, half);
                meanwhile().await;
                self.table().put(key.digest, session);
                return Ok(SessionWrite::Done);
            }
            _ => {}
        }
        let mut table = self.table();
        if table.row(key.digest).is_some() {
            return Err(InsertTokenError::DigestTaken);
        }
        table.put(key.digest, session);
        Ok(SessionWrite::Done)
    }

    async fn load(&self, key: &TokenLookup) -> Result<Option<Session>, StoreError> {
        if let Some(none) = self.reach(Defect::FailureIsNone, None)? {
            return Ok(none);
        }
        let digest = self.found(key);
        let found = digest.and_then(|digest| self.table().row(digest).cloned());
        Ok(self.reply(self.remembered(key.digest, found)).await)
    }

    async fn save(&self, key: &TokenLookup, change: &SessionChange) -> Result<SessionWrite, StoreError> {
        self.forget();
        let failure = match self.defect {
            Defect::FailureIsGone => SessionWrite::Gone,
            _ => SessionWrite::Done,
        };
        let defect = match self.defect {
            Defect::FailureIsGone => Defect::FailureIsGone,
            _ => Defect::FailureIsDone,
        };
        if let Some(wrong) = self.reach(defect, failure)? {
            return Ok(wrong);
        }
        let Some(digest) = self.found(key) else {
            if self.has(Defect::SaveInserts) {
                let data = change.data.clone().unwrap_or_default();
                self.table().put(key.digest, Session::new(data, change.at));
                return Ok(SessionWrite::Done);
            }
            return Ok(SessionWrite::Gone);
        };
        let read = self.table().row(digest).cloned();
        let Some(read) = read.filter(|read| read.is_live(change.at) || self.has(Defect::SaveRevives)) else {
            return Ok(SessionWrite::Gone);
        };
        if self.is_another(change.revision, &read) {
            if self.has(Defect::ConflictMovesTheLimit)
                && let Some(row) = self.table().row(digest)
            {
                row.expires_at = change.expires_at;
            }
            return Ok(SessionWrite::Conflict);
        }
        match self.defect {
            Defect::SelectsThenSaves => {
                meanwhile().await;
                let mut table = self.table();
                let Some(row) = table.row(digest) else {
                    return Ok(SessionWrite::Gone);
                };
                *row = self.changed(&read, change);
                return Ok(SessionWrite::Done);
            }
            Defect::SaveWritesBack => {
                meanwhile().await;
                self.table().put(digest, self.changed(&read, change));
                return Ok(SessionWrite::Done);
            }
            Defect::SavesInTwoSteps => {
                if let (Some(row), Some(data)) = (self.table().row(digest), &change.data) {
                    row.data.clone_from(data);
                }
                meanwhile().await;
            }
            _ => {}
        }
        let mut table = self.table();
        if self.has(Defect::SavesAllOfTheUser) {
            for (_, row) in &mut table.rows {
                if owner(row) == owner(&read) {
                    *row = self.changed(row, change);
                }
            }
            return Ok(SessionWrite::Done);
        }
        let Some(row) = table.row(digest) else {
            return Ok(SessionWrite::Gone);
        };
        if self.is_another(change.revision, row) {
            return Ok(SessionWrite::Conflict);
        }
        *row = self.changed(row, change);
        Ok(SessionWrite::Done)
    }

    async fn delete(&self, key: &TokenLookup, revision: Option<i64>) -> Result<SessionWrite, StoreError> {
        self.forget();
        if let Some(wrong) = self.reach(Defect::FailureIsDone, SessionWrite::Done)? {
            return Ok(wrong);
        }
        let absent = match self.defect {
            Defect::DeleteIsAlwaysDone => SessionWrite::Done,
            _ => SessionWrite::Gone,
        };
        let Some(digest) = self.found(key) else {
            return Ok(absent);
        };
        let Some(read) = self.table().row(digest).cloned() else {
            return Ok(absent);
        };
        if self.is_another(revision, &read) && !self.has(Defect::DeletesAnyRevision) {
            return Ok(SessionWrite::Conflict);
        }
        match self.defect {
            Defect::DeletesNothing => return Ok(SessionWrite::Done),
            Defect::DeletesAllOfTheUser => {
                self.table().rows.retain(|(_, row)| owner(row) != owner(&read));
                return Ok(SessionWrite::Done);
            }
            Defect::SelectsThenDeletes => {
                meanwhile().await;
                self.table().remove(digest);
                return Ok(SessionWrite::Done);
            }
            Defect::DeletesInTwoSteps => {
                if let Some(row) = self.table().row(digest) {
                    row.revision = -1;
                }
                meanwhile().await;
            }
            _ => {}
        }
        let mut table = self.table();
        let there = table.row(digest).is_some();
        table.remove(digest);
        Ok(if there { SessionWrite::Done } else { absent })
    }

    async fn delete_all(&self, user_id: &String) -> Result<u64, StoreError> {
        self.forget();
        if let Some(wrong) = self.reach(Defect::FailureIsZero, 0)? {
            return Ok(wrong);
        }
        if self.has(Defect::DeletesOneByOne) {
            let mut count = 0;
            loop {
                let theirs = |(_, row): &(TokenDigest, Session)| self.is_theirs(row, user_id);
                let next = self.table().rows.iter().position(theirs);
                let Some(at) = next else {
                    return Ok(count);
                };
                self.table().rows.remove(at);
                count += 1;
                meanwhile().await;
            }
        }
        let mut table = self.table();
        let before = table.rows.len();
        let index = table.index.clone();
        let mut spared = u32::from(self.has(Defect::DeletesAllButOne));
        let mut left = match self.defect {
            Defect::DeletesAPage => PAGE,
            _ => usize::MAX,
        };
        table.rows.retain(|(digest, row)| {
            let is_indexed = !self.has(Defect::WritesTheIndexBack) || index.contains(digest);
            let goes = self.is_theirs(row, user_id) && is_indexed;
            let stays = !goes || spared > 0 || left == 0;
            spared = spared.saturating_sub(u32::from(goes));
            left -= usize::from(!stays);
            stays
        });
        Ok((before - table.rows.len()) as u64)
    }
}

#[async_trait]
impl PurgeExpired for WrongSessions {
    async fn purge_expired(&self, now: OffsetDateTime, limit: u32) -> Result<u64, StoreError> {
        if let Some(wrong) = self.reach(Defect::FailureIsZero, 0)? {
            return Ok(wrong);
        }
        let now = match self.defect {
            Defect::PurgesLate => now - Duration::MILLISECOND,
            _ => now,
        };
        let mut left = match self.defect {
            Defect::PurgesWithoutLimit => u32::MAX,
            _ => limit,
        };
        let mut table = self.table();
        let before = table.rows.len();
        table.rows.retain(|(_, row)| {
            let is_eternal = row.expires_at.is_none() && self.has(Defect::PurgesTheEternal);
            let goes = left > 0 && (!row.is_live(now) || is_eternal);
            left -= u32::from(goes);
            !goes
        });
        Ok((before - table.rows.len()) as u64)
    }
}
