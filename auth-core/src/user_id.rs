use crate::UserId;

/// The id in a `text` from outside, for example a part of a path or the `sub` of a JWT. Every such text must pass here
/// before it reaches a store.
///
/// `None` if no user can have the id: the text does not parse, or the id contains a NUL. No text column of PostgreSQL
/// can hold a NUL, so the server would answer with an error instead of "no such user".
#[must_use]
pub fn user_id_from_text<Id: UserId>(text: &str) -> Option<Id> {
    let id: Id = text.parse().ok()?;
    (!id.to_string().contains('\0')).then_some(id)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a7_an_id_with_a_nul_is_nobodys() {
        for text in ["\0", "lance\0lot", "lancelot\0"] {
            assert_eq!(user_id_from_text::<String>(text), None, "{text:?}");
        }
        assert_eq!(user_id_from_text("lancelot"), Some("lancelot".to_owned()));
    }

    #[test]
    fn a_text_that_does_not_parse_is_nobodys() {
        assert_eq!(user_id_from_text::<Uuid>("lancelot"), None);
        assert_eq!(user_id_from_text::<i32>("2147483648"), None);
        assert_eq!(user_id_from_text::<i64>("-7"), Some(-7));
    }
}
