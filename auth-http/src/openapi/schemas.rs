//! The schemas of bodies.

use std::ops::RangeInclusive;

use auth_core::{MAX_ROLES, UserId};
use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::{
        ArrayBuilder, KnownFormat, Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, SchemaFormat,
        Type,
        schema::{AnyOfBuilder, SchemaType},
    },
};

use super::profile_shape::ProfileShape;
use crate::MAX_PASSWORD_BYTES;

pub(crate) const USER_READ: &str = "UserRead";
pub(crate) const USER_CREATE: &str = "UserCreate";
pub(crate) const USER_UPDATE: &str = "UserUpdate";
pub(crate) const LOGIN_FORM: &str = "LoginForm";
pub(crate) const BEARER_RESPONSE: &str = "BearerResponse";
pub(crate) const REFRESH_FORM: &str = "RefreshForm";
pub(crate) const BEARER_REFRESH_RESPONSE: &str = "BearerRefreshResponse";
pub(crate) const LOG_IN: &str = "LogIn";
pub(crate) const ERROR_MODEL: &str = "ErrorModel";
pub(crate) const HTTP_VALIDATION_ERROR: &str = "HTTPValidationError";
/// RFC 5321 §4.5.3.1.3.
const MAX_EMAIL_BYTES: usize = 254;
const VALIDATION_ERROR: &str = "ValidationError";

/// Every schema by name, including those that the profile refers to.
pub(crate) fn all<Id: UserId, P: ToSchema>(
    new_password: &RangeInclusive<usize>,
) -> Vec<(String, RefOr<Schema>)> {
    let profile = ProfileShape::of::<P>();
    let own = [
        (USER_READ, profile.added_to(user_read::<Id>())),
        (USER_CREATE, profile.added_to(user_create(new_password))),
        (
            USER_UPDATE,
            profile.optionally_added_to(user_update(new_password)),
        ),
        (LOGIN_FORM, login_form().into()),
        (BEARER_RESPONSE, bearer_response().into()),
        (LOG_IN, log_in().into()),
        (ERROR_MODEL, error_model().into()),
        (HTTP_VALIDATION_ERROR, http_validation_error().into()),
        (VALIDATION_ERROR, validation_error().into()),
    ];
    // The library's own come last, so that a schema of the profile with the same name does not replace one.
    let own = own.map(|(name, schema)| (name.to_owned(), schema));
    profile.references.into_iter().chain(own).collect()
}

/// Those of Bearer backends with refresh tokens.
pub(crate) fn of_refresh() -> [(String, RefOr<Schema>); 2] {
    [
        (REFRESH_FORM.to_owned(), refresh_form().into()),
        (
            BEARER_REFRESH_RESPONSE.to_owned(),
            bearer_refresh_response().into(),
        ),
    ]
}

pub(crate) fn reference(name: &str) -> Ref {
    Ref::from_schema_name(name)
}

/// The JSON type of an id, as far as reading samples tells: a number, a UUID or other text.
pub(crate) fn id<Id: UserId>() -> Object {
    let reads = |sample: Value| serde_json::from_value::<Id>(sample).is_ok();
    let number = |format| schema(Type::Integer).format(Some(SchemaFormat::KnownFormat(format)));
    let schema = if reads(json!(i64::MAX)) {
        number(KnownFormat::Int64)
    } else if reads(json!(1)) {
        number(KnownFormat::Int32)
    } else if reads(json!("00000000-0000-4000-8000-000000000000")) && !reads(json!("text")) {
        text("uuid")
    } else {
        schema(Type::String)
    };
    schema.build()
}

fn user_read<Id: UserId>() -> Object {
    ObjectBuilder::new()
        .property("id", id::<Id>())
        .required("id")
        .property("email", text("email"))
        .required("email")
        .property("is_active", flag("Whether the user may log in."))
        .required("is_active")
        .property("is_superuser", flag("Whether the user may manage others."))
        .required("is_superuser")
        .property("is_verified", flag("Whether the e-mail was confirmed."))
        .required("is_verified")
        .build()
}

fn user_create(new_password: &RangeInclusive<usize>) -> Object {
    let ignored = |default: bool| flag("Ignored.").default(Some(default.into()));
    ObjectBuilder::new()
        .property("email", email())
        .required("email")
        .property("password", password(new_password))
        .required("password")
        .property("is_active", ignored(true))
        .property("is_superuser", ignored(false))
        .property("is_verified", ignored(false))
        .build()
}

fn user_update(new_password: &RangeInclusive<usize>) -> Object {
    let decided = "A superuser decides it for others; ignored in an update of oneself.";
    let password = password(new_password)
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .description(Some(
            "Absent or null: it stays. A new one ends every log-in of the user.",
        ));
    ObjectBuilder::new()
        .description(Some("What is left out stays as it is (RFC 7396)."))
        .property("email", email())
        .property("password", password)
        .property("is_active", flag(decided))
        .property("is_superuser", flag(decided))
        .property("is_verified", flag(decided))
        .build()
}

fn login_form() -> Object {
    let ignored = || schema(Type::String).description(Some("Ignored."));
    ObjectBuilder::new()
        .property("grant_type", schema(Type::String).enum_values(Some(["password"])))
        .property(
            "username",
            schema(Type::String)
                .min_length(Some(1))
                .description(Some("The e-mail.")),
        )
        .required("username")
        .property("password", password(&(1..=MAX_PASSWORD_BYTES)))
        .required("password")
        .property("scope", ignored())
        .property("client_id", ignored())
        .property("client_secret", ignored())
        .property_names(Some(field_name()))
        .build()
}

/// That of a form's field. `multipart/form-data` names it in a header, which has no control characters (RFC 9110 §5.5).
fn field_name() -> Object {
    schema(Type::String)
        .pattern(Some(r"^[^\u0000-\u001f\u007f]*$"))
        .build()
}

fn bearer_response() -> Object {
    ObjectBuilder::new()
        .property("access_token", schema(Type::String))
        .required("access_token")
        .property("token_type", schema(Type::String).enum_values(Some(["bearer"])))
        .required("token_type")
        .build()
}

fn bearer_refresh_response() -> Object {
    ObjectBuilder::from(bearer_response())
        .property(
            "expires_in",
            schema(Type::Integer).description(Some("How many seconds the access token is valid.")),
        )
        .required("expires_in")
        .property(
            "refresh_token",
            schema(Type::String).description(Some("For the refresh. It is another one each time.")),
        )
        .required("refresh_token")
        .build()
}

fn refresh_form() -> Object {
    ObjectBuilder::new()
        .property(
            "grant_type",
            schema(Type::String).enum_values(Some(["refresh_token"])),
        )
        .property("refresh_token", schema(Type::String).min_length(Some(1)))
        .required("refresh_token")
        .property_names(Some(field_name()))
        .build()
}

fn log_in() -> Object {
    let nullable = |field: ObjectBuilder, about| {
        let or_null = SchemaType::from_iter([Type::String, Type::Null]);
        field.schema_type(or_null).description(Some(about))
    };
    let actor = schema(Type::String);
    ObjectBuilder::new()
        .property("id", text("uuid"))
        .property("backend", schema(Type::String))
        .property("created_at", text("date-time"))
        .property("last_used_at", text("date-time"))
        .property(
            "expires_at",
            nullable(
                text("date-time"),
                "When it ends at the latest; null if it does not end by itself.",
            ),
        )
        .property(
            "user_agent",
            nullable(schema(Type::String), "As the client said."),
        )
        .property(
            "address",
            nullable(schema(Type::String), "Of the client, without a port."),
        )
        .property(
            "label",
            nullable(schema(Type::String), "The service's name for it."),
        )
        .property("current", flag("Whether this request belongs to it."))
        .property(
            "actor",
            actor.description(Some(
                "The id of another user, who logged in as this one. Absent if nobody did.",
            )),
        )
        .required("id")
        .required("backend")
        .required("created_at")
        .required("last_used_at")
        .required("expires_at")
        .required("user_agent")
        .required("address")
        .required("label")
        .required("current")
        .build()
}

/// A body with the names of roles, each of which is `defined`.
pub(crate) fn roles(defined: &[String]) -> ArrayBuilder {
    ArrayBuilder::new()
        .items(schema(Type::String).enum_values(Some(defined.iter().map(String::as_str))))
        .max_items(Some(MAX_ROLES))
        .description(Some("The roles that the user has afterwards, and no others."))
}

fn error_model() -> Object {
    let reasoned = ObjectBuilder::new()
        .property("code", schema(Type::String))
        .required("code")
        .property("reason", schema(Type::String))
        .required("reason");
    ObjectBuilder::new()
        .property(
            "detail",
            OneOfBuilder::new().item(schema(Type::String)).item(reasoned),
        )
        .required("detail")
        .build()
}

fn http_validation_error() -> Object {
    ObjectBuilder::new()
        .property("detail", ArrayBuilder::new().items(reference(VALIDATION_ERROR)))
        .required("detail")
        .build()
}

fn validation_error() -> Object {
    let step = AnyOfBuilder::new()
        .item(schema(Type::String))
        .item(schema(Type::Integer));
    ObjectBuilder::new()
        .property("type", schema(Type::String))
        .required("type")
        .property("loc", ArrayBuilder::new().items(step))
        .required("loc")
        .property("msg", schema(Type::String))
        .required("msg")
        .build()
}

fn schema(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

fn text(format: &str) -> ObjectBuilder {
    schema(Type::String).format(Some(SchemaFormat::Custom(format.to_owned())))
}

/// An e-mail as a body holds it.
pub(crate) fn email() -> ObjectBuilder {
    text("email").max_length(Some(MAX_EMAIL_BYTES))
}

/// A password of so many characters.
pub(crate) fn password(length: &RangeInclusive<usize>) -> ObjectBuilder {
    text("password")
        .min_length(Some(*length.start()))
        .max_length(Some(*length.end()))
}

fn flag(about: &str) -> ObjectBuilder {
    schema(Type::Boolean).description(Some(about))
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, fmt, str::FromStr};

    use serde::{Deserialize, Serialize};
    use uuid::Uuid;

    use super::*;

    /// An id of an application's own, written as text.
    #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    struct Badge(String);

    impl fmt::Display for Badge {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }

    impl FromStr for Badge {
        type Err = Infallible;

        fn from_str(text: &str) -> Result<Self, Infallible> {
            Ok(Self(text.to_owned()))
        }
    }

    impl UserId for Badge {
        fn generate() -> Option<Self> {
            None
        }
    }

    fn described<Id: UserId>() -> Value {
        serde_json::to_value(id::<Id>()).expect("json")
    }

    #[test]
    fn an_id_is_described_as_it_is_written() {
        assert_eq!(described::<Uuid>(), json!({ "type": "string", "format": "uuid" }));
        assert_eq!(
            described::<i64>(),
            json!({ "type": "integer", "format": "int64" })
        );
        assert_eq!(
            described::<i32>(),
            json!({ "type": "integer", "format": "int32" })
        );
        assert_eq!(described::<String>(), json!({ "type": "string" }));
        assert_eq!(described::<Badge>(), json!({ "type": "string" }));
    }
}
