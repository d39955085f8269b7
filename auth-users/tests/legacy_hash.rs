//! P7: hashes of schemes that the application brings along.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use auth_core::{Email, NewUser, PasswordHash, SigningSecret, UserStore, memory::MemoryUserStore};
use auth_users::{
    AuthenticateError, InvalidStoredHash, LegacyHash, PasswordCheck, PasswordHasher, UserManager,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;
use uuid::Uuid;

const PASSWORD: &str = "correct horse";
/// As Django writes it: the scheme, iterations, salt and hash.
const DJANGO: &str = "pbkdf2_sha256$1000$cGVwcGVyZWQ$cUtmTyhlN/tdWOCtTVjggFbTAe3Q1J9OdQGd3R4iU7M=";
/// As Werkzeug writes it: the scheme with N, r and p, salt and hash.
const WERKZEUG: &str = "scrypt:32768:8:1$dAn1xZZYvFqSAAQT$7dc483454972ecbd502f00eaa61e53883c432503dcbbb335e377bd3c9ea4168615f4faa3bdd90bc66153c788a9fc2925ec205afde0dca5155e685de54ed8e1dd";

struct Django;

impl LegacyHash for Django {
    fn verify(&self, password: &str, stored: &str) -> Option<bool> {
        let mut parts = stored.strip_prefix("pbkdf2_sha256$")?.split('$');
        let (iterations, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let iterations = iterations.parse().ok().filter(|n| (1..=2_000_000).contains(n))?;
        let hash = STANDARD.decode(hash).ok()?;
        let mut computed = vec![0; hash.len()];
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt.as_bytes(), iterations, &mut computed);
        Some(computed.ct_eq(&hash).into())
    }
}

struct Werkzeug;

impl LegacyHash for Werkzeug {
    fn verify(&self, password: &str, stored: &str) -> Option<bool> {
        let (salt, hash) = stored.strip_prefix("scrypt:32768:8:1$")?.split_once('$')?;
        let hash = base16(hash)?;
        let mut computed = vec![0; hash.len()];
        let parameters = scrypt::Params::new(15, 8, 1).ok()?;
        scrypt::scrypt(password.as_bytes(), salt.as_bytes(), &parameters, &mut computed).ok()?;
        Some(computed.ct_eq(&hash).into())
    }
}

fn base16(text: &str) -> Option<Vec<u8>> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

fn hasher() -> PasswordHasher {
    PasswordHasher::builder()
        .legacy(Arc::new(Django))
        .legacy(Arc::new(Werkzeug))
        .build()
        .expect("a hasher")
}

async fn verdict(hasher: &PasswordHasher, password: &str, stored: &str) -> PasswordCheck {
    hasher
        .verify(&password.into(), Some(&PasswordHash::new(stored)))
        .await
        .expect("a verdict")
}

#[tokio::test]
async fn p7_hashes_of_django_and_werkzeug_are_verified_and_outdated() {
    let hasher = hasher();
    for stored in [DJANGO, WERKZEUG] {
        assert_eq!(
            verdict(&hasher, PASSWORD, stored).await,
            PasswordCheck::MatchNeedsRehash,
            "{stored}"
        );
        assert_eq!(
            verdict(&hasher, "correct cow", stored).await,
            PasswordCheck::Mismatch,
            "{stored}"
        );
        assert_eq!(
            verdict(&hasher, "", stored).await,
            PasswordCheck::Mismatch,
            "{stored}"
        );
    }
    // The built-in schemes are still there, and still decided by the library alone.
    let own = hasher.hash(&PASSWORD.into()).await.expect("a hash");
    assert_eq!(
        verdict(&hasher, PASSWORD, own.expose()).await,
        PasswordCheck::Match
    );
}

#[tokio::test]
async fn p7_a_hash_that_no_scheme_knows_is_unusable() {
    let hasher = hasher();
    for stored in [
        "md5$salt$hash",
        "pbkdf2_sha256$many$salt$aGFzaA==",
        "pbkdf2_sha256$2000001$salt$aGFzaA==",
        "",
    ] {
        let unknown = PasswordCheck::Unusable(InvalidStoredHash::UnknownScheme);
        assert_eq!(verdict(&hasher, PASSWORD, stored).await, unknown, "{stored}");
    }
}

#[tokio::test]
async fn p6_p7_a_legacy_hash_is_tried_with_the_form_that_was_typed_too() {
    struct Seen(AtomicUsize);
    impl LegacyHash for Seen {
        fn verify(&self, password: &str, stored: &str) -> Option<bool> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Some(password == stored)
        }
    }
    let seen = Arc::new(Seen(AtomicUsize::new(0)));
    let hasher = PasswordHasher::builder()
        .legacy(seen.clone())
        .build()
        .expect("a hasher");
    let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
    for (typed, stored, expected, calls) in [
        (composed, composed, PasswordCheck::MatchNeedsRehash, 1),
        (
            "$2b$ of our own",
            "$2b$ of our own",
            PasswordCheck::MatchNeedsRehash,
            1,
        ),
        (decomposed, composed, PasswordCheck::MatchNeedsRehash, 1),
        (decomposed, decomposed, PasswordCheck::MatchNeedsRehash, 2),
        (composed, decomposed, PasswordCheck::Mismatch, 1),
    ] {
        seen.0.store(0, Ordering::SeqCst);
        assert_eq!(
            verdict(&hasher, typed, stored).await,
            expected,
            "{typed} {stored}"
        );
        assert_eq!(seen.0.load(Ordering::SeqCst), calls, "{typed} {stored}");
    }
}

#[tokio::test]
async fn p7_a_legacy_hash_is_replaced_at_the_next_log_in_and_only_by_the_right_password() {
    let store = Arc::new(MemoryUserStore::<Uuid, ()>::new());
    let secret = SigningSecret::generate().expect("randomness");
    let users = UserManager::builder(store.clone(), &secret)
        .hasher(hasher())
        .build()
        .expect("settings");
    let email: Email = "arthur@camelot.example".parse().expect("an address");
    let arthur = store
        .insert({
            let mut new = NewUser::new(email.clone(), (), OffsetDateTime::UNIX_EPOCH);
            new.id = Some(Uuid::now_v7());
            new.password_hash = Some(PasswordHash::new(DJANGO));
            new.is_verified = true;
            new
        })
        .await
        .expect("inserted");
    let stored = async || {
        let user = store
            .find(&arthur.id)
            .await
            .expect("an answer")
            .expect("the user");
        user.password_hash.expect("a hash").expose().to_owned()
    };

    let refused = users.authenticate(email.as_str(), &"correct cow".into()).await;
    assert!(matches!(refused, Err(AuthenticateError::BadCredentials(_))));
    assert_eq!(stored().await, DJANGO);

    users
        .authenticate(email.as_str(), &PASSWORD.into())
        .await
        .expect("logged in");
    let upgraded = stored().await;
    assert!(
        upgraded.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{upgraded}"
    );
    assert_eq!(
        verdict(users.hasher(), PASSWORD, &upgraded).await,
        PasswordCheck::Match
    );
}
