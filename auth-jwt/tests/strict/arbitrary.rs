//! Whatever is presented, reading it ends, and only what was issued is valid.

use auth_jwt::{Jwks, KeyId, SigningAlgorithm, SigningKey, VerifyingAlgorithm, VerifyingKey};
use jsonwebtoken::{Algorithm, EncodingKey};
use proptest::{prelude::*, sample::Index};

use crate::craft::{HEADER, SECRET, issue, payload, read, sign, signing_key, strategy, strategy_of, token};

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| value.to_string()),
        any::<String>().prop_map(|value| serde_json::json!(value).to_string()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name = prop_oneof![
            Just("alg".to_owned()),
            Just("kid".to_owned()),
            Just("sub".to_owned()),
            Just("aud".to_owned()),
            Just("exp".to_owned()),
            Just("epoch".to_owned()),
            "[a-z]{1,3}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((name, inner), 0..8).prop_map(|members| {
                let members: Vec<String> = members
                    .iter()
                    .map(|(name, value)| format!("{name:?}:{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_string_is_rejected_without_a_panic(presented in "\\PC{0,64}|[A-Za-z0-9_.=-]{0,200}|.{0,64}") {
        prop_assert!(read(&strategy(), &presented).is_err());
    }

    #[test]
    fn any_three_parts_are_rejected_without_a_panic(
        header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>(),
    ) {
        let parts = [header, payload, signature].map(crate::craft::base64url);
        prop_assert!(read(&strategy(), &parts.join(".")).is_err());
    }

    #[test]
    fn any_header_that_we_signed_is_read_without_a_panic(header in json()) {
        let _ = read(&strategy(), &token(header, payload()));
    }

    #[test]
    fn any_claims_that_we_signed_are_read_without_a_panic(payload in json()) {
        let _ = read(&strategy(), &token(HEADER, payload));
    }

    #[test]
    fn any_signed_text_is_read_without_a_panic(
        header in "[A-Za-z0-9_.=-]{0,80}", payload in "[A-Za-z0-9_.=-]{0,80}",
    ) {
        let key = EncodingKey::from_secret(SECRET.as_bytes()).expect("not empty");
        prop_assert!(read(&strategy(), &sign(&header, &payload, Algorithm::HS256, &key)).is_err());
    }

    #[test]
    fn a_valid_token_is_valid_only_unchanged(edits in edits()) {
        let strategy = strategy();
        check_edits(&strategy, &edits)?;
    }

    #[test]
    fn a_valid_token_of_a_key_pair_is_valid_only_unchanged(edits in edits()) {
        let strategy = strategy_of(signing_key(SigningAlgorithm::EdDsa));
        check_edits(&strategy, &edits)?;
    }

    #[test]
    fn a_key_id_is_what_it_promises_or_refused(name in "\\PC{0,70}|[ -~]{0,260}|[ -~]{0,9}[\\x00-\\x1f\\x7f]") {
        let is_printable = |c: char| c.is_ascii_graphic() || c == ' ';
        let is_valid = (1..=256).contains(&name.len()) && name.chars().all(is_printable);
        prop_assert_eq!(KeyId::new(name).is_ok(), is_valid);
    }

    #[test]
    fn any_pem_or_jwks_is_refused_without_a_panic(body in any::<Vec<u8>>(), text in "\\PC{0,80}", json in json()) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};

        for body in [STANDARD.encode(body), text] {
            let public = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
            let private = public.replace("PUBLIC", "PRIVATE");
            for algorithm in [VerifyingAlgorithm::EdDsa, VerifyingAlgorithm::Es256, VerifyingAlgorithm::Rs256] {
                prop_assert!(VerifyingKey::from_pem(algorithm, &public).is_err());
            }
            for algorithm in [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256, SigningAlgorithm::Ps256] {
                prop_assert!(SigningKey::from_pem(algorithm, &private).is_err());
            }
        }
        let _ = serde_json::from_str::<Jwks>(&format!("{{\"keys\":[{json}]}}"));
    }
}

/// A place, how many characters to take away there, and what to put instead.
fn edits() -> impl Strategy<Value = Vec<(Index, usize, String)>> {
    let text = "[A-Za-z0-9_.=-]{0,3}|\\PC{0,2}";
    prop::collection::vec((any::<Index>(), 0..3_usize, text), 1..4)
}

fn check_edits(
    strategy: &auth_jwt::JwtStrategy,
    edits: &[(Index, usize, String)],
) -> Result<(), TestCaseError> {
    let issued = issue(strategy);
    let mut characters: Vec<char> = issued.chars().collect();
    for (place, taken, put) in edits {
        let start = place.index(characters.len());
        let end = characters.len().min(start + taken);
        characters.splice(start..end, put.chars());
        prop_assume!(!characters.is_empty());
    }
    let edited: String = characters.into_iter().collect();
    prop_assert_eq!(read(strategy, &edited).is_ok(), edited == issued);
    Ok(())
}
