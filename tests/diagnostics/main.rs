//! N11: what the compiler says to a newcomer is our advice. Only our own words are looked at: the rest is each compiler's.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

/// What `newcomer.rs` is told, at least once each.
const ADVICE: [&str; 24] = [
    "` cannot revoke a credential of a user with an id `",
    "a plain JWT lives until it expires, whatever a log-out says: if that is meant, use `AuthBackend::stateless`",
    "a store is no strategy: `OpaqueStrategy::new(Arc::new(store), lifetime)` is one",
    "write `#[portcullis::async_trait]` above the `impl` of it",
    "carries no credentials",
    "the second argument of an `AuthBackend` is its transport",
    "is no strategy for users with ids",
    "keeps no access tokens of users with ids",
    "a store is made for one type of ids: `SqliteAccessTokenStore<i64>`, for example",
    "keeps no users with ids",
    "`u8` cannot identify a user",
    "implement `UserId`, which has one function",
    "`u16` is no id of users in a SQL table",
    "write `impl ColumnId for u16 { type Column = Self; }`",
    "`u32` is no id of users in a document",
    "write `impl DocumentId for u32` with its two functions, `to_bson` and `from_bson`",
    "observes no events of users with ids",
    "is no veto for users with ids",
    "cannot follow the registration of users with ids",
    "sends no mails",
    "looks up no users with ids",
    "is no password policy",
    "`&str` is no requirement of a user with ids of",
    "requirements are `Active`, `Verified`, `Superuser`, `VerifiedSuperuser`, `InPerson`, a permission such as `Permission::from_static(\"reports:read\")`, a function like",
];

#[test]
fn n11_a_wrong_type_is_answered_with_the_next_step() {
    let said = compile("newcomer.rs");
    for advice in ADVICE {
        assert!(said.contains(advice), "{advice}\n{said}");
    }
}

#[test]
fn n11_a_forgotten_async_trait_is_answered_with_the_next_step() {
    // The compiler shows the line of the trait, with our comment behind it.
    let said = compile("forgotten.rs");
    assert!(
        said.contains("Needs `#[portcullis::async_trait]` above the `impl`."),
        "{said}"
    );
}

#[test]
fn n11_a_missing_column_and_a_missing_table_of_users_are_named() {
    // Any build of Diesel will do: a name is looked for before a type is.
    let said = compile("columns.rs");
    for missing in [
        "`sessions::digest`",
        "`readers::created_at`",
        "`members::roles`",
        "`access_token_store!` needs `users: TABLE`",
    ] {
        assert!(said.contains(missing), "{missing}\n{said}");
    }
}

/// What the compiler says of a source beside this one, with the library as this test has it.
fn compile(source: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let program = env::current_exe().expect("this test");
    let built = program.parent().expect("the folder of what is built");
    let mut compiler = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    compiler.args([
        "--edition=2024",
        "--crate-type=lib",
        "--emit=metadata",
        "--out-dir",
    ]);
    compiler.arg(env!("CARGO_TARGET_TMPDIR"));
    compiler.arg("-L").arg(format!("dependency={}", built.display()));
    for library in ["portcullis", "diesel"] {
        let path = newest_library(built, library);
        compiler
            .arg("--extern")
            .arg(format!("{library}={}", path.display()));
    }
    let output = compiler.arg(folder.join(source)).output().expect("a compiler");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success(), "{source} compiles");
    said
}

/// The library that was built for this test: with the same features, and so the last one.
fn newest_library(built: &Path, library: &str) -> PathBuf {
    let files = fs::read_dir(built)
        .expect("the folder")
        .map(|file| file.expect("a file"));
    let libraries = files.filter(|file| {
        let name = file.file_name();
        let name = name.to_string_lossy();
        name.starts_with(&format!("lib{library}-")) && name.ends_with(".rlib")
    });
    let built_at = |file: &fs::DirEntry| {
        let metadata = file.metadata().expect("metadata");
        metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)
    };
    libraries.max_by_key(built_at).expect("the library").path()
}
