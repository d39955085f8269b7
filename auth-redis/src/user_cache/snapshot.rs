//! The stored form of a cached user.
//!
//! A byte for the form, a random nonce of 12 bytes, and the user, encrypted. The key of Redis and the fields of the profile are
//! authenticated with it. So a value is that of no other user, nor of a version of the application whose profile has other fields:
//! a user that lacks a field would be written back without it.

use std::{
    marker::PhantomData,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use auth_core::{
    Clock as _, Email, PasswordHash, Profile, ProfileShape, RoleName, SigningSecret, StoreError, SystemClock,
    User, UserId, sample_profile, unix_milliseconds,
};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::call::STORE;

/// The first byte.
const FORM: u8 = b'1';

/// The longest time for which a user is kept, and a minute, by which the clocks of nodes may differ.
const LONGEST: i64 = (24 * 60 + 1) * 60_000;

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    /// In milliseconds since 1970-01-01 UTC. Whoever writes to Redis can put a value back, but not for longer.
    until: i64,
    email: &'a str,
    normalized_email: &'a str,
    password_hash: Option<&'a str>,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    roles: Vec<&'a str>,
    security_epoch: i64,
    revision: i64,
    /// In nanoseconds since 1970-01-01 UTC, for a store that keeps them.
    created_at: i128,
    updated_at: i128,
    /// In JSON, which can be read without knowing what was written, unlike the format around it.
    profile: &'a [u8],
}

/// How cached users are written and read.
pub(super) struct Snapshots<Id, P> {
    /// The first one writes.
    keys: Vec<LessSafeKey>,
    has_warned: AtomicBool,
    /// The fields of the profile.
    fields: String,
    /// They cannot be found, so what was read is compared with what was written.
    compares: bool,
    _user: PhantomData<fn() -> (Id, P)>,
}

impl<Id: UserId, P: Profile> Snapshots<Id, P> {
    pub(super) fn new(secret: &SigningSecret) -> Self {
        let derived = secret.for_library("cached-user");
        let key = |secret: &SigningSecret| {
            let key = UnboundKey::new(&AES_256_GCM_SIV, secret.expose());
            LessSafeKey::new(key.unwrap_or_else(|_| unreachable!("a derived secret has 32 bytes")))
        };
        Self {
            keys: derived.accepted().map(key).collect(),
            has_warned: AtomicBool::new(false),
            fields: fields_of::<P>(),
            compares: ProfileShape::of::<P>() == ProfileShape::Other,
            _user: PhantomData,
        }
    }

    /// The value of `key` for `user`. `None` if its profile does not survive being written and read.
    pub(super) fn seal(
        &self,
        key: &str,
        user: &User<Id, P>,
        keep_for: Duration,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let profile = serde_json::to_vec(&user.profile).map(Zeroizing::new);
        let profile = profile.ok().filter(|json| reads_back(json, &user.profile));
        let Some(profile) = profile else {
            if !self.has_warned.swap(true, Ordering::Relaxed) {
                let profile = std::any::type_name::<P>();
                tracing::warn!(
                    target: "portcullis::redis", profile, user = ?user.id,
                    "a user is not cached, because its profile in JSON does not read back what it was: \
                     mend its `Serialize` and `Deserialize`, or do without the cache"
                );
            }
            return Ok(None);
        };
        let keep_for = i64::try_from(keep_for.as_millis()).unwrap_or(i64::MAX);
        let stored = Stored {
            until: now().saturating_add(keep_for),
            email: user.email.as_str(),
            normalized_email: user.email.normalized().as_str(),
            password_hash: user.password_hash.as_ref().map(PasswordHash::expose),
            is_active: user.is_active,
            is_superuser: user.is_superuser,
            is_verified: user.is_verified,
            roles: user.roles.iter().map(RoleName::as_str).collect(),
            security_epoch: user.security_epoch,
            revision: user.revision,
            created_at: user.created_at.unix_timestamp_nanos(),
            updated_at: user.updated_at.unix_timestamp_nanos(),
            profile: &profile,
        };
        let internal = |problem: String| StoreError::internal(STORE, problem);
        let mut text = postcard::to_allocvec(&stored)
            .map(Zeroizing::new)
            .map_err(|error| internal(error.to_string()))?;
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|error| internal(error.to_string()))?;
        let tag = self.keys[0]
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), self.context(key), &mut text)
            .map_err(|error| internal(error.to_string()))?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + text.len() + tag.as_ref().len());
        sealed.push(FORM);
        sealed.extend(nonce);
        sealed.extend(&**text);
        sealed.extend(tag.as_ref());
        Ok(Some(sealed))
    }

    /// The user of `id` in the `value` of `key`. `None` if this cache did not write it, or not under a secret that is still
    /// accepted, or not for this user, or for a profile with other fields, or too long ago. With it, for how long it may be used.
    pub(super) fn open(&self, key: &str, id: &Id, value: &[u8]) -> Option<(User<Id, P>, Duration)> {
        let rest = value.strip_prefix(&[FORM])?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        self.keys.iter().find_map(|opener| {
            let mut text = Zeroizing::new(sealed.to_vec());
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let opened = opener.open_in_place(nonce, self.context(key), &mut text);
            self.read(id, opened.ok()?)
        })
    }

    /// What is authenticated beside the user.
    fn context(&self, key: &str) -> Aad<Vec<u8>> {
        Aad::from([key.as_bytes(), b"\0", self.fields.as_bytes()].concat())
    }

    fn read(&self, id: &Id, text: &[u8]) -> Option<(User<Id, P>, Duration)> {
        let stored: Stored<'_> = postcard::from_bytes(text).ok()?;
        let now = now();
        if stored.until <= now || stored.until > now.saturating_add(LONGEST) {
            return None;
        }
        let instant = |nanoseconds| OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok();
        let email = Email::from_stored(stored.email.to_owned(), stored.normalized_email.to_owned());
        let profile = serde_json::from_slice(stored.profile).ok()?;
        if self.compares
            && serde_json::to_vec(&profile).map(Zeroizing::new).ok()?.as_slice() != stored.profile
        {
            return None;
        }
        let mut user = User::new(id.clone(), email, profile, instant(stored.created_at)?);
        user.password_hash = stored.password_hash.map(PasswordHash::new);
        user.is_active = stored.is_active;
        user.is_superuser = stored.is_superuser;
        user.is_verified = stored.is_verified;
        let roles = stored.roles.into_iter().map(RoleName::new);
        user.roles = roles.collect::<Result<_, _>>().ok()?;
        user.security_epoch = stored.security_epoch;
        user.revision = stored.revision;
        user.updated_at = instant(stored.updated_at)?;
        let left = u64::try_from(stored.until - now).ok()?;
        Some((user, Duration::from_millis(left)))
    }
}

fn now() -> i64 {
    unix_milliseconds(SystemClock.now())
}

/// The names of the profile's fields, with those of the structs in it.
fn fields_of<P: Profile>() -> String {
    let sample = sample_profile::<P>().and_then(|sample| serde_json::to_value(&sample).ok());
    let nested = sample.map(|mut sample| {
        keep_names(&mut sample);
        sample
    });
    format!("{:?} {nested:?}", ProfileShape::fields::<P>())
}

fn keep_names(value: &mut serde_json::Value) {
    use serde_json::Value;

    match value {
        Value::Object(fields) => fields.values_mut().for_each(keep_names),
        Value::Array(items) => items.iter_mut().for_each(keep_names),
        other => *other = Value::Null,
    }
}

fn reads_back<P: Profile>(json: &[u8], profile: &P) -> bool {
    serde_json::from_slice::<P>(json).is_ok_and(|read| format!("{read:?}") == format!("{profile:?}"))
}
