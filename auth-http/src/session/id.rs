//! The ids of sessions.

use std::collections::HashSet;

use auth_core::{
    ConfigError, ExposeSecret as _, SecretString, ShardTag, StoreError, TokenDigest, TokenLookup,
    generate_token,
};

/// Enough draws to see every letter of an alphabet of 64 at each position.
const DRAWS: usize = 1024;
const MIN_BITS: f64 = 128.0;
/// A letter that was missed in all draws by chance.
const TOLERANCE: f64 = 0.5;
const MAX_BYTES: usize = 256;

/// Makes the ids of sessions, in place of the 256 bits from the operating system's generator that are the default.
///
/// [`SessionsBuilder::build`](crate::SessionsBuilder::build) draws 1,024 ids and refuses a generator that is visibly weak: two
/// of them are the same, or their characters vary over fewer than 128 bits. A counter, a time and a UUID are refused.
///
/// # Security
/// The draws cannot show that the ids are unpredictable. Take the bytes from the operating system or another
/// cryptographic generator.
pub trait SessionIdGenerator: Send + Sync {
    /// A new id, of letters, digits, `-`, `_`, `.` and `~`. The library adds three characters to it.
    ///
    /// # Errors
    /// [`StoreError`] if there is no randomness.
    fn generate(&self) -> Result<SecretString, StoreError>;
}

/// A new id with `tag`.
pub(super) fn new_id(
    generator: Option<&dyn SessionIdGenerator>,
    tag: ShardTag,
) -> Result<SecretString, StoreError> {
    match generator {
        None => generate_token(tag),
        Some(generator) => Ok(tag.append_to(&generator.generate()?)),
    }
}

/// The key of an id that was `presented`. `None` if it cannot be one.
pub(super) fn key(audience: &str, presented: &str) -> Option<TokenLookup> {
    if presented.len() > MAX_BYTES || !presented.bytes().all(is_id_byte) {
        return None;
    }
    Some(TokenLookup {
        digest: TokenDigest::for_audience(audience, presented),
        tag: Some(ShardTag::at_end_of(presented)?),
    })
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)
}

/// Refuses a generator that is visibly weak.
///
/// # Errors
/// [`ConfigError`] naming `session ids`.
pub(super) fn check(generator: &dyn SessionIdGenerator) -> Result<(), ConfigError> {
    let error = |problem: String| Err(ConfigError::new("session ids", problem));
    let mut drawn = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        match generator.generate() {
            Ok(id) => drawn.push(id),
            Err(problem) => return error(format!("the generator fails: {problem}")),
        }
    }
    let ids: Vec<&[u8]> = drawn.iter().map(|id| id.expose_secret().as_bytes()).collect();
    let is_fit = |id: &&[u8]| id.len() + 3 <= MAX_BYTES && id.iter().all(|byte| is_id_byte(*byte));
    if !ids.iter().all(is_fit) {
        return error(format!(
            "one is longer than {} bytes, or has other characters than letters, digits, `-`, `_`, `.` and `~`",
            MAX_BYTES - 3
        ));
    }
    if ids.iter().collect::<HashSet<_>>().len() < DRAWS {
        return error(format!("the generator repeats itself within {DRAWS} ids"));
    }
    let bits = varying_bits(&ids);
    if bits + TOLERANCE < MIN_BITS {
        return error(format!(
            "the characters of {DRAWS} ids vary over {} bits; at least 128 are needed, as in 22 random characters of base64url",
            bits.floor()
        ));
    }
    Ok(())
}

/// The bits that the ids can have at most, as far as the draws show: each position has as many as the characters seen there.
fn varying_bits(ids: &[&[u8]]) -> f64 {
    let longest = ids.iter().map(|id| id.len()).max().unwrap_or_default();
    (0..longest)
        .map(|at| {
            let seen: HashSet<_> = ids.iter().map(|id| id.get(at)).collect();
            f64::from(u32::try_from(seen.len()).unwrap_or(u32::MAX)).log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use uuid::Uuid;

    use super::*;

    struct By<F>(F);

    impl<F: Fn() -> String + Send + Sync> SessionIdGenerator for By<F> {
        fn generate(&self) -> Result<SecretString, StoreError> {
            Ok((self.0)().into())
        }
    }

    fn random(chars: usize) -> String {
        let token = generate_token(ShardTag::for_user(&7)).expect("token");
        token.expose_secret()[..chars].to_owned()
    }

    fn hex(bytes: usize) -> String {
        let digest = TokenDigest::new(&random(43));
        digest.as_bytes()[..bytes]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    #[test]
    fn t1_a_generator_of_128_bits_is_taken() {
        check(&By(|| random(22))).expect("132 bits of base64url");
        check(&By(|| hex(16))).expect("128 bits of hexadecimal digits");
        check(&By(|| format!("session.{}", random(43)))).expect("a prefix does no harm");
    }

    #[test]
    fn t1_a_weak_generator_is_refused_and_the_problem_named() {
        let counter = AtomicU64::new(1 << 60);
        let mut few = (0..1000).map(|_| random(43)).collect::<Vec<_>>();
        few.push(few[0].clone());
        let at = AtomicU64::new(0);
        let weak: [(&str, Box<dyn SessionIdGenerator>); 7] = [
            ("vary over 12", Box::new(By(|| random(21)))),
            ("vary over 120 bits", Box::new(By(|| hex(15)))),
            ("vary over 12", Box::new(By(|| Uuid::new_v4().to_string()))),
            (
                "bits",
                Box::new(By(move || {
                    format!("{:043}", counter.fetch_add(1, Ordering::Relaxed))
                })),
            ),
            (
                "repeats itself",
                Box::new(By(move || {
                    let at = at.fetch_add(1, Ordering::Relaxed);
                    few[usize::try_from(at).expect("small") % few.len()].clone()
                })),
            ),
            ("other characters", Box::new(By(|| format!("{};", random(43))))),
            ("longer than", Box::new(By(|| random(43).repeat(6)))),
        ];
        for (problem, generator) in weak {
            let error = check(&*generator).expect_err(problem);
            assert_eq!(error.setting(), "session ids");
            assert!(error.to_string().contains(problem), "{error}");
        }
    }

    #[test]
    fn a_text_that_no_generator_makes_has_no_key() {
        for text in ["", "AA", "é AAA", "a b AAA", "a,AAA", "xxQAA", &"A".repeat(257)] {
            assert!(key("session:cart", text).is_none(), "{text:?}");
        }
        let id = new_id(None, ShardTag::for_user(&7)).expect("id");
        let of = |audience| key(audience, id.expose_secret()).expect("a key");
        assert_eq!(of("session:cart").tag, Some(ShardTag::for_user(&7)));
        assert_ne!(of("session:cart"), of("session:wizard"));
    }
}
