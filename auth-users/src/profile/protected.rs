use auth_core::{ConfigError, Profile, ProfileShape, sample_profile, written_fields};
use serde_json::{Map, Value, json};

use super::{PathStep, ProfileError, RESERVED, fields_of, new_profile};

/// Fields of a profile that users cannot set for themselves.
///
/// A field is protected under each of its names. If the names cannot be found, for example because of
/// `#[serde(flatten)]`, a body that would set the field under another name is refused. This compares the serialised
/// profile, so a field that it does not write cannot be protected then.
#[derive(Clone, Debug, Default)]
pub struct ProtectedFields {
    /// The names that the application gave.
    fields: Vec<String>,
    /// The same with their aliases.
    names: Vec<String>,
    /// True if there can be no other names.
    are_known: bool,
}

impl ProtectedFields {
    /// These fields of `P`, by the names that they have in JSON.
    ///
    /// # Errors
    /// [`ConfigError`] naming `protected_fields` if `P` has no such field, if every user has the field, or if the names
    /// of `P`'s fields cannot be found and `P` does not write it.
    pub fn new<P: Profile>(fields: impl IntoIterator<Item = String>) -> Result<Self, ConfigError> {
        let refused = |problem: String| Err(ConfigError::new("protected_fields", problem));
        let mut protected = Self {
            are_known: ProfileShape::of::<P>() != ProfileShape::Other,
            ..Self::default()
        };
        let known = ProfileShape::fields::<P>();
        for field in fields {
            if RESERVED.contains(&field.as_str()) {
                return refused(format!(
                    "`{field}` is no field of the profile but one that every user has, with rules of its own: leave it out"
                ));
            }
            let names = known.iter().find(|names| names.contains(&field.as_str()));
            match names {
                Some(names) => protected.names.extend(names.iter().map(|&name| name.to_owned())),
                None if protected.are_known => {
                    let known = known.concat();
                    return refused(format!(
                        "the profile reads no field `{field}`; it reads {known:?}"
                    ));
                }
                None if !may_write::<P>(&field) => {
                    return refused(format!(
                        "the profile does not write `{field}`, as far as a sample of it shows, and may read it under other names, \
                         which nobody knows (`#[serde(flatten)]`): name the field as it is written, let Serde always write it, and \
                         give each required field a `#[serde(default)]`"
                    ));
                }
                None => protected.names.push(field.clone()),
            }
            protected.fields.push(field);
        }
        Ok(protected)
    }

    /// Removes the protected fields from a body that a user sent about themselves.
    pub fn strip(&self, body: &mut Map<String, Value>) {
        for name in &self.names {
            body.remove(name);
        }
    }

    /// Makes a profile of what a user sent. It ignores the protected fields, and those that never belong to a profile: `id`,
    /// `email`, `password` and the flags.
    ///
    /// # Errors
    /// [`ProfileError`] naming the field that is missing or of the wrong type, or a protected one that `body` sets under a name
    /// that could not be found.
    pub fn new_profile<P: Profile>(&self, mut body: Map<String, Value>) -> Result<P, ProfileError> {
        self.strip(&mut body);
        if self.are_known || self.fields.is_empty() {
            return new_profile(body);
        }
        let profile: P = new_profile(body.clone())?;
        // It can only have been set under a name that the profile does not write.
        let written = fields_of(&profile)?;
        let unknown: Vec<_> = body.keys().filter(|&name| !written.contains_key(name)).collect();
        self.check_unknown(&body, &profile, &unknown)?;
        Ok(profile)
    }

    /// Checks that none of the names `unknown` sets a protected field of `profile`, which was read from `body`.
    fn check_unknown<P: Profile>(
        &self,
        body: &Map<String, Value>,
        profile: &P,
        unknown: &[&String],
    ) -> Result<(), ProfileError> {
        let mut without = body.clone();
        for &name in unknown {
            without.remove(name);
        }
        match new_profile::<P>(without) {
            Ok(before) => self.check(&before, profile),
            Err(error) => {
                let missing = self.fields.iter().find(|&field| error.field() == Some(field));
                match (missing, unknown) {
                    (Some(field), _) => Err(not_yours(field)),
                    // It is an alias of a required field that is not protected.
                    (None, [] | [_]) => Ok(()),
                    // By bisection, because a body can have thousands of meaningless names.
                    (None, _) => {
                        let (some, others) = unknown.split_at(unknown.len() / 2);
                        self.check_unknown(body, profile, some)?;
                        self.check_unknown(body, profile, others)
                    }
                }
            }
        }
    }

    /// Checks that a user's own change from `before` to `after` does not change the protected fields.
    ///
    /// # Errors
    /// [`ProfileError`] that names the field that was changed.
    pub fn check<P: Profile>(&self, before: &P, after: &P) -> Result<(), ProfileError> {
        if self.are_known || self.fields.is_empty() {
            return Ok(());
        }
        let (before, after) = (fields_of(before)?, fields_of(after)?);
        let changed = self
            .fields
            .iter()
            .find(|&field| before.get(field) != after.get(field));
        changed.map_or(Ok(()), |field| Err(not_yours(field)))
    }
}

fn not_yours(field: &str) -> ProfileError {
    let path = vec![PathStep::Key(field.to_owned())];
    ProfileError::new(path, "value_error", "Field is not yours to set")
}

/// True if `P` writes `field`, always or if a body sets it under that name.
fn may_write<P: Profile>(field: &str) -> bool {
    let written = sample_profile::<P>().and_then(|sample| fields_of(&sample).ok());
    written.is_some_and(|written| {
        let values = written
            .values()
            .cloned()
            .chain([json!("a"), json!(1), json!(true)]);
        let mut set = values.map(|value| {
            let mut fields = written.clone();
            fields.insert(field.to_owned(), value);
            new_profile::<P>(fields).and_then(|profile| fields_of(&profile))
        });
        written.contains_key(field) || set.any(|fields| fields.is_ok_and(|fields| fields.contains_key(field)))
    })
}

/// Refuses a profile with a field that every user has: JSON would have the name twice, and the field could not be set.
///
/// # Errors
/// [`ConfigError`] naming `profile`.
pub fn check_profile_names<P: Profile>() -> Result<(), ConfigError> {
    let mut names = ProfileShape::fields::<P>().concat();
    if let Some(sample) = sample_profile::<P>() {
        let written = fields_of(&sample).unwrap_or_default();
        if let Some(name) = RESERVED.iter().find(|&&name| written.contains_key(name)) {
            names.push(name);
        }
        names.extend(written_fields(&sample).unwrap_or_default());
    }
    match names.into_iter().find(|name| RESERVED.contains(name)) {
        None => Ok(()),
        Some(name) => Err(ConfigError::new(
            "profile",
            format_args!("has a field `{name}`, which every user has: give it another name"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::merge_profile;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Member {
        #[serde(alias = "called")]
        name: String,
        #[serde(rename = "planName", alias = "plan", alias = "tier", default)]
        plan: Option<String>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        member: Member,
    }

    fn protected<P: Profile>(fields: &[&str]) -> Result<ProtectedFields, ConfigError> {
        ProtectedFields::new::<P>(fields.iter().map(|&field| field.to_owned()))
    }

    fn body(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().expect("object")
    }

    fn ada(plan: Option<&str>) -> Member {
        Member {
            name: "Ada".to_owned(),
            plan: plan.map(str::to_owned),
        }
    }

    #[test]
    fn u3_a_field_that_the_profile_does_not_have_is_an_error_that_names_those_it_has() {
        for field in ["plann", "PLANNAME", "", "name "] {
            let error = protected::<Member>(&["planName", field]).expect_err(field);
            assert_eq!(error.setting(), "protected_fields");
            assert!(
                error.to_string().contains(r#""name", "plan", "planName""#),
                "{error}"
            );
        }
        for field in RESERVED {
            let error = protected::<Member>(&[field]).expect_err(field);
            assert!(error.to_string().contains("every user has"), "{error}");
            protected::<Flat>(&[field]).expect_err(field);
        }
        protected::<()>(&["plan"]).expect_err("no fields");
        protected::<BTreeMap<String, String>>(&["plan"]).expect("it may have one");
    }

    #[test]
    fn u3_a_protected_field_is_protected_under_each_of_its_names() {
        for named in ["planName", "plan", "tier"] {
            let protected = protected::<Member>(&[named]).expect("a field");
            for name in ["planName", "plan", "tier"] {
                let said = body(&json!({"called": "Ada", name: "enterprise"}));
                assert_eq!(
                    protected.new_profile::<Member>(said.clone()).expect("valid"),
                    ada(None)
                );
                let mut said = said;
                protected.strip(&mut said);
                assert_eq!(said, body(&json!({"called": "Ada"})), "{name}");
            }
        }
    }

    #[test]
    fn u3_a_field_whose_names_nobody_knows_is_protected_by_what_happens_to_it() {
        let protected = protected::<Flat>(&["planName"]).expect("it may have one");
        let flat = |plan| Flat { member: ada(plan) };
        let by_name = protected.new_profile::<Flat>(body(&json!({"name": "Ada", "planName": "enterprise"})));
        assert_eq!(by_name.expect("valid"), flat(None));
        for name in ["plan", "tier"] {
            let said = body(&json!({"name": "Ada", name: "enterprise"}));
            let error = protected.new_profile::<Flat>(said).expect_err(name);
            assert_eq!(error.field(), Some("planName"));
        }
        let same = flat(Some("free"));
        let patch = body(&json!({"planName": null, "tier": "enterprise"}));
        let patched = merge_profile(&same, &patch).expect("valid");
        assert_eq!(patched, flat(Some("enterprise")));
        assert_eq!(
            protected.check(&same, &patched).expect_err("changed").field(),
            Some("planName")
        );
        protected.check(&same, &same).expect("the same");
    }

    #[test]
    fn v2_u3_a_field_that_is_not_written_cannot_be_protected_where_nobody_knows_its_names() {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        struct Hidden {
            #[serde(skip_serializing, default, alias = "tier")]
            plan: String,
        }
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        struct Outer {
            #[serde(flatten)]
            hidden: Hidden,
        }
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        struct Named {
            name: String,
            age: u8,
            #[serde(flatten)]
            hidden: Hidden,
            #[serde(flatten)]
            others: BTreeMap<String, Value>,
        }
        for refused in [
            protected::<Outer>(&["plan"]),
            protected::<Named>(&["plan"]),
            protected::<Flat>(&["plan"]),
            protected::<Flat>(&["plann"]),
        ] {
            let error = refused.expect_err("not written");
            assert_eq!(error.setting(), "protected_fields");
            assert!(error.to_string().contains("does not write `plan"), "{error}");
        }
        protected::<Hidden>(&["plan"]).expect("its names are known");
        protected::<Named>(&["name", "credit"]).expect("a map writes any name");

        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        struct Left {
            #[serde(skip_serializing_if = "Option::is_none")]
            credit: Option<u32>,
            #[serde(flatten)]
            member: Member,
        }
        protected::<Left>(&["credit"]).expect("it is left out for now");
    }

    #[test]
    fn u3_an_alias_of_a_field_that_is_not_protected_is_read_where_nobody_knows_the_names() {
        let protected = protected::<Flat>(&["planName"]).expect("it writes one");
        let called = protected.new_profile::<Flat>(body(&json!({"called": "Ada"})));
        assert_eq!(called.expect("valid"), Flat { member: ada(None) });
        let said = body(&json!({"called": "Ada", "tier": "enterprise", "unknown": 1}));
        let error = protected
            .new_profile::<Flat>(said)
            .expect_err("a protected field");
        assert_eq!(error.field(), Some("planName"));
    }

    #[test]
    fn v2_a_required_field_is_protected_under_its_alias_where_nobody_knows_the_names() {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        struct Required {
            #[serde(alias = "called")]
            name: String,
            #[serde(alias = "tier")]
            plan: String,
        }
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        struct Outer {
            #[serde(flatten)]
            required: Required,
        }
        let protected = protected::<Outer>(&["plan"]).expect("it writes one");
        for name in ["name", "called"] {
            let said = body(&json!({name: "Ada", "tier": "enterprise"}));
            let error = protected.new_profile::<Outer>(said).expect_err(name);
            assert_eq!(error.message(), "Field is not yours to set", "{name}");
        }
    }

    #[test]
    fn u3_a_profile_with_a_field_of_every_user_is_an_error() {
        #[derive(Clone, Debug, Serialize, Deserialize)]
        struct Taken {
            email: String,
        }
        #[derive(Clone, Debug, Serialize, Deserialize)]
        struct Aliased {
            #[serde(alias = "is_superuser")]
            boss: bool,
        }
        #[derive(Clone, Debug, Serialize, Deserialize)]
        struct Written {
            #[serde(rename(serialize = "id"))]
            number: u32,
        }
        #[derive(Clone, Debug, Serialize, Deserialize)]
        struct WithRoles {
            roles: Vec<String>,
        }
        for (checked, name) in [
            (check_profile_names::<WithRoles>(), "`roles`"),
            (check_profile_names::<Taken>(), "`email`"),
            (check_profile_names::<Aliased>(), "`is_superuser`"),
            (check_profile_names::<Written>(), "`id`"),
        ] {
            let error = checked.expect_err(name);
            assert_eq!(error.setting(), "profile");
            assert!(error.to_string().contains(name), "{error}");
        }
        check_profile_names::<Member>().expect("its own names");
        check_profile_names::<Flat>().expect("its own names");
        check_profile_names::<()>().expect("no names");
    }
}
