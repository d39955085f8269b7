use std::{any::type_name, collections::BTreeSet, fmt, sync::Arc};

use auth_core::{ConfigError, Profile, ProfileShape, sample_profile, written_fields};
use serde_json::{Map, Value};

use super::{ProfileError, fields_of, merge_profile, plain, read, strip};
use crate::LOG;

type Keep<P> = Arc<dyn Fn(&P, &mut P) + Send + Sync>;

/// The fields that a profile does not write. Updates keep them.
pub(crate) struct HiddenFields<P>(Vec<HiddenField<P>>);

struct HiddenField<P> {
    names: Vec<String>,
    keep: Keep<P>,
}

/// The reason that a profile cannot be patched.
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

    /// Looks for a field that an update would lose, as far as the type shows that.
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
        let read = || self.unchanged(&sample);
        let [same, again] = read().and_then(|same| Ok([same, read()?])).map_err(|error| {
            refused(&format_args!(
                "does not read what it writes ({error}): give the field a `#[serde(default)]`, and say to `hidden_field` how it is \
                 kept"
            ))
        })?;
        // The sample was just read, so it has no precision to lose. A value that differs each time is an address.
        if lost(&sample, &same).is_subset(&differing(&same, &again)) {
            Ok(())
        } else {
            Err(refused(&LOSSY))
        }
    }

    /// `profile` after the JSON merge patch `patch`. Hidden fields that it does not name stay the same.
    pub(crate) fn merge(&self, profile: &P, patch: &Map<String, Value>) -> Result<P, MergeError> {
        if strip(patch.clone()).is_empty() {
            return Ok(profile.clone());
        }
        let mut merged = merge_profile(profile, patch)?;
        if let Ok(same) = self.unchanged(profile)
            && self.erases(profile, &same)?
        {
            tracing::error!(target: LOG, profile = type_name::<P>(), "the profile {LOSSY}");
            return Err(MergeError::Lossy);
        }
        for hidden in self.0.iter().filter(|hidden| !hidden.is_named(patch)) {
            (hidden.keep)(profile, &mut merged);
        }
        Ok(merged)
    }

    /// True if `patch` names any of them. Their change does not show in the serialised profile.
    pub(crate) fn are_named(&self, patch: &Map<String, Value>) -> bool {
        self.0.iter().any(|hidden| hidden.is_named(patch))
    }

    /// True if `same`, the copy of `before` by Serde, has lost a field that Serde does not write. What is written may
    /// come back less precise, if it is then written as before.
    fn erases(&self, before: &P, same: &P) -> Result<bool, ProfileError> {
        let mut lost = lost(before, same);
        if lost.is_empty() {
            return Ok(false);
        }
        let [written, again] =
            [fields_of(before)?, fields_of(same)?].map(|fields| format!("{:#}", Value::Object(fields)));
        let written = parts(&written);
        if written != parts(&again) {
            return Ok(true);
        }
        // If `Debug` names no fields, the field is unknown.
        lost.remove("");
        let mut read = names(&written);
        // If Serde and Rust have different names for a field, it differs if it is read from other JSON, but not from
        // the same.
        if let Some(sample) = sample_profile::<P>() {
            read.extend(
                &differing(same, &self.unchanged(&sample)?) - &differing(same, &self.unchanged(before)?),
            );
        }
        Ok(!lost.is_subset(&read))
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

/// The names of the fields with a value in `before` that is not in `after`. Nothing but `Debug` shows a field that
/// Serde skips.
fn lost<P: Profile>(before: &P, after: &P) -> BTreeSet<String> {
    let [before, after] = [before, after].map(|profile| format!("{profile:#?}"));
    names(&parts(&before).difference(&parts(&after)).cloned().collect())
}

/// The names of the fields that have another value in each.
fn differing<P: Profile>(one: &P, other: &P) -> BTreeSet<String> {
    &lost(one, other) & &lost(other, one)
}

/// The values in a `text` of one a line, which is indented JSON or `Debug`, each with its field's name but for case and
/// underscores. Their order does not count: that of a set or a map may be another each time.
fn parts(text: &str) -> BTreeSet<(String, &str)> {
    let mut name = String::new();
    let lines = text.lines().map(|line| line.trim().trim_end_matches(','));
    let parts = lines.filter_map(|line| {
        if let Some((field, _value)) = line.split_once(": ") {
            name = plain(field);
        } else if line.ends_with(['{', '(', '[', '}', ')', ']']) {
            return None;
        }
        Some((name.clone(), line))
    });
    parts.collect()
}

fn names(parts: &BTreeSet<(String, &str)>) -> BTreeSet<String> {
    parts.iter().map(|(name, _line)| name.clone()).collect()
}
