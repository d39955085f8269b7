//! Access tokens by digest, with an index by user and one by expiry.

use std::num::NonZeroU32;

use portcullis::{
    StoreError, async_trait,
    store::{
        AccessToken, AccessTokenStore, InsertTokenError, PurgeExpired, Subject, TokenDigest, TokenId,
        TokenLookup,
    },
};
use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::{Database, Fault};

type Digest = [u8; 32];
/// User, time of issue, digest: a user's tokens are side by side, oldest first.
type Issued = (u128, i128, Digest);
/// Expiry and digest of a token that expires.
type Expiry = (i128, Digest);

pub(crate) const TOKENS: TableDefinition<Digest, &[u8]> = TableDefinition::new("tokens");
pub(crate) const ISSUED: TableDefinition<Issued, ()> = TableDefinition::new("tokens by user");
pub(crate) const EXPIRIES: TableDefinition<Expiry, ()> = TableDefinition::new("tokens by expiry");

/// Access tokens. redb never removes any by itself, so schedule [`PurgeExpired::purge_expired`].
pub struct RedbAccessTokenStore(pub Database);

#[async_trait]
impl AccessTokenStore for RedbAccessTokenStore {
    async fn insert(&self, token: &AccessToken, cap: Option<NonZeroU32>) -> Result<(), InsertTokenError> {
        let token = token.clone();
        let insert = self.0.write(move |transaction| {
            let mut tables = Tables::open(transaction)?;
            if get(&tables.tokens, token.digest)?.is_some() {
                return Ok(Err(InsertTokenError::DigestTaken));
            }
            if let Some(cap) = cap {
                let others = tables.issued_to(token.user_id)?;
                let room = usize::try_from(cap.get() - 1)?;
                tables.remove(&others[..others.len().saturating_sub(room)])?;
            }
            tables.put(&token).map(Ok)
        });
        insert.await
    }

    async fn find(&self, key: &TokenLookup) -> Result<Option<AccessToken>, StoreError> {
        let digest = key.digest;
        let find = self
            .0
            .read(move |transaction| get(&transaction.open_table(TOKENS)?, digest));
        find.await
    }

    async fn touch(&self, key: &TokenLookup, last_used_at: OffsetDateTime) -> Result<(), StoreError> {
        let digest = key.digest;
        let touch = self.0.write(move |transaction| {
            let mut tables = Tables::open(transaction)?;
            let stored = get(&tables.tokens, digest)?;
            let touched = stored.map(|token| {
                let mut token = token;
                token.last_used_at = last_used_at;
                token
            });
            touched.map_or(Ok(()), |token| tables.put(&token)).map(Ok)
        });
        touch.await
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        let digest = *key.digest.as_bytes();
        let delete = self.0.write(move |transaction| {
            let removed = Tables::open(transaction)?.remove(&[digest])?;
            Ok(Ok(removed > 0))
        });
        delete.await
    }

    async fn delete_all(&self, user_id: &Uuid) -> Result<u64, StoreError> {
        let user_id = *user_id;
        let delete = self.0.write(move |transaction| {
            let mut tables = Tables::open(transaction)?;
            let all = tables.issued_to(user_id)?;
            tables.remove(&all).map(Ok)
        });
        delete.await
    }
}

#[async_trait]
impl PurgeExpired for RedbAccessTokenStore {
    async fn purge_expired(&self, now: OffsetDateTime, limit: u32) -> Result<u64, StoreError> {
        let purge = self.0.write(move |transaction| {
            let mut tables = Tables::open(transaction)?;
            let expired = tables
                .expiries
                .range(..=(now.unix_timestamp_nanos(), [0xff; 32]))?;
            let expired = expired
                .take(usize::try_from(limit)?)
                .map(|key| Ok(key?.0.value().1));
            let expired = expired.collect::<Result<Vec<Digest>, Fault>>()?;
            tables.remove(&expired).map(Ok)
        });
        purge.await
    }
}

/// Every table of the tokens, in one transaction.
struct Tables<'t> {
    tokens: Table<'t, Digest, &'static [u8]>,
    issued: Table<'t, Issued, ()>,
    expiries: Table<'t, Expiry, ()>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            tokens: transaction.open_table(TOKENS)?,
            issued: transaction.open_table(ISSUED)?,
            expiries: transaction.open_table(EXPIRIES)?,
        })
    }

    /// The digests of the user's tokens, oldest first.
    fn issued_to(&self, user: Uuid) -> Result<Vec<Digest>, Fault> {
        let user = user.as_u128();
        let keys = self
            .issued
            .range((user, i128::MIN, [0; 32])..=(user, i128::MAX, [0xff; 32]))?;
        keys.map(|key| Ok(key?.0.value().2)).collect()
    }

    /// Removes the tokens of `digests`, and returns their number.
    fn remove(&mut self, digests: &[Digest]) -> Result<u64, Fault> {
        let mut removed = 0;
        for digest in digests {
            if let Some(token) = get(&self.tokens, TokenDigest::from_bytes(*digest))? {
                self.tokens.remove(digest)?;
                self.issued.remove(issued(&token))?;
                expiry(&token).map_or(Ok(None), |key| self.expiries.remove(key))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn put(&mut self, token: &AccessToken) -> Result<(), Fault> {
        self.tokens.insert(token.digest.as_bytes(), &*to_row(token)?)?;
        self.issued.insert(issued(token), ())?;
        expiry(token).map_or(Ok(None), |key| self.expiries.insert(key, ()))?;
        Ok(())
    }
}

fn issued(token: &AccessToken) -> Issued {
    let created_at = token.created_at.unix_timestamp_nanos();
    (token.user_id.as_u128(), created_at, *token.digest.as_bytes())
}

fn expiry(token: &AccessToken) -> Option<Expiry> {
    let expires_at = token.expires_at?.unix_timestamp_nanos();
    Some((expires_at, *token.digest.as_bytes()))
}

/// Public id and user, epoch, issue and last use, expiry, description of the client.
type Row = (
    [Uuid; 2],
    i64,
    [OffsetDateTime; 2],
    Option<OffsetDateTime>,
    [Option<String>; 3],
);

fn to_row(token: &AccessToken) -> Result<Vec<u8>, Fault> {
    let client = &token.client;
    Ok(serde_json::to_vec(&(
        [token.id.0, token.user_id],
        token.epoch,
        [token.created_at, token.last_used_at],
        token.expires_at,
        [&client.user_agent, &client.address, &client.label],
    ))?)
}

fn get(
    tokens: &impl ReadableTable<Digest, &'static [u8]>,
    digest: TokenDigest,
) -> Result<Option<AccessToken>, Fault> {
    let Some(row) = tokens.get(digest.as_bytes())? else {
        return Ok(None);
    };
    let ([id, user_id], epoch, [created_at, last_used_at], expires_at, client): Row =
        serde_json::from_slice(row.value())?;
    let [user_agent, address, label] = client;
    Ok(Some({
        let mut token = AccessToken::new(TokenId(id), digest, Subject { user_id, epoch }, created_at);
        token.expires_at = expires_at;
        token.last_used_at = last_used_at;
        token.client.user_agent = user_agent;
        token.client.address = address;
        token.client.label = label;
        token
    }))
}
