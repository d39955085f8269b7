//! The application's own fields, at the top level of the users' schemas.

use std::collections::BTreeMap;

use utoipa::{
    ToSchema,
    openapi::{AllOfBuilder, Object, RefOr, Schema, schema::AdditionalProperties},
};

/// The fields in the schema of a profile.
pub(crate) struct ProfileShape {
    fields: Object,
    /// The whole schema, if it is not a plain list of fields.
    whole: Option<RefOr<Schema>>,
    /// The schemas that it refers to.
    pub(crate) references: BTreeMap<String, RefOr<Schema>>,
}

impl ProfileShape {
    pub(crate) fn of<P: ToSchema>() -> Self {
        let mut references = Vec::new();
        P::schemas(&mut references);
        let mut shape = Self {
            fields: Object::new(),
            whole: None,
            references: references.into_iter().collect(),
        };
        let schema = P::schema();
        if !shape.take_fields(&schema) {
            shape.fields = Object::new();
            shape.whole = Some(schema);
        }
        shape
    }

    /// `own` with the profile's fields. Fields that `own` already has stay as they are.
    pub(crate) fn added_to(&self, own: Object) -> RefOr<Schema> {
        let object = self.merged(own, true);
        match &self.whole {
            None => object,
            Some(whole) => AllOfBuilder::new().item(object).item(whole.clone()).into(),
        }
    }

    /// `own` with the profile's fields, all optional. If the profile's schema is not a list of fields, no schema can
    /// express that its parts are optional, but any object allows additional fields.
    pub(crate) fn optionally_added_to(&self, own: Object) -> RefOr<Schema> {
        self.merged(own, false)
    }

    fn merged(&self, mut own: Object, required: bool) -> RefOr<Schema> {
        for (name, schema) in &self.fields.properties {
            if own.properties.contains_key(name) {
                continue;
            }
            own.properties.insert(name.clone(), schema.clone());
            if required && self.fields.required.contains(name) {
                own.required.push(name.clone());
            }
        }
        own.additional_properties
            .clone_from(&self.fields.additional_properties);
        RefOr::T(Schema::Object(own))
    }

    /// Collects the fields of `schema`, through references and `allOf`. False if it is something else.
    fn take_fields(&mut self, schema: &RefOr<Schema>) -> bool {
        match schema {
            RefOr::Ref(reference) => {
                let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
                // Removed first, so that a recursive schema ends.
                let Some((name, schema)) = self.references.remove_entry(name) else {
                    return false;
                };
                let taken = self.take_fields(&schema);
                self.references.insert(name, schema);
                taken
            }
            RefOr::T(Schema::AllOf(all)) => all.items.iter().all(|item| self.take_fields(item)),
            RefOr::T(Schema::Object(object)) if object.enum_values.is_none() => {
                self.fields.properties.extend(object.properties.clone());
                self.fields.required.extend(object.required.clone());
                if let Some(additional) = &object.additional_properties
                    && !matches!(**additional, AdditionalProperties::FreeForm(false))
                {
                    self.fields.additional_properties = Some(additional.clone());
                }
                true
            }
            RefOr::T(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::{Value, json};
    use utoipa::openapi::ObjectBuilder;

    use super::*;

    #[derive(Serialize, ToSchema)]
    struct Address {
        city: String,
    }

    #[derive(Serialize, ToSchema)]
    struct Person {
        first_name: String,
        nickname: Option<String>,
        home: Address,
        #[serde(flatten)]
        work: Work,
        /// Already a field of every user.
        email: i32,
    }

    #[derive(Serialize, ToSchema)]
    struct Work {
        company: String,
    }

    #[derive(Serialize, ToSchema)]
    #[serde(tag = "kind")]
    #[expect(dead_code, reason = "only its schema counts")]
    enum Party {
        Person { first_name: String },
        Company { registration: u32 },
    }

    fn own() -> Object {
        ObjectBuilder::new()
            .property("email", ObjectBuilder::new())
            .required("email")
            .build()
    }

    fn json(schema: &RefOr<Schema>) -> Value {
        serde_json::to_value(schema).expect("json")
    }

    #[test]
    fn a_struct_stands_flat_with_what_is_flattened_into_it() {
        let shape = ProfileShape::of::<Person>();
        let added = json(&shape.added_to(own()));
        let fields: Vec<_> = added["properties"].as_object().expect("fields").keys().collect();
        assert_eq!(fields, ["company", "email", "first_name", "home", "nickname"]);
        assert_eq!(added["properties"]["email"], json!({ "type": "object" }));
        let mut required: Vec<_> = added["required"].as_array().expect("required").clone();
        required.sort_by_key(ToString::to_string);
        assert_eq!(required, ["company", "email", "first_name", "home"]);
        assert!(shape.references.contains_key("Address"));
    }

    #[test]
    fn an_update_requires_no_field_of_the_profile() {
        let added = json(&ProfileShape::of::<Person>().optionally_added_to(Object::new()));
        assert!(added["properties"]["first_name"].is_object());
        assert_eq!(added.get("required"), None);
    }

    #[test]
    fn no_profile_adds_nothing() {
        let shape = ProfileShape::of::<()>();
        assert_eq!(
            json(&shape.added_to(own())),
            json(&RefOr::T(Schema::Object(own())))
        );
        assert!(shape.references.is_empty());
    }

    #[test]
    fn a_profile_that_is_no_list_of_fields_stands_beside_them() {
        let shape = ProfileShape::of::<Party>();
        let added = json(&shape.added_to(own()));
        assert!(added["allOf"][0]["properties"]["email"].is_object());
        assert!(added["allOf"][1]["oneOf"].is_array());
        let optional = json(&shape.optionally_added_to(own()));
        assert!(optional["properties"]["email"].is_object());
    }
}
