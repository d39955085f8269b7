use super::*;

#[test]
fn e1_e2_a_store_error_is_a_503_or_a_500_by_its_kind_and_names_no_internals() {
    use StoreErrorKind::{Contention, Internal, InvalidData, Refused, Timeout, Unreachable};

    for (kind, status, detail) in [
        (Timeout, 503, "Service Unavailable"),
        (Unreachable, 503, "Service Unavailable"),
        (Refused, 503, "Service Unavailable"),
        (Contention, 503, "Service Unavailable"),
        (InvalidData, 500, "Internal Server Error"),
        (Internal, 500, "Internal Server Error"),
    ] {
        let error = StoreError::new(kind, "sqlite", "no such table: users");
        let response = HttpError::from(error).into_response();
        assert_eq!(response.status, status, "{kind}");
        let body = json!({ "detail": detail }).to_string();
        assert_eq!(response.body.as_deref(), Some(&*body));
        let has = |header| response.headers.iter().any(|(name, _)| *name == header);
        assert!(has("cache-control") && has("x-correlation-id") && !has("set-cookie"));
        assert_eq!(has("retry-after"), status == 503, "{kind}");
        assert!(!format!("{:?}", response.headers).contains("sqlite"));
    }
}

#[test]
fn d4_a_503_says_when_to_come_back_in_whole_seconds_and_at_least_one() {
    for (error, seconds) in [
        (StoreError::refused("sqlite", "no such table: users"), "1"),
        (StoreError::timeout("sqlite", Duration::from_secs(2)), "1"),
        (StoreError::overloaded("password hashing", Duration::ZERO), "1"),
        (
            StoreError::overloaded("password hashing", Duration::from_secs(3)),
            "3",
        ),
        (
            StoreError::overloaded("password hashing", Duration::from_millis(3001)),
            "4",
        ),
    ] {
        let said = error.to_string();
        let response = HttpError::from(error).into_response();
        let header = response.headers.iter().find(|(name, _)| *name == "retry-after");
        assert_eq!(header.map(|(_, value)| value.as_str()), Some(seconds), "{said}");
    }
}

#[test]
fn a_422_names_the_field_and_never_the_input() {
    let errors = vec![
        FieldError::missing("email"),
        FieldError::for_body("missing", "m"),
        FieldError {
            loc: vec![
                PathStep::Key("homes".into()),
                PathStep::Index(1),
                PathStep::Key("city.name".into()),
            ],
            ..FieldError::for_body("missing", "m")
        },
    ];
    assert_eq!(
        HttpError::Unprocessable(errors).into_response().body.as_deref(),
        Some(
            r#"{"detail":[{"loc":["body","email"],"msg":"Field required","type":"missing"},{"loc":["body"],"msg":"m","type":"missing"},{"loc":["body","homes",1,"city.name"],"msg":"m","type":"missing"}]}"#
        )
    );
}

#[test]
fn a_code_is_written_in_screaming_snake_case() {
    assert_eq!(
        HttpError::Code(ErrorCode::UpdateUserEmailAlreadyExists)
            .into_response()
            .body
            .as_deref(),
        Some(r#"{"detail":"UPDATE_USER_EMAIL_ALREADY_EXISTS"}"#)
    );
}
