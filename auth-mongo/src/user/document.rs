//! A user as a document.

use auth_core::{Email, PasswordHash, Profile, ProfileShape, RoleName, StoreError, User};
use mongodb::bson::{self, Bson, DateTime, Document, RawDocument, doc};
use serde::Deserialize;

use crate::{
    DocumentId,
    call::STORE,
    failure::unreadable,
    instant::{date, instant},
    profile::{ProfileError, ProfileFields},
};

/// True for a field that every user has. A profile must not have any of them.
pub(crate) fn is_own_field(name: &str) -> bool {
    let ProfileShape::Struct(names) = ProfileShape::of::<UserFields>() else {
        unreachable!("a struct with named fields")
    };
    names.contains(&name)
}

#[derive(Deserialize)]
struct UserFields {
    #[serde(rename = "_id")]
    id: Bson,
    email: String,
    normalized_email: String,
    password_hash: Option<String>,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    /// Absent in documents from before there were roles.
    #[serde(default)]
    roles: Vec<String>,
    security_epoch: i64,
    revision: i64,
    created_at: DateTime,
    updated_at: DateTime,
}

/// The document of `user`.
///
/// # Errors
/// [`ProfileError`] if the profile cannot be written as fields of a document.
pub(crate) fn document<Id: DocumentId, P: Profile>(
    user: &User<Id, P>,
    profile: ProfileFields<P>,
) -> Result<Document, ProfileError> {
    let mut document = doc! { "_id": user.id.to_bson() };
    document.extend(changing_fields(user));
    document.insert("revision", user.revision);
    document.insert("created_at", date(user.created_at));
    document.extend(profile.encode(&user.profile)?);
    Ok(document)
}

/// The update that writes everything of `user` except its creation, with the next revision.
///
/// # Errors
/// As for [`document`].
pub(crate) fn update<Id: DocumentId, P: Profile>(
    user: &User<Id, P>,
    profile: ProfileFields<P>,
) -> Result<Document, ProfileError> {
    let fields = profile.encode(&user.profile)?;
    let missing: Document = profile
        .missing(&fields)
        .map(|name| (name.to_owned(), Bson::String(String::new())))
        .collect();
    let mut set = changing_fields(user);
    set.insert("revision", user.revision + 1);
    set.extend(fields);
    let mut update = doc! { "$set": set };
    // MongoDB before 5.0 refuses an empty `$unset`.
    if !missing.is_empty() {
        update.insert("$unset", missing);
    }
    Ok(update)
}

fn changing_fields<Id, P>(user: &User<Id, P>) -> Document {
    doc! {
        "email": user.email.as_str(),
        "normalized_email": user.email.normalized().as_str(),
        "password_hash": user.password_hash.as_ref().map(PasswordHash::expose),
        "is_active": user.is_active,
        "is_superuser": user.is_superuser,
        "is_verified": user.is_verified,
        "roles": user.roles.iter().map(RoleName::as_str).collect::<Vec<_>>(),
        "security_epoch": user.security_epoch,
        "updated_at": date(user.updated_at),
    }
}

/// The user of a stored `document`.
///
/// # Errors
/// [`StoreError`] if a field is missing or has another type.
pub(crate) fn user<Id: DocumentId, P: Profile>(
    document: &RawDocument,
    profile: ProfileFields<P>,
) -> Result<User<Id, P>, StoreError> {
    let fields: UserFields =
        bson::deserialize_from_slice(document.as_bytes()).map_err(|_error| unreadable())?;
    Ok({
        let mut user = User::new(
            Id::from_bson(fields.id).ok_or_else(unreadable)?,
            Email::from_stored(fields.email, fields.normalized_email),
            profile
                .decode(document)
                .map_err(|error| StoreError::invalid_data(STORE, error))?,
            instant(fields.created_at)?,
        );
        user.password_hash = fields.password_hash.map(PasswordHash::new);
        user.is_active = fields.is_active;
        user.is_superuser = fields.is_superuser;
        user.is_verified = fields.is_verified;
        let roles = fields.roles.iter().map(|name| RoleName::new(name));
        user.roles = roles.collect::<Result<_, _>>().map_err(|_error| unreadable())?;
        user.security_epoch = fields.security_epoch;
        user.revision = fields.revision;
        user.updated_at = instant(fields.updated_at)?;
        user
    })
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_field_of_a_user_without_a_profile_is_an_own_one() {
        let email = "ada@example.com".parse().expect("an e-mail");
        let user = User::new(Uuid::now_v7(), email, (), OffsetDateTime::UNIX_EPOCH);
        let profile = ProfileFields::new().expect("no fields");
        let document = document(&user, profile).expect("a document");
        assert_eq!(document.len(), 12);
        for name in document.keys() {
            assert!(is_own_field(name), "{name}");
        }
        assert!(!is_own_field("shelf"));
    }
}
