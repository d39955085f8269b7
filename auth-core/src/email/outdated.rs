//! E-mails that were stored by an older version of the rule.

use std::{collections::HashMap, num::NonZeroU32};

use crate::{Email, ListUsers, NormalizedEmail, Profile, StoreError, User, UserId};

/// The number of users that are read at once.
const PAGE: NonZeroU32 = NonZeroU32::new(500).expect("not zero");

/// A user whom no look-up finds, because this version would normalise the stored address to another form.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutdatedEmail<Id, P> {
    /// The user, as stored.
    pub user: User<Id, P>,
    /// The same address with the right normalised form, or `None` if the address is no longer valid.
    pub email: Option<Email>,
    /// The other users who have that normalised form, or should have it. Only one user can have it.
    pub same_as: Vec<Id>,
}

/// The users whose stored e-mail an older version normalised differently.
///
/// It reads every user. Call it after an update whose notes ask for it, never in a request. It changes nothing. The operator
/// decides what to do with the users:
///
/// ```
/// # use portcullis::{Email, store::{NewUser, UserStore as _}, testing::memory::MemoryUserStore};
/// use portcullis::store::outdated_emails;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let users = MemoryUserStore::<uuid::Uuid>::new();
/// # let email = Email::from_stored("ada@straße.example".into(), "ada@strasse.example".into());
/// # users.insert(NewUser::new(email, (), time::OffsetDateTime::UNIX_EPOCH)).await?;
/// for found in outdated_emails(&users).await? {
///     let mut user = found.user;
///     match found.email {
///         Some(email) if found.same_as.is_empty() => {
///             user.email = email;
///             // It may have been verified when this was a spelling of another domain.
///             user.is_verified = false;
///             users.update(&user).await?;
///         }
///         Some(_) => println!("{} shares {} with {:?}", user.id, user.email, found.same_as),
///         None => println!("{} needs another address than {:?}", user.id, user.email.as_str()),
///     }
/// }
/// # assert!(outdated_emails(&users).await?.is_empty());
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`StoreError`] if the store does not answer.
pub async fn outdated_emails<Id: UserId, P: Profile>(
    users: &dyn ListUsers<Id, P>,
) -> Result<Vec<OutdatedEmail<Id, P>>, StoreError> {
    let mut found = Vec::new();
    let mut last = None;
    loop {
        let page = users.list(last.as_ref(), PAGE).await?;
        last = page.last().map(|user| user.id.clone());
        let is_last = page.len() < PAGE.get() as usize;
        found.extend(page.into_iter().filter_map(outdated));
        if is_last {
            break;
        }
    }
    let mut ids_by_form: HashMap<NormalizedEmail, Vec<Id>> = HashMap::new();
    for OutdatedEmail { user, email, .. } in &found {
        if let Some(email) = email {
            let ids = ids_by_form.entry(email.normalized.clone()).or_default();
            ids.push(user.id.clone());
        }
    }
    for OutdatedEmail { user, email, same_as } in &mut found {
        let Some(email) = email else { continue };
        same_as.extend(ids_by_form[&email.normalized].iter().cloned());
        // A user who has the form by mistake is already in the list, or will give it up.
        let holder = users.find_by_email(&email.normalized).await?;
        same_as.extend(
            holder
                .filter(|holder| is_current(&holder.email))
                .map(|holder| holder.id),
        );
        same_as.retain(|id| *id != user.id);
    }
    Ok(found)
}

fn is_current(email: &Email) -> bool {
    parsed(email).is_some_and(|parsed| parsed.normalized == email.normalized)
}

/// The address by today's rule. `None` if it is no longer valid: the user can still log in, but gets no mail.
fn parsed(email: &Email) -> Option<Email> {
    email.address.parse().ok()
}

fn outdated<Id, P>(user: User<Id, P>) -> Option<OutdatedEmail<Id, P>> {
    (!is_current(&user.email)).then(|| OutdatedEmail {
        email: parsed(&user.email),
        user,
        same_as: Vec::new(),
    })
}

#[cfg(all(test, feature = "memory"))]
mod tests {
    use std::collections::BTreeSet;

    use time::OffsetDateTime;

    use super::*;
    use crate::{NewUser, UserStore as _, memory::MemoryUserStore};

    #[tokio::test]
    async fn every_page_is_looked_through() {
        let users = MemoryUserStore::<i32>::with_ids(|n| n.try_into().ok());
        let count = i32::try_from(PAGE.get() * 2).expect("a small number");
        for n in 1..=count {
            let user = NewUser {
                id: None,
                email: Email::from_stored(format!("user{n}@example.com"), format!("USER{n}@example.com")),
                password_hash: None,
                is_active: true,
                is_superuser: false,
                is_verified: false,
                roles: BTreeSet::new(),
                created_at: OffsetDateTime::UNIX_EPOCH,
                profile: (),
            };
            users.insert(user).await.expect("inserted");
        }
        let found = outdated_emails(&users).await.expect("an answer");
        let mut ids: Vec<_> = found.iter().map(|found| found.user.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, Vec::from_iter(1..=count));
    }
}
