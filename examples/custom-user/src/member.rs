//! The member: a user with a profile, and an id that the database makes.

use diesel::prelude::*;
use portcullis::{StoreError, User, sql::sqlite::Database};
use serde::{Deserialize, Serialize};
use time::Date;
use utoipa::ToSchema;

use crate::schema::{self, members};

/// The application's user type, named once.
pub type Member = User<i64, Profile>;

/// The application's own fields: columns of `members`, and top-level fields in a member's JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Queryable, Selectable, ToSchema)]
#[diesel(table_name = members)]
pub struct Profile {
    /// The name by which the library greets the member.
    pub first_name: String,
    /// `YYYY-MM-DD`; may be left out.
    #[serde(default, with = "iso_date::option")]
    pub birthdate: Option<Date>,
}

time::serde::format_description!(iso_date, Date, "[year]-[month]-[day]");

portcullis::sql::user_store! {
    /// The members, in their own table.
    pub struct Members: Sqlite {
        table: schema::members,
        id: i64,
        profile: Profile { first_name, birthdate },
    }
}

portcullis::sql::access_token_store! {
    /// The log-ins of the members.
    pub struct MemberTokens: Sqlite { table: schema::member_tokens, user_id: i64 }
}

/// The profiles of the members who were born before `date`, oldest first: a query on a real column.
///
/// # Errors
/// [`StoreError`] if the database does not answer.
pub async fn members_born_before(database: &Database, date: Date) -> Result<Vec<Profile>, StoreError> {
    database
        .read(move |connection| {
            members::table
                .filter(members::birthdate.lt(date))
                .order(members::birthdate)
                .select(Profile::as_select())
                .load(connection)
        })
        .await
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::Profile;

    #[test]
    fn a_birthdate_is_an_iso_date_and_may_be_left_out() {
        let ada: Profile =
            serde_json::from_str(r#"{"first_name":"Ada","birthdate":"1815-12-10"}"#).expect("a profile");
        assert_eq!(ada.birthdate, Some(date!(1815 - 12 - 10)));
        let ben: Profile = serde_json::from_str(r#"{"first_name":"Ben"}"#).expect("a profile");
        assert_eq!(
            serde_json::to_string(&[ada, ben]).expect("JSON"),
            r#"[{"first_name":"Ada","birthdate":"1815-12-10"},{"first_name":"Ben","birthdate":null}]"#
        );
        serde_json::from_str::<Profile>(r#"{"first_name":"Eve","birthdate":"10/12/1815"}"#)
            .expect_err("no ISO date");
    }
}
