//! The claim `scope` (RFC 8693 §4.2), for a service that verifies alone.

use auth_core::{Permission, Rejection::BadClaim};

use crate::craft::{HEADER, payload, payload_with, read, strategy, token};

const READ: Permission = Permission::from_static("reports:read");

#[test]
fn m7_a_scope_permits_what_it_names_and_nothing_if_it_is_absent() {
    let strategy = strategy().read_scopes();
    for (scope, may) in [
        ("reports:read", true),
        ("reports:*", true),
        ("*", true),
        ("a:b reports:read", true),
        ("reports", false),
        ("reports:reads reports:rea", false),
        ("reports:read:all", false),
        ("Reports:read", false),
    ] {
        let token = token(HEADER, payload_with("scope", &format!("{scope:?}")));
        let credential = read(&strategy, &token).expect(scope);
        assert_eq!(credential.scope.permits(&READ), may, "{scope}");
    }
    let credential = read(&strategy, &token(HEADER, payload())).expect("valid");
    assert!(!credential.scope.permits(&READ));
}

#[test]
fn m7_a_scope_of_a_wrong_form_is_rejected_if_it_is_read() {
    for wrong in [
        "null",
        "true",
        "1",
        "[]",
        r#"["reports:read"]"#,
        "{}",
        r#""""#,
        r#"" ""#,
        r#"" reports:read""#,
        r#""reports:read ""#,
        r#""a  b""#,
        r#""a\tb""#,
        r#""a,b""#,
        r#""a::b""#,
        r#""**""#,
        r#""r*""#,
        r#""*:read""#,
        r#""https://example.com/read""#,
        r#""r\u00e9ports""#,
        r#""a\u0000""#,
    ] {
        let token = token(HEADER, payload_with("scope", wrong));
        let refused = read(&strategy().read_scopes(), &token);
        assert_eq!(refused.map(drop), Err(BadClaim), "{wrong}");
        let ignored = read(&strategy(), &token).expect("other claims are ignored");
        assert!(ignored.scope.is_empty(), "{wrong}");
    }
}
