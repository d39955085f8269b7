//! What a header may say.

use auth_core::Rejection::{BadSignature, Malformed};
use auth_jwt::SigningAlgorithm;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation, jwk::Jwk};
use serde_json::{Value, json};

use crate::craft::{
    HEADER, OTHER_ED25519, SECRET, payload, read, signed, signing_key, strategy, strategy_of, token,
};

/// A token that is valid but for these members of its header.
fn token_with(members: &Value) -> String {
    let mut header = json!({ "alg": "HS256", "typ": "JWT" });
    for (name, value) in members.as_object().expect("an object") {
        header[name] = value.clone();
    }
    token(header.to_string(), payload())
}

/// Whether the crate that does the cryptography takes the token, as it is used by itself.
fn jsonwebtoken_takes(token: &str) -> bool {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.set_audience(&["fastapi-users:auth"]);
    let key = DecodingKey::from_secret(SECRET.as_bytes()).expect("not empty");
    jsonwebtoken::decode::<Value>(token, &key, &validation).is_ok()
}

#[test]
fn a_header_without_anything_unusual_is_read() {
    for header in [
        HEADER,
        r#"{"alg":"HS256"}"#,
        r#" { "typ" : "jwt" , "alg" : "HS256" } "#,
    ] {
        assert!(read(&strategy(), &token(header, payload())).is_ok(), "{header}");
    }
}

#[test]
fn j5_no_token_brings_its_key_along() {
    let attacker = EncodingKey::from_ed_pem(OTHER_ED25519.as_bytes()).expect("valid");
    let jwk = Jwk::from_encoding_key(&attacker, Algorithm::EdDSA).expect("valid");
    for members in [
        json!({ "jwk": jwk }),
        json!({ "jwk": null }),
        json!({ "jku": "https://attacker.example/jwks.json" }),
        json!({ "x5u": "https://attacker.example/certificate.pem" }),
        json!({ "x5c": ["MIIB"] }),
        json!({ "x5c": [] }),
    ] {
        assert_eq!(
            read(&strategy(), &token_with(&members)),
            Err(Malformed),
            "{members}"
        );
    }
    assert!(
        jsonwebtoken_takes(&token_with(&json!({ "jku": "https://attacker.example" }))),
        "that the crate itself takes it is why we look"
    );

    // The attacker's own signature, with the attacker's own key in the header, beside or instead of our key's name.
    let ours = signing_key(SigningAlgorithm::EdDsa);
    let kid = ours.verifying_key().kid().expect("named").to_string();
    let strategy = strategy_of(ours);
    let forge = |header: Value| signed(header.to_string(), payload(), Algorithm::EdDSA, &attacker);
    assert_eq!(
        read(&strategy, &forge(json!({ "alg": "EdDSA", "jwk": jwk }))),
        Err(Malformed)
    );
    assert_eq!(
        read(
            &strategy,
            &forge(json!({ "alg": "EdDSA", "jwk": jwk, "kid": kid }))
        ),
        Err(Malformed)
    );
    assert_eq!(
        read(&strategy, &forge(json!({ "alg": "EdDSA", "kid": kid }))),
        Err(BadSignature)
    );
}

#[test]
fn j6_any_crit_is_rejected() {
    for members in [
        json!({ "crit": [] }),
        json!({ "crit": ["exp"], "exp": 1 }),
        json!({ "crit": ["alg"] }),
        json!({ "crit": ["b64"], "b64": true }),
        json!({ "crit": ["b64"], "b64": false }),
        json!({ "crit": ["urn:example:unknown"], "urn:example:unknown": 1 }),
        json!({ "crit": null }),
        json!({ "crit": "exp" }),
        json!({ "crit": {} }),
        json!({ "b64": true }),
        json!({ "b64": false }),
    ] {
        assert_eq!(
            read(&strategy(), &token_with(&members)),
            Err(Malformed),
            "{members}"
        );
    }
    let critical = json!({ "crit": ["b64"], "b64": true });
    assert!(
        jsonwebtoken_takes(&token_with(&critical)),
        "that the crate itself takes it is why we look"
    );
}

#[test]
fn what_makes_it_something_else_than_a_signed_token_is_rejected() {
    for members in [
        json!({ "zip": "DEF" }),
        json!({ "enc": "A256GCM" }),
        json!({ "enc": null }),
    ] {
        assert_eq!(
            read(&strategy(), &token_with(&members)),
            Err(Malformed),
            "{members}"
        );
    }
}

/// RFC 7515 §4: it must be ignored unless it is critical.
#[test]
fn what_else_a_header_says_is_ignored() {
    for members in [
        json!({ "x5t": "AAAA", "x5t#S256": "AAAA" }),
        json!({ "cty": "JWT" }),
        json!({ "nonce": "n", "url": "https://example.com" }),
        json!({ "Alg": "none", "CRIT": ["exp"], "refused": 1 }),
        json!({ "anything": { "jwk": { "crit": [null, 1.5] } } }),
    ] {
        assert!(read(&strategy(), &token_with(&members)).is_ok(), "{members}");
    }
}

#[test]
fn j9_a_token_that_says_it_is_of_another_kind_is_rejected() {
    for typ in [
        "at+jwt",
        "application/at+jwt",
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "application/jwt",
        "JOSE",
        "JWE",
        "JWT ",
        "",
    ] {
        let token = token_with(&json!({ "typ": typ }));
        assert_eq!(read(&strategy(), &token), Err(Malformed), "{typ:?}");
    }
    for typ in [json!(null), json!(5), json!(["JWT"])] {
        assert_eq!(
            read(&strategy(), &token_with(&json!({ "typ": typ }))),
            Err(Malformed)
        );
    }
}

#[test]
fn j11_a_kid_is_bounded_and_printable_ascii_before_it_is_looked_for() {
    for kid in [
        "",
        "a\0",
        "é",
        "a\nb",
        "\u{7f}",
        &"k".repeat(257),
        &"k".repeat(4000),
    ] {
        assert_eq!(
            read(&strategy(), &token_with(&json!({ "kid": kid }))),
            Err(Malformed),
            "{kid:?}"
        );
    }
    for kid in [json!(null), json!(5), json!(["a"]), json!({})] {
        assert_eq!(
            read(&strategy(), &token_with(&json!({ "kid": kid }))),
            Err(Malformed),
            "{kid}"
        );
    }
    // These are only compared, and name no key of ours.
    for kid in [
        "../../../../dev/null",
        "' OR 1=1 --",
        "https://attacker.example/",
        &"k".repeat(256),
    ] {
        let unknown = token_with(&json!({ "kid": kid }));
        assert_eq!(read(&strategy(), &unknown), Err(BadSignature), "{kid}");
    }
}

#[test]
fn j10_a_name_twice_in_the_header_is_rejected() {
    for header in [
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"HS256","\u0061lg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"JWT","typ":"JWT"}"#,
        r#"{"alg":"HS256","kid":"a","kid":"b"}"#,
        r#"{"alg":"HS256","x5t":"a","x5t":"b"}"#,
        r#"{"alg":"HS256","own":{"a":1,"a":2}}"#,
    ] {
        assert_eq!(
            read(&strategy(), &token(header, payload())),
            Err(Malformed),
            "{header}"
        );
    }
}

#[test]
fn j10_a_header_that_is_no_object_is_rejected() {
    for header in [
        "",
        "null",
        "5",
        r#""HS256""#,
        r#"["HS256"]"#,
        r#"["HS256","JWT",null]"#,
        "{",
        r#"{"alg":"HS256"}}"#,
        r#"{"alg":"HS256",}"#,
        "\u{feff}{\"alg\":\"HS256\"}",
        r#"{'alg':'HS256'}"#,
    ] {
        assert_eq!(
            read(&strategy(), &token(header, payload())),
            Err(Malformed),
            "{header:?}"
        );
    }
}
