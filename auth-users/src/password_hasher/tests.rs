use std::time::Duration;

use super::*;

/// Of "correct horse", written by argon2-cffi.
const DEAR: [&str; 3] = [
    "$argon2id$v=19$m=102400,t=3,p=8$c2FsdHNhbHRzYWx0c2FsdA$oWOm4UfYZG8g3ipVAE+pdnbCRJJV/MbzAWWx5cO2Wno",
    "$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHRzYWx0c2FsdA$JyoXEv2TlA1AN39D1EKGOA",
    "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0c2FsdA$LeZbD3UAKvUcACx9il4XPtXtFiDX3/ScRE4eQjOYNyM",
];
const PASSWORD: &str = "king arthur's grail \u{e9}";

async fn verdict(password: &str, stored: &str) -> PasswordCheck {
    let hasher = PasswordHasher::default();
    let verdict = hasher
        .verify(&password.into(), Some(&PasswordHash::new(stored)))
        .await
        .expect("hasher");
    assert_eq!(hasher.hashes_started(), 1, "one hash, whatever is stored");
    verdict
}

#[test]
fn p1_weaker_parameters_are_refused_and_the_setting_named() {
    for (settings, name) in [
        (PasswordHasher::builder().memory(19_455), "argon2.memory"),
        (PasswordHasher::builder().memory(131_073), "argon2.memory"),
        (PasswordHasher::builder().passes(1), "argon2.passes"),
        (PasswordHasher::builder().passes(28), "argon2.passes"),
        (PasswordHasher::builder().lanes(0), "argon2.lanes"),
        (PasswordHasher::builder().lanes(17), "argon2.lanes"),
        (PasswordHasher::builder().permits(0), "hashing.permits"),
        (PasswordHasher::builder().permits(usize::MAX), "hashing.permits"),
        (
            PasswordHasher::builder().deadline(Duration::ZERO),
            "hashing.deadline",
        ),
        (
            PasswordHasher::builder().deadline(Duration::MAX),
            "hashing.deadline",
        ),
        (PasswordHasher::builder().niceness(20), "hashing.niceness"),
    ] {
        assert_eq!(settings.build().expect_err(name).setting(), name);
    }
    assert!(
        PasswordHasher::builder()
            .memory(65_536)
            .passes(3)
            .lanes(4)
            .build()
            .is_ok()
    );
}

#[tokio::test]
async fn p1_a_hash_is_argon2id_with_todays_parameters_and_a_new_salt() {
    let hasher = PasswordHasher::default();
    let one = hasher.hash(&PASSWORD.into()).await.expect("hash");
    let two = hasher.hash(&PASSWORD.into()).await.expect("hash");
    assert!(
        one.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{}",
        one.expose()
    );
    assert_ne!(one.expose(), two.expose());
    assert_eq!(verdict(PASSWORD, one.expose()).await, PasswordCheck::Match);
    assert_eq!(
        verdict("king arthur's grail e", one.expose()).await,
        PasswordCheck::Mismatch
    );
}

#[tokio::test]
async fn hashes_of_fastapi_users_are_verified() {
    // Written by pwdlib, argon2-cffi and bcrypt for Python.
    let dearer =
        "$argon2id$v=19$m=65536,t=3,p=4$V8WwOhVOMO/k6HBC4e2a4Q$tbKL26h0ZWqLeVa5H+AAIdZwzGje4aYBaBV1jq6mWJw";
    let with_nul = "king arthur's grail \u{e9}\0x";
    assert_eq!(verdict(with_nul, dearer).await, PasswordCheck::MatchNeedsRehash);
    assert_eq!(verdict(PASSWORD, dearer).await, PasswordCheck::Mismatch);
    for weak in [
        "$argon2i$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$PDkuGZMsJxBBS6cOkLDJaERpkQgbdYrM0FBkNIwvvVk",
        "$argon2d$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$X8ej5NlyoJfbFJz195tLtBbfzZ6VCb86Q0rG8/i3nww",
        "$argon2id$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$KRMQz9UxU+s6GgzCIIUtiq3blgquCdScxRn79M+9SBI",
        "$argon2id$v=16$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$sh77AlRbkybgmLLthKKAuYsDpjmvbC420gvkTIxv5r0",
        "$argon2id$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$sh77AlRbkybgmLLthKKAuYsDpjmvbC420gvkTIxv5r0",
    ] {
        assert_eq!(
            verdict(with_nul, weak).await,
            PasswordCheck::MatchNeedsRehash,
            "{weak}"
        );
        assert_eq!(verdict(PASSWORD, weak).await, PasswordCheck::Mismatch, "{weak}");
    }
    for weak in [
        "$2b$12$nB2mowlRzevhe8veZZ7AZOCEX.eQXMPbfhakoY4e8cySjBULmJyY6",
        "$2a$04$YtROqf/tskierpWp0pA7r.AIi4mntPGNpy7/m2nv6K9dl7n0nsJIu",
        "$2y$04$8z6yXCP9LNQp/xLO.VezmOaOQGj96as6337VNk8I3uG/xHU.hHPpy",
        "$2x$04$8z6yXCP9LNQp/xLO.VezmOaOQGj96as6337VNk8I3uG/xHU.hHPpy",
    ] {
        assert_eq!(
            verdict(PASSWORD, weak).await,
            PasswordCheck::MatchNeedsRehash,
            "{weak}"
        );
        assert_eq!(verdict(with_nul, weak).await, PasswordCheck::Mismatch, "{weak}");
    }
}

#[tokio::test]
async fn p3_passwords_that_differ_after_byte_72_differ() {
    let long = "é".repeat(36);
    let hasher = PasswordHasher::default();
    let hash = hasher.hash(&format!("{long}a").into()).await.expect("hash");
    assert_eq!(
        verdict(&format!("{long}a"), hash.expose()).await,
        PasswordCheck::Match
    );
    assert_eq!(
        verdict(&format!("{long}b"), hash.expose()).await,
        PasswordCheck::Mismatch
    );
    assert_eq!(verdict(&long, hash.expose()).await, PasswordCheck::Mismatch);
}

#[tokio::test]
async fn deviation_1_p3_a_bcrypt_hash_never_matches_a_password_of_more_than_72_bytes() {
    let of_72 = "$2b$04$gxMqXFgXOuLr/tuFCVOJy./6wD34Uzp7Na3ANX/j0WgaHCNyA33.y";
    assert_eq!(
        verdict(&"a".repeat(72), of_72).await,
        PasswordCheck::MatchNeedsRehash
    );
    for length in [71, 73, 1024] {
        assert_eq!(
            verdict(&"a".repeat(length), of_72).await,
            PasswordCheck::Mismatch,
            "{length} bytes"
        );
    }
}

#[tokio::test]
async fn deviation_1_p5_a_hash_that_cannot_be_verified_matches_nothing_and_costs_one_hash() {
    for (stored, problem) in [
        ("", InvalidStoredHash::UnknownScheme),
        ("plaintext", InvalidStoredHash::UnknownScheme),
        ("$argon2id$v=19$m=19456", InvalidStoredHash::Malformed),
        ("$2b$12$short", InvalidStoredHash::Malformed),
        (
            "$argon2id$v=19$m=4194304,t=9,p=4$V8WwOhVOMO/k6HBC4e2a4Q$tbKL26h0ZWqLeVa5H+AAIdZwzGje4aYBaBV1jq6mWJw",
            InvalidStoredHash::TooCostly,
        ),
    ] {
        assert_eq!(
            verdict("plaintext", stored).await,
            PasswordCheck::Unusable(problem),
            "{stored}"
        );
    }
}

#[tokio::test]
async fn l2_an_unknown_user_costs_one_hash_with_todays_parameters_and_never_matches() {
    let hasher = PasswordHasher::default();
    for password in ["", PASSWORD, "\0"] {
        let before = hasher.hashes_started();
        assert_eq!(
            hasher.verify(&password.into(), None).await.expect("hasher"),
            PasswordCheck::Mismatch
        );
        assert_eq!(hasher.hashes_started(), before + 1);
    }
}

#[tokio::test]
async fn p6_a_password_matches_in_whatever_form_it_is_typed() {
    let (composed, decomposed) = ("k\u{f6}nig artus", "ko\u{308}nig artus");
    let hasher = PasswordHasher::default();
    for (set, typed) in [
        (composed, decomposed),
        (decomposed, composed),
        (decomposed, decomposed),
    ] {
        let hash = hasher.hash(&set.into()).await.expect("hash");
        let verdict = hasher.verify(&typed.into(), Some(&hash)).await.expect("verdict");
        assert_eq!(verdict, PasswordCheck::Match, "{set} {typed}");
    }
}

#[tokio::test]
async fn p6_a_hash_of_another_form_that_was_made_before_keeps_working_and_is_outdated() {
    // argon2id of the decomposed form, with today's parameters.
    let decomposed = "ko\u{308}nig artus";
    let before = Schemes::new(Params::DEFAULT, Vec::new());
    let mut memory = Memory::new(0);
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    let blocks = memory.blocks(Params::DEFAULT.block_count()).expect("memory");
    before
        .argon2
        .hash_password_into_with_memory(decomposed.as_bytes(), b"saltsaltsaltsalt", &mut output, blocks)
        .expect("hash");
    let hash = phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&Params::DEFAULT).expect("parameters"),
        salt: Some(Salt::new(b"saltsaltsaltsalt").expect("salt")),
        hash: Some(Output::new(&output).expect("output")),
    };
    let hash = hash.to_string();
    assert_eq!(verdict(decomposed, &hash).await, PasswordCheck::MatchNeedsRehash);
    assert_eq!(verdict("k\u{f6}nig artus", &hash).await, PasswordCheck::Mismatch);
    assert_eq!(
        verdict("ko\u{308}nig arthur", &hash).await,
        PasswordCheck::Mismatch
    );
}

#[tokio::test]
async fn p7_the_dearest_hashes_of_fastapi_users_and_its_ancestors_are_verified() {
    for dear in DEAR {
        assert_eq!(
            verdict("correct horse", dear).await,
            PasswordCheck::MatchNeedsRehash,
            "{dear}"
        );
        assert_eq!(
            verdict("correct cow", dear).await,
            PasswordCheck::Mismatch,
            "{dear}"
        );
    }
}

#[test]
fn e4_a_hasher_prints_no_secret() {
    let printed = format!("{:?}", PasswordHasher::default());
    assert!(printed.contains("19456"), "{printed}");
}
