use crate::UserId;

/// The id that a `text` from outside stands for, such as a part of a path or the `sub` of a JWT. Every such text passes
/// here before it reaches a store.
///
/// `None` is nobody's id: the text does not parse, or its id has a NUL, which no text column of PostgreSQL can hold. Asked
/// for it, the server answers with an error rather than "no such user".
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
