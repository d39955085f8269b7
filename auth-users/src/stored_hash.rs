//! A stored password hash.

use std::fmt;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::phc::{self, Output, Salt},
};
use bcrypt::HashParts;
use subtle::ConstantTimeEq as _;

use crate::password_hasher::{Cost, Memory};

/// Longer strings are rejected unread.
const MAX_BYTES: usize = 512;
/// A shorter output than 128 bits could match by chance.
const MIN_OUTPUT_BYTES: usize = 16;
/// In KiB: 128 MiB.
pub(crate) const MAX_MEMORY: u32 = 128 * 1024;
/// In KiB written by all passes together: about half a second of one core.
pub(crate) const MAX_WORK: u64 = 512 * 1024;
pub(crate) const MAX_LANES: u32 = 16;
const MAX_BCRYPT_COST: u32 = 14;
/// bcrypt ignores the bytes after these.
const BCRYPT_PASSWORD_BYTES: usize = 72;

/// A parsed password hash that is cheap enough to verify: argon2id, argon2i or argon2d as a PHC string,
/// or bcrypt (`$2a$`, `$2b$`, `$2x$`, `$2y$`).
///
/// ```
/// use portcullis::users::{InvalidStoredHash, StoredHash};
///
/// let hash = "$2b$12$4uU9tkOTsJL3bkYQMhKdd.OPlvpoqDtDOlpPaPvSO5bNHgZgUSjgK";
/// assert_eq!(StoredHash::parse(hash)?.scheme(), "bcrypt");
/// let greedy = "$argon2id$v=19$m=4194304,t=3,p=4$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo";
/// assert_eq!(StoredHash::parse(greedy).err(), Some(InvalidStoredHash::TooCostly));
/// # Ok::<_, InvalidStoredHash>(())
/// ```
pub struct StoredHash(Scheme);

enum Scheme {
    Argon2 {
        algorithm: Algorithm,
        version: Version,
        params: Params,
        salt: Salt,
        output: Output,
    },
    /// The hash is kept as text, because the crate only verifies text.
    Bcrypt(String),
}

/// The reason that a stored hash cannot be verified. It never repeats the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidStoredHash {
    /// The scheme is unknown.
    #[error("the scheme is unknown")]
    UnknownScheme,
    /// It names a known scheme, but does not have its form.
    #[error("the hash is malformed")]
    Malformed,
    /// It needs more memory or time than a log-in may cost.
    #[error("the hash asks for too much memory or time")]
    TooCostly,
}

impl StoredHash {
    /// Parses `hash` without computing anything.
    ///
    /// # Errors
    /// [`InvalidStoredHash`] for a hash that cannot be verified. That includes one that asks for more than 128 MiB of
    /// memory, 512 MiB written by all its passes together, 16 lanes, or a bcrypt cost of 14.
    pub fn parse(hash: &str) -> Result<Self, InvalidStoredHash> {
        if hash.len() > MAX_BYTES {
            return Err(InvalidStoredHash::Malformed);
        }
        if hash.starts_with("$argon2") {
            parse_argon2(hash).map(Self)
        } else if ["$2a$", "$2b$", "$2x$", "$2y$"]
            .iter()
            .any(|p| hash.starts_with(p))
        {
            parse_bcrypt(hash).map(Self)
        } else {
            Err(InvalidStoredHash::UnknownScheme)
        }
    }

    /// The name of the scheme: `argon2id`, `argon2i`, `argon2d` or `bcrypt`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match &self.0 {
            Scheme::Argon2 { algorithm, .. } => algorithm.as_str(),
            Scheme::Bcrypt(_) => "bcrypt",
        }
    }

    /// True if `password` can match at all. bcrypt only uses 72 bytes. A longer password never set such a hash, and
    /// must not match by its beginning.
    pub(crate) fn can_match(&self, password: &[u8]) -> bool {
        match self.0 {
            Scheme::Argon2 { .. } => true,
            Scheme::Bcrypt(_) => password.len() <= BCRYPT_PASSWORD_BYTES,
        }
    }

    /// Computes the hash of `password` and compares, in constant time. Slow.
    pub(crate) fn matches(&self, password: &[u8], memory: &mut Memory) -> Result<bool, argon2::Error> {
        match &self.0 {
            Scheme::Argon2 {
                algorithm,
                version,
                params,
                salt,
                output,
            } => {
                let mut computed = [0; Output::MAX_LENGTH];
                let computed = &mut computed[..output.len()];
                let blocks = memory.blocks(params.block_count())?;
                Argon2::new(*algorithm, *version, params.clone())
                    .hash_password_into_with_memory(password, salt, computed, blocks)?;
                Ok(bool::from(computed.ct_eq(output.as_bytes())))
            }
            Scheme::Bcrypt(hash) => {
                // Otherwise, it would not overwrite the memory that another form of the password used.
                memory.wipe();
                Ok(self.can_match(password) && bcrypt::verify(password, hash).unwrap_or(false))
            }
        }
    }

    /// The cost of verifying it, in hashes with the parameters of `today`.
    pub(crate) fn cost(&self, today: &Params) -> Cost {
        let hashes = match &self.0 {
            Scheme::Argon2 { params, .. } => work(params) as f64 / work(today) as f64,
            // bcrypt at cost 12 takes about as long as ten of the cheapest argon2 hashes.
            Scheme::Bcrypt(hash) => {
                let cost = hash
                    .parse()
                    .map_or(MAX_BCRYPT_COST, |parts: HashParts| parts.get_cost());
                10.0 * (f64::from(cost) - 12.0).exp2() * work(&Params::DEFAULT) as f64 / work(today) as f64
            }
        };
        Cost {
            hashes,
            is_exact: !self.is_outdated(today),
        }
    }

    /// True if the hash has another scheme than argon2id, or another cost than `today`.
    ///
    /// A hash that cost more is outdated, too. Its log-in takes longer than that of an unknown user, which tells that the
    /// account exists.
    pub(crate) fn is_outdated(&self, today: &Params) -> bool {
        match &self.0 {
            Scheme::Bcrypt(_) => true,
            Scheme::Argon2 {
                algorithm,
                version,
                params,
                salt,
                output,
            } => {
                *algorithm != Algorithm::Argon2id
                    || *version != Version::V0x13
                    || params.m_cost() != today.m_cost()
                    || params.t_cost() != today.t_cost()
                    || params.p_cost() != today.p_cost()
                    || salt.len() < Salt::RECOMMENDED_LENGTH
                    || output.len() < Params::DEFAULT_OUTPUT_LEN
            }
        }
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredHash({}, [REDACTED])", self.scheme())
    }
}

/// The KiB that all passes write together.
pub(crate) fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

fn parse_argon2(hash: &str) -> Result<Scheme, InvalidStoredHash> {
    let parsed = phc::PasswordHash::new(hash).map_err(|_error| InvalidStoredHash::Malformed)?;
    let algorithm =
        Algorithm::try_from(parsed.algorithm.as_str()).map_err(|_error| InvalidStoredHash::UnknownScheme)?;
    // A hash without a version has the first version, which did not write it.
    let version = match parsed.version {
        Some(number) => Version::try_from(number).map_err(|_error| InvalidStoredHash::Malformed)?,
        None => Version::V0x10,
    };
    let params = Params::try_from(&parsed).map_err(|_error| InvalidStoredHash::Malformed)?;
    let (Some(salt), Some(output)) = (parsed.salt, parsed.hash) else {
        return Err(InvalidStoredHash::Malformed);
    };
    if output.len() < MIN_OUTPUT_BYTES {
        return Err(InvalidStoredHash::Malformed);
    }
    if params.m_cost() > MAX_MEMORY || work(&params) > MAX_WORK || params.p_cost() > MAX_LANES {
        return Err(InvalidStoredHash::TooCostly);
    }
    Ok(Scheme::Argon2 {
        algorithm,
        version,
        params,
        salt,
        output,
    })
}

fn parse_bcrypt(hash: &str) -> Result<Scheme, InvalidStoredHash> {
    let parts: HashParts = hash.parse().map_err(|_error| InvalidStoredHash::Malformed)?;
    match parts.get_cost() {
        ..4 => Err(InvalidStoredHash::Malformed),
        4..=MAX_BCRYPT_COST => Ok(Scheme::Bcrypt(hash.to_owned())),
        _ => Err(InvalidStoredHash::TooCostly),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ARGON2: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$V8WwOhVOMO/k6HBC4e2a4V8WwOhVOMO/k6HBC4e2a4Q";
    const BCRYPT: &str = "$2b$04$fHG.atmbSAdTG16Z91HfTeAK8inj3pxnEE8BHCzH8ogV9Bu9Afg1K";

    fn refusal(hash: &str) -> Option<InvalidStoredHash> {
        StoredHash::parse(hash).err()
    }

    #[test]
    fn p5_a_hash_that_asks_for_too_much_is_refused_unrun() {
        assert_eq!(refusal(ARGON2), None);
        for params in [
            "m=131073,t=1,p=1",
            "m=4294967295,t=1,p=1",
            "m=19456,t=28,p=1",
            "m=8,t=4294967295,p=1",
            "m=19456,t=2,p=17",
        ] {
            let hash = ARGON2.replace("m=19456,t=2,p=1", params);
            assert_eq!(refusal(&hash), Some(InvalidStoredHash::TooCostly), "{params}");
        }
        assert_eq!(refusal(&ARGON2.replace("m=19456,t=2", "m=131072,t=4")), None);
        assert_eq!(refusal(&BCRYPT.replace("$04$", "$14$")), None);
        assert_eq!(
            refusal(&BCRYPT.replace("$04$", "$15$")),
            Some(InvalidStoredHash::TooCostly)
        );
        assert_eq!(
            refusal(&BCRYPT.replace("$04$", "$31$")),
            Some(InvalidStoredHash::TooCostly)
        );
    }

    #[test]
    fn p5_a_malformed_hash_is_an_error() {
        let long = format!("{ARGON2}{}", "A".repeat(512));
        for hash in [
            "$argon2id$",
            "$argon2id$v=19$m=19456,t=2,p=1",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$V8WwOg",
            "$2b$03$fHG.atmbSAdTG16Z91HfTeAK8inj3pxnEE8BHCzH8ogV9Bu9Afg1K",
            "$2b$99$fHG.atmbSAdTG16Z91HfTeAK8inj3pxnEE8BHCzH8ogV9Bu9Afg1",
            "$2b$04$fHG.atmbSAdTG16Z91HfTeAK8inj3pxnEE8BHCzH8ogV9Bu9Afg1é",
            "$2b$",
            &ARGON2.replace("v=19", "v=20"),
            &ARGON2.replace("t=2", "t=0"),
            &ARGON2.replace("p=1", "p=0"),
            &ARGON2.replace("p=1", "p=1,x=1"),
            &ARGON2.replace("m=19456", "m=-1"),
            &ARGON2.replace("m=19456", "m=99999999999"),
            &ARGON2.replace("c2FsdH", "c2*sdH"),
            &long,
        ] {
            assert_eq!(refusal(hash), Some(InvalidStoredHash::Malformed), "{hash}");
        }
        for hash in [
            "",
            "!",
            "plaintext",
            "$1$abc$def",
            "$argon3id$",
            "md5$x$y",
            "pbkdf2_sha256$1$a$b",
            "\0",
        ] {
            assert_eq!(refusal(hash), Some(InvalidStoredHash::UnknownScheme), "{hash}");
        }
    }

    #[test]
    fn l2_a_hash_of_another_scheme_or_cost_than_todays_is_outdated() {
        let outdated = |hash: &str| StoredHash::parse(hash).expect(hash).is_outdated(&Params::DEFAULT);
        assert!(!outdated(ARGON2));
        assert!(outdated(&ARGON2.replace("m=19456,t=2,p=1", "m=65536,t=3,p=4")));
        assert!(outdated(&ARGON2.replace("m=19456", "m=19457")));
        assert!(outdated(&ARGON2.replace("t=2", "t=3")));
        assert!(outdated(&ARGON2.replace("p=1", "p=2")));
        assert!(outdated(&ARGON2.replace("m=19456", "m=19455")));
        assert!(outdated(&ARGON2.replace("t=2", "t=1")));
        assert!(outdated(&ARGON2.replace("argon2id", "argon2i")));
        assert!(outdated(&ARGON2.replace("argon2id", "argon2d")));
        assert!(outdated(&ARGON2.replace("v=19", "v=16")));
        assert!(outdated(&ARGON2.replace("$v=19", "")));
        assert!(outdated(BCRYPT));
    }

    #[test]
    fn e4_a_stored_hash_does_not_print_itself() {
        let printed = format!("{:?}", StoredHash::parse(ARGON2).expect("hash"));
        assert_eq!(printed, "StoredHash(argon2id, [REDACTED])");
    }

    proptest! {
        #[test]
        fn p5_parsing_never_panics(
            hash in "\\PC{0,80}|\\$(argon2(id|i|d)?|2[abxy])\\$[a-z0-9$=,./+é]{0,80}|\\$2b\\$[0-9]{2}\\$[./A-Za-z0-9é]{50,54}",
        ) {
            if let Ok(stored) = StoredHash::parse(&hash) {
                prop_assert!(["argon2id", "argon2i", "argon2d", "bcrypt"].contains(&stored.scheme()));
            }
        }

        #[test]
        fn p5_one_changed_character_never_panics(at in 0..ARGON2.len(), with in any::<char>()) {
            let changed: String = ARGON2.char_indices().map(|(i, c)| if i == at { with } else { c }).collect();
            let _ = StoredHash::parse(&changed);
        }
    }
}
