use std::{any::type_name, fmt, sync::Arc};

use auth_core::{ConfigError, Profile, ProfileShape, sample_profile, written_fields};
use serde_json::{Map, Value};

use super::{ProfileError, fields_of, merge_profile, read, strip};

type Keep<P> = Arc<dyn Fn(&P, &mut P) + Send + Sync>;

/// The fields that a profile does not write, and how an update keeps them.
pub(crate) struct HiddenFields<P>(Vec<HiddenField<P>>);

struct HiddenField<P> {
    names: Vec<String>,
    keep: Keep<P>,
}

/// Why a profile cannot be patched.
pub(crate) enum MergeError {
    Invalid(ProfileError),
    /// An update would lose a part of it.
    Lossy,
}

impl From<ProfileError> for MergeError {
    fn from(error: ProfileError) -> Self {
        Self::Invalid(error)
    }
}

impl<P> Default for HiddenFields<P> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<P: Profile> HiddenFields<P> {
    pub(crate) fn add(&mut self, name: &str, keep: impl Fn(&P, &mut P) + Send + Sync + 'static) {
        let known = ProfileShape::fields::<P>();
        let names = known.into_iter().find(|names| names.contains(&name));
        self.0.push(HiddenField {
            names: names.map_or_else(
                || vec![name.to_owned()],
                |names| names.into_iter().map(str::to_owned).collect(),
            ),
            keep: Arc::new(keep),
        });
    }

    /// Looks for a field that an update would erase, as far as the type tells.
    ///
    /// # Errors
    /// [`ConfigError`] naming `profile`.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let refused = |problem: &dyn fmt::Display| {
            let profile = type_name::<P>();
            ConfigError::new("profile", format_args!("`{profile}` {problem}"))
        };
        let Some(sample) = sample_profile::<P>() else {
            return Ok(());
        };
        let written = written_fields(&sample);
        for names in ProfileShape::fields::<P>() {
            let kept = self.0.iter().flat_map(|hidden| &hidden.names);
            let is_kept = kept.into_iter().any(|name| names.contains(&name.as_str()));
            let is_written = |written: &Vec<_>| names.iter().any(|name| written.contains(name));
            if !is_kept && !written.as_ref().is_none_or(is_written) {
                let name = names.join("` or `");
                return Err(refused(&format_args!(
                    "does not write its field `{name}`, so that an update of another field would erase it: write it under that name, or \
                     say to `hidden_field` how it is kept"
                )));
            }
        }
        let same = self.unchanged(&sample).map_err(|error| {
            refused(&format_args!(
                "does not read what it writes ({error}): give the field a `#[serde(default)]`, and say to `hidden_field` how it is \
                 kept"
            ))
        })?;
        if is_alike(&same, &sample) {
            Ok(())
        } else {
            Err(refused(&LOSSY))
        }
    }

    /// `profile` after the JSON merge patch `patch`, with the hidden fields that it does not name.
    pub(crate) fn merge(&self, profile: &P, patch: &Map<String, Value>) -> Result<P, MergeError> {
        if strip(patch.clone()).is_empty() {
            return Ok(profile.clone());
        }
        let mut merged = merge_profile(profile, patch)?;
        if let Ok(same) = self.unchanged(profile)
            && !is_alike(&same, profile)
        {
            tracing::error!(target: "portcullis::users", profile = type_name::<P>(), "the profile {LOSSY}");
            return Err(MergeError::Lossy);
        }
        for hidden in self.0.iter().filter(|hidden| !hidden.is_named(patch)) {
            (hidden.keep)(profile, &mut merged);
        }
        Ok(merged)
    }

    /// Whether `patch` names any of them, whose change does not show in what the profile writes.
    pub(crate) fn are_named(&self, patch: &Map<String, Value>) -> bool {
        self.0.iter().any(|hidden| hidden.is_named(patch))
    }

    /// `profile`, written and read.
    fn unchanged(&self, profile: &P) -> Result<P, ProfileError> {
        let mut same = read(fields_of(profile)?)?;
        self.0.iter().for_each(|hidden| (hidden.keep)(profile, &mut same));
        Ok(same)
    }
}

const LOSSY: &str = "does not read all of what it writes, so that an update would lose a part of it: let Serde write that as it is, or say to \
                     `hidden_field` how it is kept";

impl<P> HiddenField<P> {
    fn is_named(&self, patch: &Map<String, Value>) -> bool {
        self.names.iter().any(|name| patch.contains_key(name))
    }
}

/// Whether both have the same parts. Nothing but `Debug` shows a field that Serde skips. Maps and sets may print in another order.
fn is_alike<P: Profile>(one: &P, other: &P) -> bool {
    let [one, other] = [one, other].map(|profile| {
        let mut parts = format!("{profile:?}").into_bytes();
        parts.sort_unstable();
        parts
    });
    one == other
}
