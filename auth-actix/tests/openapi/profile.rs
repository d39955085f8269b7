//! What the document says of users with a profile.

use std::{collections::BTreeSet, sync::Arc};

use auth_actix::Auth;
use auth_core::{
    Lifetime, OpaqueStrategy, SigningSecret,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AuthBackend, BearerTransport};
use auth_users::UserManager;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{description::Description, document::check_references};

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
struct Person {
    first_name: String,
    birthdate: Option<String>,
    #[serde(default)]
    home: Option<Address>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
struct Address {
    city: String,
}

#[actix_web::test]
async fn a_profile_stands_flat_in_the_users_schemas_and_an_id_is_what_it_is() {
    let auth = service_of_persons();
    let description = Description::new(&auth);
    let fields = |name: &str| {
        let fields = description.schema(name)["properties"].as_object();
        fields.expect("fields").keys().cloned().collect::<BTreeSet<_>>()
    };
    let names = |names: &[&str]| -> BTreeSet<_> { names.iter().map(|name| (*name).to_owned()).collect() };
    let required = |name: &str| {
        let required = description.schema(name)["required"].as_array();
        let required = required.into_iter().flatten();
        required
            .map(|name| name.as_str().expect("name").to_owned())
            .collect::<BTreeSet<_>>()
    };
    let flags = ["is_active", "is_superuser", "is_verified"];
    let profile = ["birthdate", "first_name", "home"];
    assert_eq!(
        fields("UserRead"),
        names(&[&["id", "email"], &flags[..], &profile].concat())
    );
    assert_eq!(
        required("UserRead"),
        names(&[&["id", "email", "first_name"], &flags[..]].concat())
    );
    assert_eq!(
        fields("UserCreate"),
        names(&[&["email", "password"], &flags[..], &profile].concat())
    );
    assert_eq!(
        required("UserCreate"),
        names(&["email", "password", "first_name"])
    );
    assert_eq!(fields("UserUpdate"), fields("UserCreate"));
    assert_eq!(required("UserUpdate"), names(&[]));
    assert_eq!(
        description.schema("UserRead")["properties"]["id"],
        json!({ "type": "integer", "format": "int64" })
    );
    assert!(description.schema("Address")["properties"]["city"].is_object());
    check_references(&description.0, &description.0);
}

fn service_of_persons() -> Auth<i64, Person> {
    let users = MemoryUserStore::<i64, Person>::with_ids(|n| i64::try_from(n).ok());
    let secret = SigningSecret::generate().expect("secret");
    let manager = UserManager::builder(Arc::new(users), &secret)
        .build()
        .expect("users");
    let tokens = OpaqueStrategy::new(Arc::new(MemoryAccessTokenStore::new()), Lifetime::FOREVER);
    Auth::builder(manager)
        .backend(AuthBackend::new("bearer", BearerTransport, tokens))
        .build()
        .expect("auth")
}
