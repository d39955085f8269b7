//! Signs that a secret did not come from a random generator.

use std::collections::BTreeSet;

const MIN_DIFFERENT: usize = 6;
const MIN_OTHER_CHARACTERS: usize = 16;

/// Secrets from tutorials, which people copy unchanged: FastAPI's on JWT.
const PUBLISHED: [&str; 1] = ["09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"];

/// Words of the secrets in examples and defaults, in lower case, the longest first.
const WORDS: [&str; 55] = [
    "correcthorsebatterystaple",
    "authentication",
    "development",
    "environment",
    "placeholder",
    "1234567890",
    "characters",
    "passphrase",
    "production",
    "qwertyuiop",
    "asdfghjkl",
    "changeit",
    "deadbeef",
    "insecure",
    "password",
    "default",
    "example",
    "letmein",
    "minimum",
    "private",
    "replace",
    "session",
    "signing",
    "zxcvbnm",
    "access",
    "change",
    "please",
    "qwerty",
    "random",
    "really",
    "secret",
    "secure",
    "should",
    "string",
    "admin",
    "bytes",
    "chars",
    "least",
    "super",
    "token",
    "value",
    "auth",
    "here",
    "long",
    "must",
    "only",
    "that",
    "this",
    "very",
    "with",
    "your",
    "256",
    "bit",
    "jwt",
    "key",
];

/// The reason that `secret` is obviously not random; it completes "a secret that …".
///
/// The worst case for random material is 32 hexadecimal digits, the fewest bits that are long enough. At most 5
/// different digits: C(16, 5) · (5/16)³² < 3 · 10⁻¹³. Neighbours in 24 of 31 places, with a chance of 46/256 each: <
/// 10⁻¹¹.
pub(super) fn find(secret: &[u8]) -> Option<&'static str> {
    if secret.iter().collect::<BTreeSet<_>>().len() < MIN_DIFFERENT {
        Some("has fewer than 6 different bytes")
    } else if is_repeated(secret) {
        Some("is one piece repeated")
    } else if is_run(secret) {
        Some("runs through neighbouring characters")
    } else if PUBLISHED.iter().any(|published| published.as_bytes() == secret) {
        Some("is in a tutorial")
    } else if is_example(secret) {
        Some("is made of the words of an example")
    } else {
        None
    }
}

/// True if the secret is its first half or less, repeated. The last piece may be cut off.
fn is_repeated(secret: &[u8]) -> bool {
    (1..=secret.len() / 2).any(|period| secret[period..] == secret[..secret.len() - period])
}

/// True if at least three of four bytes differ from the one before by 1 at most.
fn is_run(secret: &[u8]) -> bool {
    let neighbours = secret.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1);
    neighbours.count() * 4 >= (secret.len() - 1) * 3
}

/// True if most of it is words of examples, and little is left without them.
fn is_example(secret: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(secret) else {
        return false;
    };
    let is_letter = |character: &char| character.is_ascii_alphanumeric();
    let mut text: String = text.chars().filter(is_letter).collect();
    let all = text.len();
    text.make_ascii_lowercase();
    for word in WORDS {
        if text.contains(word) {
            // A gap, so that the letters around the word don't form another word.
            text = text.replace(word, " ");
        }
    }
    let left = text.chars().filter(is_letter).count();
    left < MIN_OTHER_CHARACTERS && left * 2 < all
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    #[test]
    fn n13_an_obvious_secret_is_found() {
        for secret in [
            "a".repeat(32),
            "ab".repeat(20),
            "secret".repeat(6),
            "changeme".repeat(4),
            "0123456789abcdef".repeat(2),
            "correct horse!!!".repeat(3),
            "1234567890".repeat(4),
            "passwordpasswordpasswordpasswordpass".to_owned(),
            "abcdefghijklmnopqrstuvwxyz012345".to_owned(),
            "zyxwvutsrqponmlkjihgfedcba9876543210".to_owned(),
            "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffff".to_owned(),
            "SECRET__________________________".to_owned(),
            "qwertyuiopasdfghjklzxcvbnm1234567890".to_owned(),
            "a-string-secret-at-least-256-bits-long".to_owned(),
            "your-256-bit-secret-your-super-secret-key".to_owned(),
            "super-secret-jwt-token-with-at-least-32-characters-long".to_owned(),
            "Please-Change-This-Secret-Key-In-Production!".to_owned(),
            "thisisaverysecretkeyforjwtauthentication".to_owned(),
            "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7".to_owned(),
        ] {
            assert!(find(secret.as_bytes()).is_some(), "{secret}");
        }
        assert!(find(&[0; 32]).is_some());
        assert!(find(&(0..32).collect::<Vec<u8>>()).is_some());
    }

    #[test]
    fn n13_random_material_is_never_taken_for_an_obvious_secret() {
        let mut bytes = [0; 48];
        for _ in 0..20_000 {
            getrandom::fill(&mut bytes).expect("randomness");
            let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").expect("a string");
                hex
            });
            let samples = [&bytes[..32], &hex.as_bytes()[..32], &hex.as_bytes()[..64]];
            let base64 = [STANDARD.encode(&bytes[..32]), STANDARD.encode(bytes)];
            for sample in samples.into_iter().chain(base64.iter().map(String::as_bytes)) {
                assert_eq!(find(sample), None, "{}", String::from_utf8_lossy(sample));
            }
        }
    }
}
