//! T1 to T5: only the exact credential, only where it belongs.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::collections::HashSet;

use crate::harness::{Answer, Blueprint, Kind, PASSWORD, Pass, Service, address, person};

/// A user with a credential of each kind.
fn with_passes(test: impl AsyncFnOnce(&Service, &[Pass])) {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let mut passes = Vec::new();
        for kind in Kind::ALL {
            passes.push(service.pass(kind, &address("lancelot")).await);
        }
        test(service, &passes).await;
    });
}

#[test]
fn t1_a_token_is_256_random_bits_and_no_uuid() {
    with_passes(async |service: &Service, _passes: &[Pass]| {
        let mut seen = HashSet::new();
        for _ in 0..8 {
            for kind in [Kind::DbBearer, Kind::DbCookie] {
                let token = service.pass(kind, &address("lancelot")).await.token;
                assert_eq!(token.len(), 46, "43 characters of secret, 3 of the tag");
                let secret = URL_SAFE_NO_PAD.decode(&token[..43]).expect("base64url");
                assert_eq!(secret.len(), 32);
                assert!(token.parse::<uuid::Uuid>().is_err());
                assert!(seen.insert(secret), "never the same twice");
            }
        }
        // No byte is the same in all of them, as a version of a UUID would be.
        for position in 0..32 {
            let values: HashSet<u8> = seen.iter().map(|secret| secret[position]).collect();
            assert!(values.len() > 1, "byte {position}");
        }
    });
}

/// Every string that differs from `token` in one character, or by a little at its ends, or in its case.
fn variants(token: &str) -> HashSet<String> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut variants = HashSet::new();
    for (at, byte) in token.bytes().enumerate() {
        let (before, after) = (&token[..at], &token[at + 1..]);
        variants.insert(format!("{before}{after}"));
        let place = ALPHABET.iter().position(|known| *known == byte).unwrap_or(0);
        // The neighbours in the alphabet decode to the nearest bits; at the end some of those are not even used.
        for step in [1, 2, 3, 32, 63] {
            let other = char::from(ALPHABET[(place + step) % 64]);
            variants.insert(format!("{before}{other}{after}"));
        }
        for other in ['.', '=', '+', '/'] {
            variants.insert(format!("{before}{other}{after}"));
        }
        variants.insert(format!("{before}{}{}{after}", char::from(byte), char::from(byte)));
    }
    for end in 1..token.len() {
        variants.insert(token[..end].to_owned());
        variants.insert(token[end..].to_owned());
    }
    for changed in [
        token.to_lowercase(),
        token.to_uppercase(),
        format!("{token}="),
        format!("{token}=="),
        format!("{token}A"),
        format!("A{token}"),
        format!("{token}."),
        format!("{token}.{token}"),
        format!("\"{token}\""),
        format!("{token}%00"),
        format!("{token}, {token}"),
    ] {
        variants.insert(changed);
    }
    variants.remove(token);
    variants
}

#[test]
fn t2_only_the_exact_issued_string_is_valid() {
    with_passes(async |service: &Service, passes: &[Pass]| {
        for pass in passes {
            let variants = variants(&pass.token);
            assert!(variants.len() > 300);
            for variant in variants {
                let answer = service.me(&Pass::new(pass.kind, &variant)).await;
                assert_eq!(answer.status, 401, "{:?}: {variant}", pass.kind);
            }
            assert_eq!(service.me(pass).await.status, 200, "{:?}", pass.kind);
        }
    });
}

#[test]
fn t3_two_credentials_of_a_kind_are_rejected_whichever_comes_first() {
    with_passes(async |service: &Service, passes: &[Pass]| {
        for pass in passes {
            let (header, value) = pass.header();
            let other = Pass::new(pass.kind, "other").header().1;
            let empty = Pass::new(pass.kind, "").header().1;
            for (first, second) in [
                (&value, &value),
                (&value, &other),
                (&other, &value),
                (&empty, &value),
                (&value, &empty),
            ] {
                let twice = service
                    .get("/users/me")
                    .header(header, first)
                    .header(header, second);
                twice.send().await.is_unauthorized();
                if pass.kind.is_cookie() {
                    let both = format!("{first}; {second}");
                    service
                        .get("/users/me")
                        .header(header, both)
                        .send()
                        .await
                        .is_unauthorized();
                }
            }
            if !pass.kind.is_cookie() {
                let call = service
                    .get("/users/me")
                    .header(header, "Basic YTpi")
                    .header(header, &value);
                call.send().await.is_unauthorized();
            }
        }
    });
}

#[test]
fn t4_a_token_in_the_url_is_no_credential() {
    with_passes(async |service: &Service, passes: &[Pass]| {
        for pass in passes {
            let token = &pass.token;
            let cookie = pass.kind.cookie().unwrap_or("cookie");
            for query in [
                "access_token",
                "token",
                "auth",
                "authorization",
                "bearer",
                "jwt",
                cookie,
            ] {
                let path = format!("/users/me?{query}={token}");
                service.get(&path).send().await.is_unauthorized();
                let log_out = format!("{}?{query}={token}", Kind::DbBearer.logout());
                service.post(&log_out).send().await.is_unauthorized();
            }
            service
                .get(&format!("/users/me;{token}"))
                .send()
                .await
                .is_unauthorized();
            let form = [("access_token", token.as_str())];
            service
                .post(&Kind::DbBearer.logout())
                .form(&form)
                .send()
                .await
                .is_unauthorized();
        }
    });
}

#[test]
fn t5_a_token_response_is_no_store_and_a_401_carries_a_challenge() {
    with_passes(async |service: &Service, _passes: &[Pass]| {
        for kind in Kind::ALL {
            let answer = service.log_in(kind, &address("lancelot"), PASSWORD).await;
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
        let answer = service.get("/users/me").send().await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    });
}

#[test]
fn t5_a_header_that_is_not_utf_8_is_401_and_never_a_panic() {
    with_passes(async |service: &Service, passes: &[Pass]| {
        for pass in passes {
            let (header, value) = pass.header();
            for bytes in [&b"\xff\xfe"[..], b"\xc3", b"\xed\xa0\x80"] {
                for value in [
                    [value.as_bytes(), bytes].concat(),
                    [bytes, value.as_bytes()].concat(),
                    bytes.to_vec(),
                ] {
                    let answer: Answer = service.get("/users/me").header(header, value).send().await;
                    answer.is_unauthorized();
                }
            }
            assert_eq!(service.me(pass).await.status, 200);
        }
        // Elsewhere such a header does no harm.
        for header in ["user-agent", "accept", "x-anything"] {
            let call = service.get("/users/me").header(header, b"\xff").with(&passes[0]);
            assert_eq!(call.send().await.status, 200, "{header}");
        }
        let form = [("username", &*address("lancelot")), ("password", PASSWORD)];
        let call = service
            .post(&Kind::DbBearer.login())
            .form(&form)
            .header("user-agent", b"\xff\xfe");
        Kind::DbBearer.issued(&call.send().await);
    });
}
