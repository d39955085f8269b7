//! Access tokens by digest, with an index by user and one by expiry.

use portcullis::{
    StoreError, async_trait,
    store::{
        AccessToken, AccessTokenIndex, AccessTokenStore, Advance, Advanced, Cap, Generation,
        InsertTokenError, PurgeExpired, RotateTokens, Subject, TokenDigest, TokenId, TokenLookup,
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
    async fn insert(&self, token: &AccessToken, cap: Option<Cap>) -> Result<(), InsertTokenError> {
        let token = token.clone();
        let insert = self.0.write(move |transaction| {
            let mut tables = Tables::open(transaction)?;
            if get(&tables.tokens, token.digest)?.is_some() {
                return Ok(Err(InsertTokenError::DigestTaken));
            }
            if let Some(cap) = cap {
                let mut others = tables.issued_to(token.user_id)?;
                others.retain(|other| other.backend.is_empty() || other.backend == token.backend);
                others.retain(|other| cap.replaced != Some(other.digest));
                // What has expired goes first.
                others.sort_by_key(|other| other.is_live(token.created_at));
                let room = usize::try_from(cap.others())?;
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

    async fn touch(
        &self,
        key: &TokenLookup,
        at: OffsetDateTime,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        let digest = key.digest;
        let touch = self.0.write(move |transaction| {
            let mut tables = Tables::open(transaction)?;
            let stored = get(&tables.tokens, digest)?;
            let Some(token) = stored.filter(|token| token.is_live(at)) else {
                return Ok(Ok(()));
            };
            let mut touched = token.clone();
            touched.last_used_at = at;
            touched.expires_at = expires_at;
            tables.replace(&token, &touched).map(Ok)
        });
        touch.await
    }

    async fn delete(&self, key: &TokenLookup) -> Result<bool, StoreError> {
        let digest = key.digest;
        let delete = self.0.write(move |transaction| {
            let mut tables = Tables::open(transaction)?;
            let stored = get(&tables.tokens, digest)?;
            tables.remove(stored.as_slice())?;
            Ok(Ok(stored.is_some()))
        });
        delete.await
    }

    async fn delete_all(&self, user_id: &Uuid) -> Result<u64, StoreError> {
        let user_id = *user_id;
        let delete = self.0.write(move |transaction| {
            let mut tables = Tables::open(transaction)?;
            let all = tables.issued_to(user_id)?;
            tables.remove(&all)?;
            Ok(Ok(u64::try_from(all.len())?))
        });
        delete.await
    }
}

#[async_trait]
impl AccessTokenIndex for RedbAccessTokenStore {
    async fn list(&self, user_id: &Uuid, epoch: i64) -> Result<Vec<AccessToken>, StoreError> {
        let user_id = *user_id;
        let list = self.0.read(move |transaction| {
            let (tokens, issued) = (transaction.open_table(TOKENS)?, transaction.open_table(ISSUED)?);
            let mut list = issued_to(&tokens, &issued, user_id)?;
            list.retain(|token| token.epoch == epoch);
            list.reverse();
            Ok(list)
        });
        list.await
    }

    async fn delete_by_id(&self, user_id: &Uuid, id: TokenId) -> Result<bool, StoreError> {
        let user_id = *user_id;
        let delete = self.0.write(move |transaction| {
            let mut tables = Tables::open(transaction)?;
            let mut theirs = tables.issued_to(user_id)?;
            theirs.retain(|token| token.id == id);
            tables.remove(&theirs)?;
            Ok(Ok(!theirs.is_empty()))
        });
        delete.await
    }
}

#[async_trait]
impl RotateTokens for RedbAccessTokenStore {
    async fn advance(&self, key: &TokenLookup, step: &Advance) -> Result<Option<Advanced>, StoreError> {
        let (digest, step) = (key.digest, *step);
        let advance = self.0.write(move |transaction| {
            let mut tables = Tables::open(transaction)?;
            let Some(token) = get(&tables.tokens, digest)? else {
                return Ok(Ok(None));
            };
            let Some(advanced) = token.advanced(&step) else {
                return Ok(Ok(Some(Advanced::new(token, false))));
            };
            tables.replace(&token, &advanced)?;
            Ok(Ok(Some(Advanced::new(advanced, true))))
        });
        advance.await
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
            let expired = expired.take(usize::try_from(limit)?);
            let expired = of_digests(&tables.tokens, expired.map(|key| Ok(key?.0.value().1)))?;
            tables.remove(&expired)?;
            Ok(Ok(u64::try_from(expired.len())?))
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

    /// The user's tokens, oldest first.
    fn issued_to(&self, user: Uuid) -> Result<Vec<AccessToken>, Fault> {
        issued_to(&self.tokens, &self.issued, user)
    }

    fn remove(&mut self, tokens: &[AccessToken]) -> Result<(), Fault> {
        for token in tokens {
            self.tokens.remove(token.digest.as_bytes())?;
            self.issued.remove(issued(token))?;
            expiry(token).map_or(Ok(None), |key| self.expiries.remove(key))?;
        }
        Ok(())
    }

    fn put(&mut self, token: &AccessToken) -> Result<(), Fault> {
        self.tokens.insert(token.digest.as_bytes(), &*to_row(token)?)?;
        self.issued.insert(issued(token), ())?;
        expiry(token).map_or(Ok(None), |key| self.expiries.insert(key, ()))?;
        Ok(())
    }

    /// Puts the `changed` token in the place of the `stored` one: its expiry may be another.
    fn replace(&mut self, stored: &AccessToken, changed: &AccessToken) -> Result<(), Fault> {
        self.remove(std::slice::from_ref(stored))?;
        self.put(changed)
    }
}

fn issued_to(
    tokens: &impl ReadableTable<Digest, &'static [u8]>,
    issued: &impl ReadableTable<Issued, ()>,
    user: Uuid,
) -> Result<Vec<AccessToken>, Fault> {
    let user = user.as_u128();
    let keys = issued.range((user, i128::MIN, [0; 32])..=(user, i128::MAX, [0xff; 32]))?;
    of_digests(tokens, keys.map(|key| Ok(key?.0.value().2)))
}

/// The tokens of `digests`, in their order.
fn of_digests(
    tokens: &impl ReadableTable<Digest, &'static [u8]>,
    digests: impl Iterator<Item = Result<Digest, Fault>>,
) -> Result<Vec<AccessToken>, Fault> {
    let found = digests.map(|digest| get(tokens, TokenDigest::from_bytes(digest?)));
    found.filter_map(Result::transpose).collect()
}

fn issued(token: &AccessToken) -> Issued {
    let created_at = token.created_at.unix_timestamp_nanos();
    (token.user_id.as_u128(), created_at, *token.digest.as_bytes())
}

fn expiry(token: &AccessToken) -> Option<Expiry> {
    let expires_at = token.expires_at?.unix_timestamp_nanos();
    Some((expires_at, *token.digest.as_bytes()))
}

/// Public id and user, backend, epoch, issue and last use, present and absolute end, generations of access and refresh
/// tokens, actor and description of the client.
type Row = (
    [Uuid; 2],
    String,
    i64,
    [OffsetDateTime; 2],
    [Option<OffsetDateTime>; 2],
    [(i64, Option<OffsetDateTime>); 2],
    [Option<String>; 4],
);

fn to_row(token: &AccessToken) -> Result<Vec<u8>, Fault> {
    let client = &token.client;
    let generations = [token.access_generation, token.refresh_generation];
    Ok(serde_json::to_vec(&(
        [token.id.0, token.user_id],
        &token.backend,
        token.epoch,
        [token.created_at, token.last_used_at],
        [token.expires_at, token.absolute_expires_at],
        generations.map(|generation| (generation.number, generation.since)),
        [&token.actor, &client.user_agent, &client.address, &client.label],
    ))?)
}

fn get(
    tokens: &impl ReadableTable<Digest, &'static [u8]>,
    digest: TokenDigest,
) -> Result<Option<AccessToken>, Fault> {
    let Some(row) = tokens.get(digest.as_bytes())? else {
        return Ok(None);
    };
    let row: Row = serde_json::from_slice(row.value())?;
    let ([id, user_id], backend, epoch, [created_at, last_used_at], ends, generations, texts) = row;
    let mut token = AccessToken::new(TokenId(id), digest, Subject::new(user_id, epoch), created_at);
    token.backend = backend;
    token.last_used_at = last_used_at;
    [token.expires_at, token.absolute_expires_at] = ends;
    [token.access_generation, token.refresh_generation] =
        generations.map(|(number, since)| Generation::new(number, since));
    let client = &mut token.client;
    [token.actor, client.user_agent, client.address, client.label] = texts;
    Ok(Some(token))
}
