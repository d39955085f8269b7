//! A user as a client sees it.

use auth_core::User;
use serde::Serialize;

/// A user in an answer: the fields that every user has, then those of the profile, at the same level. Never a hash.
///
/// [`Endpoints`](crate::Endpoints) refuses a profile with a field called like one of the first five, which would occur
/// twice.
#[derive(Debug, Serialize)]
pub(crate) struct UserBody<'a, Id, P> {
    id: &'a Id,
    email: &'a str,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    #[serde(flatten)]
    profile: &'a P,
}

impl<'a, Id, P> From<&'a User<Id, P>> for UserBody<'a, Id, P> {
    fn from(user: &'a User<Id, P>) -> Self {
        Self {
            id: &user.id,
            email: user.email.as_str(),
            is_active: user.is_active,
            is_superuser: user.is_superuser,
            is_verified: user.is_verified,
            profile: &user.profile,
        }
    }
}

#[cfg(test)]
mod tests {
    use auth_core::{NewUser, PasswordHash};
    use time::OffsetDateTime;

    use super::*;

    fn json<P: Serialize>(profile: P) -> String {
        let mut user = NewUser::new(
            "Arthur@camelot.example".parse().expect("email"),
            profile,
            OffsetDateTime::UNIX_EPOCH,
        );
        user.id = None;
        user.password_hash = Some(PasswordHash::new("secret hash"));
        serde_json::to_string(&UserBody::from(&user.into_user(7_i64))).expect("json")
    }

    #[test]
    fn a_user_is_written_in_the_order_of_the_contract_and_without_its_hash() {
        let common = r#"{"id":7,"email":"Arthur@camelot.example","is_active":true,"is_superuser":false,"is_verified":false"#;
        assert_eq!(json(()), format!("{common}}}"));

        #[derive(Serialize)]
        struct Knight {
            quest: &'static str,
        }
        assert_eq!(
            json(Knight { quest: "grail" }),
            format!(r#"{common},"quest":"grail"}}"#)
        );
    }
}
