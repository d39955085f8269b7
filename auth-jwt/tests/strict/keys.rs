//! Which keys are taken when a process starts.

use auth_core::{ConfigError, SigningSecret};
use auth_jwt::{
    AsymmetricKeys, HmacAlgorithm, HmacKey, HmacKeys, SigningAlgorithm, SigningKey, VerifyingAlgorithm,
    VerifyingKey,
};

use crate::craft::{
    ED25519, ED25519_PUBLIC, OTHER_ED25519, P256, P256_PUBLIC, RSA, RSA_PUBLIC, SECRET, secret, signing_key,
};

const WEAK_RSA: &str = include_str!("../keys/rsa1024.pem");
const WEAK_RSA_PUBLIC: &str = include_str!("../keys/rsa1024.pub.pem");
const P384: &str = include_str!("../keys/p384.pem");
const P384_PUBLIC: &str = include_str!("../keys/p384.pub.pem");
const SECP256K1: &str = include_str!("../keys/secp256k1.pem");
const SECP256K1_PUBLIC: &str = include_str!("../keys/secp256k1.pub.pem");
const CERTIFICATE: &str = include_str!("../keys/p256.cert.pem");

fn signing(algorithm: SigningAlgorithm, pem: &str) -> ConfigError {
    let error = SigningKey::from_pem(algorithm, pem).expect_err("no key for it");
    assert_eq!(error.setting(), "JWT signing key");
    error
}

fn verifying(algorithm: VerifyingAlgorithm, pem: &str) -> ConfigError {
    let error = VerifyingKey::from_pem(algorithm, pem).expect_err("no key for it");
    assert_eq!(error.setting(), "JWT verifying key");
    error
}

#[test]
fn j3_a_short_hmac_key_is_refused() {
    for (algorithm, min) in [(HmacAlgorithm::Hs384, 48), (HmacAlgorithm::Hs512, 64)] {
        let of = |bytes: usize| {
            let secret = SigningSecret::new(&SECRET.as_bytes()[..bytes]).expect("at least 32");
            HmacKey::new(algorithm, &secret)
        };
        assert!(of(min).is_ok());
        for short in [32, min - 1] {
            let error = of(short).expect_err("too short");
            assert_eq!(error.setting(), "JWT secret");
            assert!(error.to_string().contains(&format!("{short} bytes")), "{error}");
        }
    }
    // What HS256 takes is no shorter than its hash, and never empty.
    for short in [0, 1, 31] {
        assert!(SigningSecret::new(&SECRET.as_bytes()[..short]).is_err());
    }
    assert!(HmacKey::new(HmacAlgorithm::Hs256, &secret()).is_ok());
}

#[test]
fn j4_an_rsa_key_of_1024_bits_is_refused() {
    signing(SigningAlgorithm::Ps256, WEAK_RSA);
    for algorithm in [VerifyingAlgorithm::Ps256, VerifyingAlgorithm::Rs256] {
        let error = verifying(algorithm, WEAK_RSA_PUBLIC);
        assert!(error.to_string().contains("2048"), "{error}");
        assert!(VerifyingKey::from_pem(algorithm, RSA_PUBLIC).is_ok());
    }
}

#[test]
fn j4_a_key_on_another_curve_is_refused() {
    for pem in [P384, SECP256K1, ED25519, RSA] {
        signing(SigningAlgorithm::Es256, pem);
    }
    for pem in [P384_PUBLIC, SECP256K1_PUBLIC, ED25519_PUBLIC, RSA_PUBLIC] {
        verifying(VerifyingAlgorithm::Es256, pem);
    }
}

#[test]
fn j4_a_key_of_another_type_is_refused() {
    for pem in [P256, RSA] {
        signing(SigningAlgorithm::EdDsa, pem);
    }
    for pem in [P256, ED25519] {
        signing(SigningAlgorithm::Ps256, pem);
    }
    for pem in [P256_PUBLIC, RSA_PUBLIC] {
        verifying(VerifyingAlgorithm::EdDsa, pem);
    }
    for pem in [P256_PUBLIC, ED25519_PUBLIC] {
        verifying(VerifyingAlgorithm::Ps256, pem);
        verifying(VerifyingAlgorithm::Rs256, pem);
    }
}

#[test]
fn j4_what_is_not_one_pem_block_of_the_right_label_is_refused() {
    for pem in [
        "",
        "not a key",
        P256_PUBLIC,
        CERTIFICATE,
        "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        &P256.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        &P256.replace("PRIVATE KEY", "EC PRIVATE KEY"),
        &format!("{P256}{P256}"),
        &format!("{CERTIFICATE}{P256}"),
    ] {
        signing(SigningAlgorithm::Es256, pem);
    }
    for pem in [
        "",
        P256,
        CERTIFICATE,
        &P256.replace("PRIVATE KEY", "PUBLIC KEY"),
        &format!("{P256_PUBLIC}{P256_PUBLIC}"),
    ] {
        verifying(VerifyingAlgorithm::Es256, pem);
    }
    verifying(
        VerifyingAlgorithm::Rs256,
        &RSA.replace("PRIVATE KEY", "PUBLIC KEY"),
    );
    verifying(
        VerifyingAlgorithm::EdDsa,
        &ED25519.replace("PRIVATE KEY", "PUBLIC KEY"),
    );
}

#[test]
fn two_keys_of_one_name_are_refused() {
    let named = |kid: &str| {
        HmacKey::new(HmacAlgorithm::Hs256, &secret())
            .expect("long enough")
            .with_kid(kid.parse().expect("a name"))
    };
    let error = HmacKeys::new(named("a"))
        .also_verify(named("a"))
        .expect_err("twice");
    assert_eq!(error.setting(), "kid");
    assert!(HmacKeys::new(named("a")).also_verify(named("b")).is_ok());

    let key = signing_key(SigningAlgorithm::EdDsa);
    let same = key.verifying_key().clone();
    let error = AsymmetricKeys::new(key).also_verify(same).expect_err("twice");
    assert_eq!(error.setting(), "kid");
}

#[test]
fn keys_and_their_errors_print_no_secret() {
    let signing_key = signing_key(SigningAlgorithm::EdDsa);
    let hmac = HmacKey::new(HmacAlgorithm::Hs256, &secret()).expect("long enough");
    let body = ED25519.lines().nth(1).expect("a body");
    let broken = OTHER_ED25519.replace("MC4C", "MC4D");
    for printed in [
        format!("{signing_key:?}"),
        format!("{hmac:?}"),
        format!("{:?}", HmacKeys::new(hmac.clone())),
        format!("{:?}", AsymmetricKeys::new(signing_key.clone())),
        format!("{:?}", signing(SigningAlgorithm::EdDsa, &broken)),
        format!("{}", signing(SigningAlgorithm::Es256, ED25519)),
    ] {
        for secret in [SECRET, body, "48, 102", &SECRET[..10], "[48"] {
            assert!(!printed.contains(secret), "{printed}");
        }
        assert!(!printed.contains("content"), "{printed}");
    }
}
