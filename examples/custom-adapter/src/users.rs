//! Users by id, and their ids by normalised e-mail.

use std::collections::BTreeSet;

use portcullis::{
    Email, Profile, RoleName, StoreError, User, async_trait,
    store::{InsertUserError, NewUser, NormalizedEmail, PasswordHash, UpdateUserError, UserStore},
};
use redb::{ReadableTable, Table, TableDefinition};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::{Database, Fault};

pub(crate) const USERS: TableDefinition<u128, &[u8]> = TableDefinition::new("users");
/// The unique index. In a key-value store, only keys are unique.
pub(crate) const EMAILS: TableDefinition<&str, u128> = TableDefinition::new("users by e-mail");

/// Users of any profile, by a UUID.
pub struct RedbUserStore(pub Database);

#[async_trait]
impl<P: Profile> UserStore<Uuid, P> for RedbUserStore {
    async fn insert(&self, user: NewUser<Uuid, P>) -> Result<User<Uuid, P>, InsertUserError> {
        let insert = self.0.write(move |transaction| {
            let id = user.id.ok_or("the new user has no id")?;
            let user = user.into_user(id);
            let mut emails = transaction.open_table(EMAILS)?;
            if !claim(&mut emails, &user.email, id)? {
                return Ok(Err(InsertUserError::EmailTaken));
            }
            let mut users = transaction.open_table(USERS)?;
            if users.insert(id.as_u128(), &*to_row(&user)?)?.is_some() {
                return Err("the id is taken".into());
            }
            Ok(Ok(user))
        });
        insert.await
    }

    async fn find(&self, id: &Uuid) -> Result<Option<User<Uuid, P>>, StoreError> {
        let id = *id;
        let find = self
            .0
            .read(move |transaction| get(&transaction.open_table(USERS)?, id));
        find.await
    }

    async fn find_by_email(&self, email: &NormalizedEmail) -> Result<Option<User<Uuid, P>>, StoreError> {
        let email = email.clone();
        let find = self.0.read(move |transaction| {
            let id = transaction.open_table(EMAILS)?.get(email.as_str())?;
            let id = id.map(|id| Uuid::from_u128(id.value()));
            id.map_or(Ok(None), |id| get(&transaction.open_table(USERS)?, id))
        });
        find.await
    }

    async fn update(&self, user: &User<Uuid, P>) -> Result<(), UpdateUserError> {
        let user = user.clone();
        let update = self.0.write(move |transaction| {
            let mut users = transaction.open_table(USERS)?;
            let stored = get::<P>(&users, user.id)?.filter(|stored| stored.revision == user.revision);
            let Some(stored) = stored else {
                return Ok(Err(UpdateUserError::Conflict));
            };
            let mut emails = transaction.open_table(EMAILS)?;
            emails.remove(stored.email.normalized().as_str())?;
            if !claim(&mut emails, &user.email, user.id)? {
                return Ok(Err(UpdateUserError::EmailTaken));
            }
            let (revision, created_at) = (stored.revision + 1, stored.created_at);
            let row = to_row(&{
                let mut user = user;
                user.revision = revision;
                user.created_at = created_at;
                user
            })?;
            users.insert(stored.id.as_u128(), &*row)?;
            Ok(Ok(()))
        });
        update.await
    }

    async fn delete(&self, id: &Uuid) -> Result<bool, StoreError> {
        let id = *id;
        let delete = self.0.write(move |transaction| {
            let mut users = transaction.open_table(USERS)?;
            let stored = get::<P>(&users, id)?;
            if let Some(user) = &stored {
                users.remove(id.as_u128())?;
                transaction
                    .open_table(EMAILS)?
                    .remove(user.email.normalized().as_str())?;
            }
            Ok(Ok(stored.is_some()))
        });
        delete.await
    }
}

/// Gives the e-mail to the user. Returns false if another user has it: then the transaction must not be committed.
fn claim(emails: &mut Table<&str, u128>, email: &Email, id: Uuid) -> Result<bool, Fault> {
    let taken = emails.insert(email.normalized().as_str(), id.as_u128())?;
    Ok(taken.is_none())
}

/// Address and normalised e-mail, hash, flags, epoch and revision, instants, roles, profile.
type Row<P> = (
    String,
    String,
    Option<String>,
    [bool; 3],
    [i64; 2],
    [OffsetDateTime; 2],
    BTreeSet<RoleName>,
    P,
);

fn to_row<P: Profile>(user: &User<Uuid, P>) -> Result<Vec<u8>, Fault> {
    Ok(serde_json::to_vec(&(
        user.email.as_str(),
        user.email.normalized().as_str(),
        user.password_hash.as_ref().map(PasswordHash::expose),
        [user.is_active, user.is_superuser, user.is_verified],
        [user.security_epoch, user.revision],
        [user.created_at, user.updated_at],
        &user.roles,
        &user.profile,
    ))?)
}

fn get<P: Profile>(
    users: &impl ReadableTable<u128, &'static [u8]>,
    id: Uuid,
) -> Result<Option<User<Uuid, P>>, Fault> {
    let Some(row) = users.get(id.as_u128())? else {
        return Ok(None);
    };
    let (
        email,
        normalized,
        hash,
        flags,
        [security_epoch, revision],
        [created_at, updated_at],
        roles,
        profile,
    ): Row<P> = serde_json::from_slice(row.value())?;
    let [is_active, is_superuser, is_verified] = flags;
    Ok(Some({
        let mut user = User::new(id, Email::from_stored(email, normalized), profile, created_at);
        user.password_hash = hash.map(PasswordHash::new);
        user.is_active = is_active;
        user.is_superuser = is_superuser;
        user.is_verified = is_verified;
        user.roles = roles;
        user.security_epoch = security_epoch;
        user.revision = revision;
        user.updated_at = updated_at;
        user
    }))
}
