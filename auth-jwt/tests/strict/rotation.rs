//! Keys change without anyone being logged out.

use auth_core::{
    Lifetime,
    Rejection::{BadClaim, BadSignature},
    SigningSecret,
};
use auth_jwt::{
    AsymmetricKeys, HmacAlgorithm, HmacKey, HmacKeys, Jwks, JwtStrategy, SigningAlgorithm, SigningKey,
    VerifyingAlgorithm, VerifyingKey,
};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use crate::craft::{
    ED25519, HEADER, OTHER_ED25519, RSA, START, clock_at, decoded, issue, parts, payload, payload_with,
    payload_without, read, signed, signing_key, strategy, strategy_of, verifying_key,
};

const THEM: &str = "https://login.example.com";

/// The bytes of the secret that is called `secret` here.
fn bytes(secret: &str) -> Vec<u8> {
    format!("{secret}, one of several that sign in turn").into_bytes()
}

fn hmac(secret: &str, kid: Option<&str>) -> HmacKey {
    let secret = SigningSecret::new(bytes(secret)).expect("long enough");
    let key = HmacKey::new(HmacAlgorithm::Hs256, &secret).expect("long enough");
    match kid {
        Some(kid) => key.with_kid(kid.parse().expect("a name")),
        None => key,
    }
}

#[test]
fn j13_secrets_rotate_without_downtime() {
    let old = strategy_of(hmac("a", Some("a")));
    let prepared = HmacKeys::new(hmac("a", Some("a")))
        .also_verify(hmac("b", Some("b")))
        .expect("valid");
    let prepared = strategy_of(prepared);
    let rotated = HmacKeys::new(hmac("b", Some("b")))
        .also_verify(hmac("a", Some("a")))
        .expect("valid");
    let rotated = strategy_of(rotated);
    let done = strategy_of(hmac("b", Some("b")));

    let (of_old, of_new) = (issue(&old), issue(&rotated));
    assert_eq!(decoded(parts(&of_old)[0])["kid"], "a");
    assert_eq!(decoded(parts(&of_new)[0])["kid"], "b", "the newest signs");
    for strategy in [&prepared, &rotated] {
        assert!(read(strategy, &of_old).is_ok());
        assert!(read(strategy, &of_new).is_ok());
    }
    assert_eq!(read(&done, &of_old), Err(BadSignature));
    assert!(read(&done, &of_new).is_ok());
    assert_eq!(read(&old, &of_new), Err(BadSignature));
}

#[test]
fn n8_the_tokens_of_an_old_secret_are_valid_while_that_is_accepted_and_the_new_one_signs() {
    let secret = || SigningSecret::generate().expect("secret");
    let (old, new) = (secret(), secret());
    let lifetime = Lifetime::from_secs(60).expect("lifetime");
    let strategy = |secret: &SigningSecret| {
        let strategy: JwtStrategy = JwtStrategy::hs256(secret, lifetime).expect("strategy");
        strategy.clock(clock_at(START))
    };
    let both = strategy(&new.clone().also_accept(old.clone()));
    let (old, new) = (strategy(&old), strategy(&new));
    let (before, after) = (issue(&old), issue(&both));
    assert!(read(&both, &before).is_ok() && read(&both, &after).is_ok());
    assert!(read(&new, &after).is_ok());
    assert_eq!(read(&new, &before), Err(BadSignature));
    assert_eq!(read(&old, &after), Err(BadSignature));
}

#[test]
fn j13_the_kid_chooses_the_key_and_no_other_is_tried() {
    let keys = HmacKeys::new(hmac("b", Some("b")))
        .also_verify(hmac("a", Some("a")))
        .and_then(|keys| keys.also_verify(hmac("c", None)))
        .expect("valid");
    let strategy = strategy_of(keys);
    let forge = |secret: &str, header: serde_json::Value| {
        let key = EncodingKey::from_secret(&bytes(secret)).expect("not empty");
        signed(header.to_string(), payload(), Algorithm::HS256, &key)
    };
    for (secret, kid) in [("a", "a"), ("b", "b")] {
        let token = forge(secret, json!({ "alg": "HS256", "kid": kid }));
        assert!(read(&strategy, &token).is_ok());
    }
    for (secret, kid) in [("a", "b"), ("b", "a"), ("c", "a"), ("a", "c"), ("a", "A")] {
        let token = forge(secret, json!({ "alg": "HS256", "kid": kid }));
        assert_eq!(read(&strategy, &token), Err(BadSignature), "{secret} named {kid}");
    }
    assert!(read(&strategy, &forge("c", json!({ "alg": "HS256" }))).is_ok());
    for secret in ["a", "b"] {
        let token = forge(secret, json!({ "alg": "HS256" }));
        assert_eq!(read(&strategy, &token), Err(BadSignature), "{secret} unnamed");
    }
}

#[test]
fn j13_key_pairs_rotate_without_downtime_and_across_algorithms() {
    let old = signing_key(SigningAlgorithm::Ps256);
    let new = signing_key(SigningAlgorithm::EdDsa);
    let of_old = issue(&strategy_of(old.clone()));
    let keys = AsymmetricKeys::new(new)
        .also_verify(old.verifying_key().clone())
        .expect("valid");
    let rotated = strategy_of(keys);
    let of_new = issue(&rotated);
    assert_eq!(decoded(parts(&of_new)[0])["alg"], "EdDSA");
    assert!(read(&rotated, &of_old).is_ok());
    assert!(read(&rotated, &of_new).is_ok());
}

#[test]
fn j13_the_jwks_document_holds_our_public_keys_alone() {
    let theirs = SigningKey::from_pem(SigningAlgorithm::EdDsa, OTHER_ED25519).expect("valid");
    let keys = AsymmetricKeys::new(signing_key(SigningAlgorithm::EdDsa))
        .also_verify(verifying_key(VerifyingAlgorithm::Es256))
        .and_then(|keys| keys.trust_issuer(THEM, theirs.verifying_key().clone()))
        .and_then(|keys| keys.also_verify(verifying_key(VerifyingAlgorithm::Rs256)))
        .expect("valid");
    let document = serde_json::to_value(keys.jwks()).expect("JSON");
    let members: [&[&str]; 3] = [
        &["alg", "crv", "kid", "kty", "use", "x"],
        &["alg", "crv", "kid", "kty", "use", "x", "y"],
        &["alg", "e", "kid", "kty", "n", "use"],
    ];
    let shown = document["keys"].as_array().expect("an array");
    assert_eq!(shown.len(), 3);
    for ((jwk, members), algorithm) in shown.iter().zip(members).zip(["EdDSA", "ES256", "RS256"]) {
        let mut names: Vec<&String> = jwk.as_object().expect("an object").keys().collect();
        names.sort();
        assert_eq!(names, members);
        assert_eq!(jwk["alg"], algorithm);
        assert_eq!(jwk["use"], "sig");
    }
}

#[test]
fn j13_who_fetched_the_jwks_document_verifies_with_it() {
    let keys = AsymmetricKeys::new(signing_key(SigningAlgorithm::Es256));
    let document = serde_json::to_string(&keys.jwks()).expect("JSON");
    let token = issue(&strategy_of(keys).issuer("us"));

    let fetched: Jwks = serde_json::from_str(&document).expect("JSON");
    let kid = decoded(parts(&token)[0])["kid"]
        .as_str()
        .expect("text")
        .to_owned();
    let jwk = fetched.find(&kid).expect("there");
    let key = VerifyingKey::from_jwk(VerifyingAlgorithm::Es256, jwk).expect("valid");
    let other = SigningKey::from_pem(SigningAlgorithm::EdDsa, OTHER_ED25519).expect("valid");
    let keys = AsymmetricKeys::new(other).trust_issuer("us", key);
    let reader = strategy_of(keys.expect("valid"));
    assert!(read(&reader, &token).is_ok());
}

#[test]
fn j13_rs256_verifies_the_tokens_of_another_issuer() {
    let private = EncodingKey::from_rsa_pem(RSA.as_bytes()).expect("valid");
    let key = verifying_key(VerifyingAlgorithm::Rs256);
    let header = json!({ "alg": "RS256", "kid": key.kid().expect("named") }).to_string();
    let payload = payload_with("iss", &json!(THEM).to_string());
    let token = signed(header, &payload, Algorithm::RS256, &private);
    let unnamed = signed(r#"{"alg":"RS256"}"#, &payload, Algorithm::RS256, &private);

    let ours = || AsymmetricKeys::new(signing_key(SigningAlgorithm::EdDsa));
    let reader = strategy_of(ours().trust_issuer(THEM, key.clone()).expect("valid"));
    assert!(read(&reader, &token).is_ok());
    assert_eq!(read(&reader, &unnamed), Err(BadSignature));
    let reader = strategy_of(ours().trust_issuer(THEM, key.without_kid()).expect("valid"));
    assert!(read(&reader, &unnamed).is_ok());
    assert_eq!(read(&reader, &token), Err(BadSignature));
}

/// What signs as the key of `pem`, under its own name, a token of `issuer`, in JSON, or of nobody.
fn of_issuer(pem: &str, kid: &str, issuer: Option<&str>) -> String {
    let header = json!({ "alg": "EdDSA", "kid": kid }).to_string();
    let payload = issuer.map_or_else(payload, |issuer| payload_with("iss", issuer));
    let key = EncodingKey::from_ed_pem(pem.as_bytes()).expect("valid");
    signed(header, payload, Algorithm::EdDSA, &key)
}

fn named(pem: &str, kid: &str) -> SigningKey {
    let key = SigningKey::from_pem(SigningAlgorithm::EdDsa, pem).expect("valid");
    key.with_kid(kid.parse().expect("a name"))
}

#[test]
fn j8_a_key_of_another_issuer_vouches_for_that_issuer_alone() {
    let (ours, theirs) = (named(ED25519, "ours"), named(OTHER_ED25519, "theirs"));
    let keys = AsymmetricKeys::new(ours).trust_issuer(THEM, theirs.verifying_key().clone());
    let keys = keys.expect("valid");
    let them = json!(THEM).to_string();
    for reader in [
        strategy_of(keys.clone()),
        strategy_of(keys.clone()).issuer("https://auth.example.com"),
    ] {
        assert!(read(&reader, &of_issuer(OTHER_ED25519, "theirs", Some(&them))).is_ok());
        for another in [
            None,
            Some(r#""""#),
            Some(r#""https://auth.example.com""#),
            Some(r#""https://login.example.com/""#),
            Some(r#""https://LOGIN.example.com""#),
            Some(r#"["https://login.example.com"]"#),
            Some("null"),
        ] {
            let token = of_issuer(OTHER_ED25519, "theirs", another);
            assert_eq!(read(&reader, &token), Err(BadClaim), "{another:?}");
        }
        assert_eq!(
            read(&reader, &of_issuer(OTHER_ED25519, "ours", Some(&them))),
            Err(BadSignature)
        );
        assert!(read(&reader, &issue(&reader)).is_ok());
    }
    // Our own keys are held to our own issuer, where there is one.
    let reader = strategy_of(keys.clone());
    for any in [None, Some(&*them), Some(r#""https://auth.example.com""#)] {
        assert!(read(&reader, &of_issuer(ED25519, "ours", any)).is_ok(), "{any:?}");
    }
    let reader = reader.issuer("https://auth.example.com");
    for another in [None, Some(&*them)] {
        let token = of_issuer(ED25519, "ours", another);
        assert_eq!(read(&reader, &token), Err(BadClaim), "{another:?}");
    }
}

#[test]
fn j8_a_name_or_a_key_that_issuers_share_vouches_for_each_as_its_own() {
    let theirs = || named(OTHER_ED25519, "1").verifying_key().clone();
    let ours = AsymmetricKeys::new(named(ED25519, "1"));
    let keys = ours
        .clone()
        .trust_issuer("one", theirs())
        .and_then(|keys| keys.trust_issuer("two", theirs()))
        .expect("valid");
    let reader = strategy_of(keys).issuer("us");
    for (pem, issuer, is_read) in [
        (ED25519, "us", true),
        (ED25519, "one", false),
        (OTHER_ED25519, "us", false),
        (OTHER_ED25519, "one", true),
        (OTHER_ED25519, "two", true),
        (OTHER_ED25519, "three", false),
    ] {
        let token = of_issuer(pem, "1", Some(&json!(issuer).to_string()));
        let read = read(&reader, &token).map(drop);
        assert_eq!(read, if is_read { Ok(()) } else { Err(BadClaim) }, "{issuer}");
    }

    for (issuer, key, setting) in [
        ("", theirs(), "JWT issuer"),
        ("one", theirs(), "kid"),
        (
            "one",
            verifying_key(VerifyingAlgorithm::Rs256),
            "JWT verifying key",
        ),
    ] {
        let keys = ours.clone().trust_issuer("one", theirs()).expect("valid");
        let keys = keys
            .trust_issuer("two", verifying_key(VerifyingAlgorithm::Ps256))
            .expect("valid");
        let error = keys.trust_issuer(issuer, key).expect_err("refused");
        assert_eq!(error.setting(), setting);
    }
}

#[test]
fn j11_the_name_of_another_issuers_key_may_be_any_printable_ascii() {
    let theirs = SigningKey::from_pem(SigningAlgorithm::EdDsa, OTHER_ED25519).expect("valid");
    let them = json!(THEM).to_string();
    for kid in [
        "1LlZOd3AQy+eMMgT2pyKDh6XNhXyKHfIbtP9/Vj8Xjk=",
        "MTAxZDI5ZTkxZTc0ZTkwZjRkY2YxOWY3ZmMyNDlhZGM2N2UxNzgyNzk0MWU5OTI0YjM5MGY5YzYyMjI2NTI0ZQ_RS256",
        "https://vault.example.net/keys/sign/78deebed173b48e48f55abf87ed4cf71",
        "signing@realm",
        "CN=Example Issuer, O=\"Ex\\ample\"",
        " ",
        "../../etc/passwd",
        "' OR 1=1 --",
        "${jndi:ldap://a}",
        &"=".repeat(256),
    ] {
        let mut document = serde_json::to_value(Jwks {
            keys: vec![theirs.verifying_key().to_jwk()],
        })
        .expect("JSON");
        document["keys"][0]["kid"] = json!(kid);
        let jwks: Jwks = serde_json::from_value(document).expect("JSON");
        let jwk = jwks.find(kid).expect("there");
        let key = VerifyingKey::from_jwk(VerifyingAlgorithm::EdDsa, jwk).expect(kid);
        let keys = AsymmetricKeys::new(named(ED25519, "ours")).trust_issuer(THEM, key);
        let reader = strategy_of(keys.expect("valid"));
        assert!(
            read(&reader, &of_issuer(OTHER_ED25519, kid, Some(&them))).is_ok(),
            "{kid}"
        );
        // Exactly that name, and no other that looks like it.
        for other in [kid.replace('=', ""), format!("{kid} "), kid.to_ascii_lowercase()] {
            if other != kid && other.len() <= 256 {
                let token = of_issuer(OTHER_ED25519, &other, Some(&them));
                assert!(read(&reader, &token).is_err(), "{other}");
            }
        }
        // A key of ours may be called so, too.
        let own = strategy_of(named(ED25519, kid));
        let token = issue(&own);
        assert_eq!(decoded(parts(&token)[0])["kid"], kid);
        assert!(read(&own, &token).is_ok(), "{kid}");
    }
}

#[test]
fn an_unnamed_token_of_an_unnamed_key_is_still_held_to_its_claims() {
    let key = EncodingKey::from_secret(&bytes("c")).expect("not empty");
    let token = signed(HEADER, payload_without("exp"), Algorithm::HS256, &key);
    assert_eq!(read(&strategy_of(hmac("c", None)), &token), Err(BadClaim));
    assert_eq!(read(&strategy(), &token), Err(BadSignature));
}
