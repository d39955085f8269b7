//! One key, one algorithm, and the caller names both (RFC 8725 §3.1, §3.2).

use auth_core::Rejection::{BadSignature, Malformed};
use auth_jwt::{
    AsymmetricKeys, HmacAlgorithm, HmacKey, HmacKeys, JwtKeys, SigningAlgorithm, VerifyingAlgorithm,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey};

use crate::craft::{
    HEADER, P256, P256_PUBLIC, RSA, RSA_PUBLIC, SECRET, base64url, decoded, issue, parts, payload, read,
    secret, signed, signing_key, strategy, strategy_of, token, verifying_key,
};

/// Each algorithm, a set of keys that signs with it, and a key that signs the same by hand.
fn every_algorithm() -> Vec<(&'static str, JwtKeys)> {
    let hmac = |algorithm| JwtKeys::from(HmacKey::new(algorithm, &secret()).expect("long enough"));
    vec![
        ("HS256", hmac(HmacAlgorithm::Hs256)),
        ("HS384", hmac(HmacAlgorithm::Hs384)),
        ("HS512", hmac(HmacAlgorithm::Hs512)),
        ("EdDSA", signing_key(SigningAlgorithm::EdDsa).into()),
        ("ES256", signing_key(SigningAlgorithm::Es256).into()),
        ("PS256", signing_key(SigningAlgorithm::Ps256).into()),
    ]
}

#[test]
fn j13_each_signing_algorithm_issues_what_it_reads() {
    for (name, keys) in every_algorithm() {
        let strategy = strategy_of(keys);
        let token = issue(&strategy);
        let header = decoded(parts(&token)[0]);
        assert_eq!(header["alg"], name);
        assert_eq!(header["typ"], "JWT");
        assert_eq!(header["kid"].is_string(), !name.starts_with("HS"), "{name}");
        assert_eq!(read(&strategy, &token).expect(name).subject.epoch, 7);
    }
}

#[test]
fn j1_a_token_is_read_by_no_key_of_another_algorithm() {
    let strategies: Vec<_> = every_algorithm()
        .into_iter()
        .map(|(name, keys)| (name, strategy_of(keys)))
        .collect();
    for (signer, issuing) in &strategies {
        let token = issue(issuing);
        for (reader, reading) in strategies.iter().filter(|(reader, _)| reader != signer) {
            assert_eq!(
                read(reading, &token),
                Err(BadSignature),
                "{signer} read by {reader}"
            );
        }
    }
}

#[test]
fn j1_none_in_any_case_is_rejected() {
    let strategy = strategy();
    let [_, payload, signature] = parts(&token(HEADER, payload())).map(str::to_owned);
    for none in ["none", "None", "NONE", "nOnE", "", " none", "none\0"] {
        let header = serde_json::json!({ "alg": none, "typ": "JWT" }).to_string();
        let message = format!("{}.{payload}", base64url(&header));
        assert_eq!(
            read(&strategy, &format!("{message}.")),
            Err(Malformed),
            "{none:?}"
        );
        assert_eq!(
            read(&strategy, &format!("{message}.{signature}")),
            Err(BadSignature),
            "{none:?}"
        );
        // Signed by the right key, even.
        assert_eq!(
            read(&strategy, &token(&header, self::payload())),
            Err(BadSignature),
            "{none:?}"
        );
    }
}

#[test]
fn j1_the_algorithm_is_compared_to_the_letter() {
    for other in [
        "hs256", "Hs256", "HS256 ", " HS256", "HS256\0", "HS384", "HMAC", "ES256", "RS256", "dir",
    ] {
        let header = serde_json::json!({ "alg": other }).to_string();
        assert_eq!(
            read(&strategy(), &token(header, payload())),
            Err(BadSignature),
            "{other}"
        );
    }
    for no_text in [
        r#"{"alg":null}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":5}"#,
        r#"{"typ":"JWT"}"#,
    ] {
        assert_eq!(
            read(&strategy(), &token(no_text, payload())),
            Err(Malformed),
            "{no_text}"
        );
    }
}

#[test]
fn j1_a_public_key_is_never_taken_for_an_hmac_secret() {
    for (algorithm, pem) in [
        (SigningAlgorithm::Ps256, RSA_PUBLIC),
        (SigningAlgorithm::Es256, P256_PUBLIC),
    ] {
        let key = signing_key(algorithm);
        let kid = key.verifying_key().kid().expect("named").to_string();
        let strategy = strategy_of(key);
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(&base64).expect("base64");
        for secret in [pem.as_bytes(), pem.trim_end().as_bytes(), base64.as_bytes(), &der] {
            let secret = EncodingKey::from_secret(secret).expect("not empty");
            for header in [
                serde_json::json!({ "alg": "HS256" }),
                serde_json::json!({ "alg": "HS256", "kid": kid }),
            ] {
                let forged = signed(header.to_string(), payload(), Algorithm::HS256, &secret);
                assert_eq!(read(&strategy, &forged), Err(BadSignature));
            }
            // The header names the right algorithm and the signature is an HMAC.
            let header = serde_json::json!({ "alg": parts_alg(algorithm), "kid": kid });
            let forged = signed(header.to_string(), payload(), Algorithm::HS256, &secret);
            assert_eq!(read(&strategy, &forged), Err(BadSignature));
        }
    }
}

fn parts_alg(algorithm: SigningAlgorithm) -> &'static str {
    match algorithm {
        SigningAlgorithm::EdDsa => "EdDSA",
        SigningAlgorithm::Es256 => "ES256",
        SigningAlgorithm::Ps256 => "PS256",
        other => panic!("{other:?} is not tested"),
    }
}

#[test]
fn j1_an_rsa_key_verifies_with_its_own_padding_alone() {
    let key = signing_key(SigningAlgorithm::Ps256);
    let kid = key.verifying_key().kid().expect("named").to_string();
    let strategy = strategy_of(key);
    let private = EncodingKey::from_rsa_pem(RSA.as_bytes()).expect("valid");
    let forge = |named: &str, algorithm| {
        let header = serde_json::json!({ "alg": named, "kid": kid }).to_string();
        signed(header, payload(), algorithm, &private)
    };
    assert!(read(&strategy, &forge("PS256", Algorithm::PS256)).is_ok());
    for algorithm in [
        Algorithm::RS256,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::RS512,
    ] {
        let name = format!("{algorithm:?}");
        assert_eq!(
            read(&strategy, &forge(&name, algorithm)),
            Err(BadSignature),
            "{name}"
        );
        assert_eq!(
            read(&strategy, &forge("PS256", algorithm)),
            Err(BadSignature),
            "{name}"
        );
    }
}

#[test]
fn j1_an_ec_key_verifies_a_signature_of_fixed_length_alone() {
    let key = verifying_key(VerifyingAlgorithm::Es256);
    let kid = key.kid().expect("named").to_string();
    let keys = AsymmetricKeys::new(signing_key(SigningAlgorithm::EdDsa)).also_verify(key);
    let strategy = strategy_of(keys.expect("another key"));
    let header = serde_json::json!({ "alg": "ES256", "kid": kid }).to_string();
    let private = EncodingKey::from_ec_pem(P256.as_bytes()).expect("valid");
    let token = signed(&header, payload(), Algorithm::ES256, &private);
    assert!(read(&strategy, &token).is_ok());
    let [header, payload, _] = parts(&token);
    for signature in [vec![0; 64], vec![0; 1], vec![0x30; 72], vec![0xff; 64]] {
        let forged = format!("{header}.{payload}.{}", base64url(signature));
        assert_eq!(read(&strategy, &forged), Err(BadSignature));
    }
}

#[test]
fn j1_one_key_for_two_algorithms_is_refused() {
    let key = |algorithm| HmacKey::new(algorithm, &secret()).expect("long enough");
    let error = HmacKeys::new(key(HmacAlgorithm::Hs256))
        .also_verify(key(HmacAlgorithm::Hs512).with_kid("512".parse().expect("a name")))
        .expect_err("one secret, two algorithms");
    assert_eq!(error.setting(), "JWT secret");
    assert!(!error.to_string().contains(&SECRET[..8]), "{error}");

    let error = AsymmetricKeys::new(signing_key(SigningAlgorithm::Ps256))
        .also_verify(verifying_key(VerifyingAlgorithm::Rs256).without_kid())
        .expect_err("one RSA key, two algorithms");
    assert_eq!(error.setting(), "JWT verifying key");
}
