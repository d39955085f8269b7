//! The compact form, and exactly the issued string.

use auth_core::Rejection::{BadSignature, Malformed};
use auth_jwt::{AsymmetricKeys, MAX_TOKEN_BYTES, SigningAlgorithm, VerifyingAlgorithm};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};

use crate::craft::{
    HEADER, SECRET, base64url, issue, parts, payload, payload_with, read, sign, signing_key, strategy,
    strategy_of, token, verifying_key,
};

const BASE64URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[test]
fn t2_every_edit_of_one_character_is_rejected() {
    let strategy = strategy();
    let token = issue(&strategy);
    assert!(read(&strategy, &token).is_ok());
    let others = [".", "=", "+", "/", " ", "\n", "\0", "%", "é"];
    let characters: Vec<String> = BASE64URL
        .chars()
        .map(String::from)
        .chain(others.map(String::from))
        .collect();
    for position in 0..=token.len() {
        let (before, after) = token.split_at(position);
        let following = after.get(1..).unwrap_or_default();
        for character in &characters {
            let inserted = format!("{before}{character}{after}");
            assert!(read(&strategy, &inserted).is_err(), "inserted: {inserted}");
            let replaced = format!("{before}{character}{following}");
            assert!(
                replaced == token || read(&strategy, &replaced).is_err(),
                "replaced: {replaced}"
            );
        }
        if !after.is_empty() {
            assert!(
                read(&strategy, &format!("{before}{following}")).is_err(),
                "removed at {position}"
            );
        }
    }
}

#[test]
fn t2_every_edit_of_one_character_is_rejected_with_key_pairs_too() {
    for algorithm in [
        SigningAlgorithm::EdDsa,
        SigningAlgorithm::Es256,
        SigningAlgorithm::Ps256,
    ] {
        let strategy = strategy_of(signing_key(algorithm));
        let token = issue(&strategy);
        for position in 0..token.len() {
            let (before, after) = token.split_at(position);
            let held = &after[..1];
            let at = BASE64URL.find(held).unwrap_or_default();
            for other in [at ^ 1, at ^ 2, at ^ 32] {
                let edited = format!("{before}{}{}", &BASE64URL[other..=other], &after[1..]);
                assert!(read(&strategy, &edited).is_err(), "{algorithm:?}: {edited}");
            }
        }
    }
}

#[test]
fn t2_the_other_signature_of_es256_is_rejected_and_never_issued() {
    let own = strategy_of(signing_key(SigningAlgorithm::Es256)).issuer("them");
    // Another issuer's key, whose tokens have either.
    let theirs = AsymmetricKeys::new(signing_key(SigningAlgorithm::EdDsa))
        .trust_issuer("them", verifying_key(VerifyingAlgorithm::Es256))
        .expect("another key");
    let theirs = strategy_of(theirs);
    for _token in 0..32 {
        let token = issue(&own);
        let [header, payload, signature] = parts(&token);
        let other = format!("{header}.{payload}.{}", base64url(with_the_other_s(signature)));
        assert!(read(&own, &token).is_ok(), "the smaller s is issued");
        assert_eq!(read(&own, &other), Err(BadSignature), "{other}");
        assert!(read(&theirs, &token).is_ok() && read(&theirs, &other).is_ok());
    }
}

/// (r, n − s) for (r, s).
fn with_the_other_s(signature: &str) -> Vec<u8> {
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let mut signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let mut borrow = 0;
    for at in (0..32).rev() {
        let digit = i32::from_str_radix(&order[2 * at..2 * at + 2], 16).expect("hexadecimal");
        let difference = digit - i32::from(signature[32 + at]) - borrow;
        borrow = i32::from(difference < 0);
        signature[32 + at] = u8::try_from(difference.rem_euclid(256)).expect("a byte");
    }
    signature
}

#[test]
fn t2_a_prefix_a_suffix_another_case_and_white_space_are_rejected() {
    let strategy = strategy();
    let token = issue(&strategy);
    for end in 0..token.len() {
        assert!(read(&strategy, &token[..end]).is_err(), "{end}");
        assert!(read(&strategy, &token[end + 1..]).is_err(), "{end}");
    }
    for edited in [
        token.to_uppercase(),
        token.to_lowercase(),
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("\t{token}"),
        format!("\"{token}\""),
        format!("Bearer {token}"),
        format!("{token},{token}"),
        format!("{token}{token}"),
        token.replace('.', ". "),
        token.replace('.', ".\n"),
    ] {
        assert_eq!(read(&strategy, &edited), Err(Malformed), "{edited:?}");
    }
}

#[test]
fn j10_a_token_has_three_parts() {
    let strategy = strategy();
    let token = issue(&strategy);
    let [header, payload, signature] = parts(&token);
    for form in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        header.to_owned(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{header}.{payload}.{payload}.{signature}"),
        // The five parts of an encrypted token (RFC 7516 §7.1).
        format!("{header}.{payload}.{payload}.{payload}.{signature}"),
    ] {
        assert_eq!(read(&strategy, &form), Err(Malformed), "{form}");
    }
}

#[test]
fn j10_the_json_forms_are_rejected() {
    let strategy = strategy();
    let token = issue(&strategy);
    let [header, payload, signature] = parts(&token);
    for form in [
        serde_json::json!({ "payload": payload, "protected": header, "signature": signature }),
        serde_json::json!({ "payload": payload, "signatures": [{ "protected": header, "signature": signature }] }),
        serde_json::json!(token),
        serde_json::json!([token]),
    ] {
        assert_eq!(read(&strategy, &form.to_string()), Err(Malformed), "{form}");
    }
}

#[test]
fn j10_base64url_that_is_not_canonical_is_rejected_even_if_it_is_what_was_signed() {
    let strategy = strategy();
    let key = EncodingKey::from_secret(SECRET.as_bytes()).expect("not empty");
    // 28 bytes, so that the last character has bits to spare.
    let header = base64url(r#"{"alg":"HS256","typ":"JWT"} "#);
    assert_eq!(header.len() % 4, 2);
    let payload = base64url(payload());
    assert!(read(&strategy, &sign(&header, &payload, Algorithm::HS256, &key)).is_ok());
    let last = header.pop_last();
    for other in [
        format!("{header}="),
        format!("{header}=="),
        format!("{header}%3D%3D"),
        format!("{} ", header),
        format!("{}{}", last.0, next(last.1)),
        format!("{}\n{}", &header[..4], &header[4..]),
    ] {
        let token = sign(&other, &payload, Algorithm::HS256, &key);
        assert_eq!(read(&strategy, &token), Err(Malformed), "{other:?}");
    }
}

#[test]
fn j10_a_signature_that_is_not_canonical_base64url_is_rejected() {
    let strategy = strategy();
    let token = issue(&strategy);
    // 32 bytes are 43 characters, the last of which has two bits to spare.
    let (rest, last) = token.pop_last();
    assert_eq!(read(&strategy, &format!("{rest}{}", next(last))), Err(Malformed));
    for padded in [format!("{token}="), format!("{token}==")] {
        assert_eq!(read(&strategy, &padded), Err(Malformed));
    }
    let [header, payload, signature] = parts(&token);
    for short in [&signature[..4], &signature[..42]] {
        let token = format!("{header}.{payload}.{short}");
        assert!(matches!(read(&strategy, &token), Err(BadSignature | Malformed)));
    }
}

#[test]
fn j10_the_other_base64_alphabet_is_rejected() {
    let strategy = strategy();
    let key = EncodingKey::from_secret(SECRET.as_bytes()).expect("not empty");
    let payload = payload_with("own", r#""???>>>~~~ÿÿÿ""#);
    let encoded = base64url(&payload);
    let other = encoded.replace('-', "+").replace('_', "/");
    assert_ne!(encoded, other);
    let header = base64url(HEADER);
    assert!(read(&strategy, &sign(&header, &encoded, Algorithm::HS256, &key)).is_ok());
    assert_eq!(
        read(&strategy, &sign(&header, &other, Algorithm::HS256, &key)),
        Err(Malformed)
    );
}

#[test]
fn j11_a_token_of_more_than_8_kib_is_rejected_however_valid_it_is() {
    let strategy = strategy();
    let padded = |bytes: usize| token(HEADER, payload_with("own", &format!("{:?}", "x".repeat(bytes))));
    let (longest, too_long) = (0..=MAX_TOKEN_BYTES)
        .map(padded)
        .map_while(|token| (token.len() <= MAX_TOKEN_BYTES + 4).then_some(token))
        .partition::<Vec<_>, _>(|token| token.len() <= MAX_TOKEN_BYTES);
    let longest = longest.last().expect("some fit");
    assert!(longest.len() > MAX_TOKEN_BYTES - 4);
    assert!(read(&strategy, longest).is_ok());
    assert!(!too_long.is_empty());
    for token in too_long {
        assert_eq!(read(&strategy, &token), Err(Malformed), "{} bytes", token.len());
    }
    for huge in [
        "a".repeat(1 << 24),
        ".".repeat(1 << 24),
        format!("{}.{}", issue(&strategy), "a".repeat(1 << 24)),
    ] {
        assert_eq!(read(&strategy, &huge), Err(Malformed));
    }
}

#[test]
fn json_nested_without_end_is_rejected() {
    let strategy = strategy();
    let deep = format!("{}{}", "[".repeat(2500), "]".repeat(2500));
    let payload = token(HEADER, payload_with("own", &deep));
    assert!(payload.len() <= MAX_TOKEN_BYTES);
    assert_eq!(read(&strategy, &payload), Err(Malformed));
    let header = token(format!(r#"{{"alg":{deep}}}"#), self::payload());
    assert_eq!(read(&strategy, &header), Err(Malformed));
}

trait PopLast {
    fn pop_last(&self) -> (&str, char);
}

impl PopLast for String {
    fn pop_last(&self) -> (&str, char) {
        let (last, rest) = (self.chars().last().expect("not empty"), &self[..self.len() - 1]);
        (rest, last)
    }
}

/// The character whose value is one more: only bits to spare differ where the last is even.
fn next(character: char) -> char {
    let at = BASE64URL.find(character).expect("base64url");
    assert_eq!(at % 2, 0, "the spare bits are zero");
    BASE64URL.chars().nth(at + 1).expect("not the last")
}
