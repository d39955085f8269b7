//! Bad configuration fails at the start, and names the setting.

use std::{sync::Arc, time::Duration};

use portcullis::{
    ConfigError, Lifetime, OpaqueStrategy, SigningSecret,
    actix::{Auth, AuthBuilder},
    http::{AuthBackend, BearerTransport, CookieTransport, CsrfPolicy, MaxAge},
    jwt::{HmacAlgorithm, HmacKey, JwtStrategy},
    sql::sqlite,
    testing::memory::{MemoryAccessTokenStore, MemoryUserStore},
    users::{FolderMailer, PasswordHasher, UserManager},
};
use uuid::Uuid;

use crate::harness::run;

fn secret() -> SigningSecret {
    SigningSecret::generate().expect("random")
}

fn builder() -> AuthBuilder {
    let users = UserManager::builder(Arc::new(MemoryUserStore::new()), &secret())
        .build()
        .expect("users");
    Auth::builder(users)
}

fn bearer(name: &str) -> AuthBackend {
    let tokens = Arc::new(MemoryAccessTokenStore::new());
    AuthBackend::new(
        name,
        BearerTransport,
        OpaqueStrategy::new(tokens, Lifetime::FOREVER),
    )
}

fn cookie(name: &str) -> AuthBackend {
    let tokens = Arc::new(MemoryAccessTokenStore::new());
    AuthBackend::new(
        name,
        CookieTransport::default(),
        OpaqueStrategy::new(tokens, Lifetime::FOREVER),
    )
}

#[track_caller]
fn names<T>(setting: &str, built: Result<T, ConfigError>) {
    let error = built.err().unwrap_or_else(|| panic!("{setting} was accepted"));
    assert_eq!(error.setting(), setting);
    assert!(error.to_string().starts_with(setting), "{error}");
}

#[test]
fn a_short_secret_is_refused_and_not_repeated() {
    for secret in ["", "hunter2", "0123456789012345678901234567890"] {
        let error = SigningSecret::new(secret).expect_err("short");
        assert_eq!(error.setting(), "signing secret");
        assert!(
            secret.is_empty() || !error.to_string().contains(secret),
            "{error}"
        );
    }
    let of_32 = SigningSecret::new("32 bytes are just enough for it.").expect("long enough for HS256");
    names("JWT secret", HmacKey::new(HmacAlgorithm::Hs512, &of_32));
}

#[test]
fn a_zero_lifetime_is_refused() {
    names("lifetime", Lifetime::from_secs(0));
    names("lifetime", Lifetime::new(Duration::ZERO));
    let short = Lifetime::new(Duration::from_millis(10)).expect("positive");
    names("JWT lifetime", JwtStrategy::<Uuid>::hs256(&secret(), short));
    names(
        "JWT lifetime",
        JwtStrategy::<Uuid>::hs256(&secret(), Lifetime::FOREVER),
    );
    let users = || UserManager::<Uuid, ()>::builder(Arc::new(MemoryUserStore::new()), &secret());
    names(
        "reset_lifetime",
        users().reset_lifetime(Lifetime::FOREVER).build(),
    );
    names(
        "verification_lifetime",
        users().verification_lifetime(Lifetime::FOREVER).build(),
    );
    names("outbox_capacity", users().outbox_capacity(0).build());
    names(
        "body_timeout",
        builder()
            .backend(bearer("db"))
            .body_timeout(Duration::ZERO)
            .build(),
    );
}

#[test]
fn an_insecure_cookie_is_refused() {
    let builder = CookieTransport::builder;
    names("cookie.secure", builder().secure(false).build());
    names("cookie.secure", builder().name("trial").secure(false).build());
    names("cookie.http_only", builder().http_only(false).build());
    names("cookie.domain", builder().domain("camelot.example").build());
    names(
        "cookie.max_age",
        builder().max_age(MaxAge::Fixed(Duration::ZERO)).build(),
    );
    names("csrf.trusted_origin", CsrfPolicy::same_origin().trust("*"));
}

#[test]
fn backends_that_cannot_be_told_apart_are_refused() {
    names("backends", builder().build());
    names(
        "backend \"db\"",
        builder().backend(bearer("db")).backend(bearer("db")).build(),
    );
    names(
        "backend \"db\"",
        builder().backend(bearer("db")).backend(cookie("db")).build(),
    );
    names(
        "backend \"b\"",
        builder().backend(cookie("a")).backend(cookie("b")).build(),
    );
    for name in ["", "a/b", "a b", "é", "..", &"x".repeat(65)] {
        names(
            &format!("backend {name:?}"),
            builder().backend(bearer(name)).build(),
        );
    }
}

#[test]
fn a_path_that_is_none_is_refused() {
    for path in ["", "auth", "/auth/", "/", "/a b", "/{id}", "/a?b"] {
        names(
            "auth_path",
            builder().backend(bearer("db")).auth_path(path).build(),
        );
        names(
            "users_path",
            builder().backend(bearer("db")).users_path(path).build(),
        );
    }
    names(
        "users_path",
        builder().backend(bearer("db")).users_path("/auth").build(),
    );
}

#[test]
fn a_hasher_weaker_than_the_standard_is_refused() {
    names("argon2.memory", PasswordHasher::builder().memory(19_455).build());
    names("argon2.passes", PasswordHasher::builder().passes(1).build());
    names("argon2.lanes", PasswordHasher::builder().lanes(0).build());
    names("hashing.permits", PasswordHasher::builder().permits(0).build());
    names(
        "hashing.deadline",
        PasswordHasher::builder().deadline(Duration::ZERO).build(),
    );
}

#[test]
fn a_database_that_cannot_be_opened_is_refused() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let directory = folder.path().display().to_string();
        let missing = folder.path().join("missing/app.db").display().to_string();
        let text = folder.path().join("text.db");
        std::fs::write(
            &text,
            "not a database, but a text of more than a hundred bytes ".repeat(40),
        )
        .expect("written");
        let text = text.display().to_string();
        for location in [
            &*directory,
            &missing,
            &text,
            "",
            ":memory:",
            "sqlite://",
            "sqlite::memory:",
            "postgres://root:hunter2@localhost/app",
            "/proc/none/app.db",
        ] {
            let error = sqlite::connect(location).await.err();
            let error = error.unwrap_or_else(|| panic!("{location} was accepted"));
            assert_eq!(error.setting(), "database URL");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    });
}

#[test]
fn an_outbox_that_is_no_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    names("outbox folder", FolderMailer::new(file));
}
