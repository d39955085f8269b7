//! What a JWK allows (RFC 7517 §4), and the name that a key has without one (RFC 7638).

use auth_core::ConfigError;
use auth_jwt::{Jwk, SigningAlgorithm, VerifyingAlgorithm, VerifyingKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::craft::{ED25519_PUBLIC, P256_PUBLIC, RSA_PUBLIC, base64url, signing_key, verifying_key};

fn parse(jwk: &Value) -> Jwk {
    serde_json::from_value(jwk.clone()).expect("a JWK")
}

fn key(algorithm: VerifyingAlgorithm, jwk: &Value) -> Result<VerifyingKey, ConfigError> {
    VerifyingKey::from_jwk(algorithm, &parse(jwk))
}

/// The key of RFC 8037, appendix A.2.
fn ed25519() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
}

/// The key of RFC 7638 §3.1.
fn rsa() -> Value {
    json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB\
              ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8\
              KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_\
              xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29"
    })
}

fn p256() -> Value {
    serde_json::to_value(verifying_key(VerifyingAlgorithm::Es256).to_jwk()).expect("JSON")
}

fn with(mut jwk: Value, member: &str, value: Value) -> Value {
    jwk[member] = value;
    jwk
}

fn without(mut jwk: Value, member: &str) -> Value {
    jwk.as_object_mut().expect("an object").remove(member);
    jwk
}

#[test]
fn a_key_without_a_name_is_named_by_its_thumbprint() {
    let key_of_rfc_8037 = key(VerifyingAlgorithm::EdDsa, &ed25519()).expect("valid");
    assert_eq!(
        key_of_rfc_8037.kid().expect("named").as_str(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
    let key_of_rfc_7638 = key(VerifyingAlgorithm::Rs256, &without(rsa(), "kid")).expect("valid");
    assert_eq!(
        key_of_rfc_7638.kid().expect("named").as_str(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
    let named = key(VerifyingAlgorithm::Rs256, &rsa()).expect("valid");
    assert_eq!(named.kid().expect("named").as_str(), "2011-04-29");
}

#[test]
fn the_public_half_of_a_private_key_is_the_public_key() {
    for (signing, verifying) in [
        (SigningAlgorithm::EdDsa, VerifyingAlgorithm::EdDsa),
        (SigningAlgorithm::Es256, VerifyingAlgorithm::Es256),
        (SigningAlgorithm::Ps256, VerifyingAlgorithm::Ps256),
    ] {
        let half = signing_key(signing).verifying_key().to_jwk();
        assert_eq!(half, verifying_key(verifying).to_jwk());
    }
}

#[test]
fn j4_use_key_ops_and_alg_are_honoured() {
    for (algorithm, jwk) in [
        (VerifyingAlgorithm::EdDsa, with(ed25519(), "alg", json!("EdDSA"))),
        (VerifyingAlgorithm::Rs256, rsa()),
        (VerifyingAlgorithm::Es256, p256()),
    ] {
        for (member, allowed) in [
            ("use", json!("sig")),
            ("key_ops", json!(["verify"])),
            ("key_ops", json!(["sign", "verify"])),
            ("x5t", json!("ignored")),
        ] {
            assert!(key(algorithm, &with(jwk.clone(), member, allowed)).is_ok());
        }
        for (member, forbidden) in [
            ("use", json!("enc")),
            ("use", json!("Sig")),
            ("use", json!("")),
            ("key_ops", json!([])),
            ("key_ops", json!(["sign"])),
            ("key_ops", json!(["encrypt", "wrapKey"])),
            ("alg", json!("HS256")),
            ("alg", json!("RS384")),
            ("alg", json!("none")),
            ("alg", json!("RSA-OAEP")),
            ("alg", json!("")),
        ] {
            let error = key(algorithm, &with(jwk.clone(), member, forbidden)).expect_err(member);
            assert_eq!(error.setting(), "JWK");
        }
    }
    assert!(
        key(VerifyingAlgorithm::Ps256, &rsa()).is_err(),
        "its alg is RS256"
    );
    assert!(key(VerifyingAlgorithm::Ps256, &without(rsa(), "alg")).is_ok());
}

#[test]
fn j4_a_jwk_of_another_type_or_curve_is_refused() {
    for algorithm in [
        VerifyingAlgorithm::Es256,
        VerifyingAlgorithm::Ps256,
        VerifyingAlgorithm::Rs256,
    ] {
        assert!(key(algorithm, &ed25519()).is_err(), "{algorithm:?}");
    }
    assert!(key(VerifyingAlgorithm::EdDsa, &without(rsa(), "alg")).is_err());
    assert!(key(VerifyingAlgorithm::Es256, &without(rsa(), "alg")).is_err());
    for curve in ["P-384", "P-521", "secp256k1", "Ed25519", "p-256", ""] {
        assert!(key(VerifyingAlgorithm::Es256, &with(p256(), "crv", json!(curve))).is_err());
    }
    for curve in ["Ed448", "X25519", "P-256", ""] {
        assert!(key(VerifyingAlgorithm::EdDsa, &with(ed25519(), "crv", json!(curve))).is_err());
    }
    for kty in ["EC", "RSA", "oct", "AKP", ""] {
        assert!(key(VerifyingAlgorithm::EdDsa, &with(ed25519(), "kty", json!(kty))).is_err());
    }
}

#[test]
fn j4_a_jwk_whose_numbers_are_no_key_is_refused() {
    let short = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ";
    let x = p256()["x"].as_str().expect("text").to_owned();
    // The same point, cut into 31 and 33 bytes.
    let point = ["x", "y"].map(|name| {
        let number = p256()[name].as_str().expect("text").to_owned();
        URL_SAFE_NO_PAD.decode(number).expect("base64url")
    });
    let point = point.concat();
    let (left, right) = point.split_at(31);
    let moved = with(p256(), "x", json!(base64url(left)));
    let moved = with(moved, "y", json!(base64url(right)));
    for (algorithm, jwk) in [
        (VerifyingAlgorithm::EdDsa, with(ed25519(), "x", json!(short))),
        (VerifyingAlgorithm::EdDsa, with(ed25519(), "x", json!(""))),
        (
            VerifyingAlgorithm::EdDsa,
            with(
                ed25519(),
                "x",
                json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp"),
            ),
        ),
        (
            VerifyingAlgorithm::EdDsa,
            with(
                ed25519(),
                "x",
                json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
            ),
        ),
        (VerifyingAlgorithm::EdDsa, without(ed25519(), "x")),
        (VerifyingAlgorithm::Es256, without(p256(), "y")),
        // Off the curve.
        (VerifyingAlgorithm::Es256, with(p256(), "y", json!(x))),
        (VerifyingAlgorithm::Es256, with(p256(), "x", json!(""))),
        (VerifyingAlgorithm::Es256, moved),
        (VerifyingAlgorithm::Rs256, with(rsa(), "n", json!("AQAB"))),
        // Even.
        (
            VerifyingAlgorithm::Rs256,
            with(
                rsa(),
                "n",
                json!(rsa()["n"].as_str().expect("text").replace("DKgw", "DKgg")),
            ),
        ),
        (VerifyingAlgorithm::Rs256, with(rsa(), "n", json!(""))),
        (VerifyingAlgorithm::Rs256, with(rsa(), "e", json!(""))),
        (VerifyingAlgorithm::Rs256, with(rsa(), "e", json!("AA"))),
        (VerifyingAlgorithm::Rs256, with(rsa(), "e", json!("AQ"))),
        (VerifyingAlgorithm::Rs256, with(rsa(), "e", json!("Aw"))),
        (VerifyingAlgorithm::Rs256, with(rsa(), "e", json!("AQAA"))),
        (VerifyingAlgorithm::Rs256, with(rsa(), "e", json!("AAAB"))),
        (VerifyingAlgorithm::Rs256, with(rsa(), "e", json!("AAEAAQ"))),
        (
            VerifyingAlgorithm::Rs256,
            with(rsa(), "e", json!("AQAAAAAAAAAAAAAAAAAB")),
        ),
        (VerifyingAlgorithm::Rs256, without(rsa(), "e")),
        (VerifyingAlgorithm::Rs256, with(rsa(), "crv", json!("P-256"))),
    ] {
        assert!(key(algorithm, &jwk).is_err(), "{jwk}");
    }
}

#[test]
fn j4_an_rsa_jwk_of_fewer_than_2048_bits_is_refused_however_it_is_padded() {
    let n = rsa()["n"].as_str().expect("text").to_owned();
    // Zero octets in front of 1024 bits of the modulus, or of all of it.
    let padded = format!("{}{}", "A".repeat(172), &n[..170]);
    let longer = format!("AAAA{n}");
    for n in [&n[..170], &padded, &longer] {
        assert!(
            key(VerifyingAlgorithm::Rs256, &with(rsa(), "n", json!(n))).is_err(),
            "{n}"
        );
    }
}

#[test]
fn j2_a_symmetric_or_private_jwk_is_refused_and_its_secret_is_not_kept() {
    let private = with(
        ed25519(),
        "d",
        json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"),
    );
    let symmetric = json!({ "kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ", "alg": "HS256" });
    for jwk in [private, symmetric] {
        let parsed = parse(&jwk);
        for algorithm in [VerifyingAlgorithm::EdDsa, VerifyingAlgorithm::Rs256] {
            assert!(VerifyingKey::from_jwk(algorithm, &parsed).is_err());
        }
        let shown = format!("{parsed:?}{}", serde_json::to_string(&parsed).expect("JSON"));
        for secret in ["nWGxne", "AyM1S"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn j11_a_jwk_whose_name_is_no_key_id_is_refused() {
    for kid in ["", "a\nb", "clé", &"k".repeat(257)] {
        let error = key(VerifyingAlgorithm::EdDsa, &with(ed25519(), "kid", json!(kid))).expect_err(kid);
        assert_eq!(error.setting(), "kid");
    }
}

#[test]
fn pem_and_jwk_are_two_ways_to_the_same_key() {
    for (algorithm, pem) in [
        (VerifyingAlgorithm::EdDsa, ED25519_PUBLIC),
        (VerifyingAlgorithm::Es256, P256_PUBLIC),
        (VerifyingAlgorithm::Rs256, RSA_PUBLIC),
    ] {
        let key = VerifyingKey::from_pem(algorithm, pem).expect("valid");
        let again = VerifyingKey::from_jwk(algorithm, &key.to_jwk()).expect("valid");
        assert_eq!(key.to_jwk(), again.to_jwk());
        assert_eq!(again.algorithm(), algorithm);
    }
}
