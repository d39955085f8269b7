//! The table of routes is the only list of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use auth_core::{
    Lifetime, SigningSecret,
    memory::{MemoryAccessTokenStore, MemoryUserStore},
};
use auth_http::{AuthBackend, BearerTransport, Endpoints};
use auth_users::UserManager;
use portcullis::jwt::{JwtStrategy, RefreshTokens, TrackedJwtStrategy};
use uuid::Uuid;

const BACKEND: &str = "a-backend";

/// With every route that there is.
fn endpoints() -> Endpoints {
    let secret = SigningSecret::generate().expect("secret");
    let hour = Lifetime::from_secs(3600).expect("an hour");
    let jwt = JwtStrategy::hs256(&secret, hour).expect("a strategy");
    let tokens = Arc::new(MemoryAccessTokenStore::new());
    let strategy = TrackedJwtStrategy::new(jwt, tokens, Lifetime::FOREVER).expect("a strategy");
    let strategy = strategy.refresh_tokens(RefreshTokens::new(&secret));
    let users = Arc::new(MemoryUserStore::<Uuid>::new());
    let users = UserManager::builder(users, &secret).build().expect("users");
    let backend = AuthBackend::new(BACKEND, BearerTransport, strategy);
    Endpoints::builder(users)
        .backend(backend)
        .build()
        .expect("endpoints")
}

/// The strings in each file of the library's crates, without comments and unit tests.
fn texts() -> BTreeMap<PathBuf, String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let members = fs::read_dir(&workspace).expect("the workspace");
    let members = members.map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<_> = members
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("auth-"))
        })
        .map(|path| path.join("src"))
        .chain([workspace.join("src")])
        .collect();
    let mut texts = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            let is_test = path.file_stem().is_some_and(|name| name == "tests");
            if is_test {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).expect("a source");
                let source = source.split("#[cfg(test)]").next().unwrap_or_default();
                let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
                texts.insert(path, code.flat_map(|line| [line, "\n"]).collect());
            }
        }
    }
    texts
}

/// Whether `segment` ends here, or another one begins.
fn ends(rest: &str) -> bool {
    rest.starts_with(['"', '/', '?', '{'])
}

#[test]
fn no_path_of_a_route_stands_in_two_files() {
    let texts = texts();
    assert!(texts.len() > 100, "the sources were found: {}", texts.len());
    let routes = endpoints().routes();
    let segments: BTreeSet<_> = routes
        .iter()
        .flat_map(|route| route.path.split('/').skip(2))
        .filter(|segment| *segment != BACKEND)
        .map(|segment| format!("/{segment}"))
        .collect();
    assert!(segments.len() >= 10, "{segments:?}");
    for segment in segments {
        let holds = |text: &str| {
            text.match_indices(&segment)
                .any(|(at, found)| ends(&text[at + found.len()..]))
        };
        let files: Vec<_> = texts
            .iter()
            .filter(|(_, text)| holds(text))
            .map(|(file, _)| file)
            .collect();
        assert_eq!(files.len(), 1, "{segment} stands in {files:?}");
    }
}

#[test]
fn the_paths_are_the_routes_and_any_other_method_of_a_path_is_405_with_those_that_it_has() {
    let endpoints = endpoints();
    let paths = endpoints.paths();
    let grouped: Vec<_> = paths
        .iter()
        .flat_map(|path| &path.routes)
        .map(|route| &*route.name)
        .collect();
    let routes = endpoints.routes();
    assert_eq!(
        grouped,
        routes.iter().map(|route| &*route.name).collect::<Vec<_>>()
    );
    let distinct: BTreeSet<_> = paths.iter().map(|path| &path.path).collect();
    assert_eq!(distinct.len(), paths.len());
    for path in &paths {
        assert!(path.routes.iter().all(|route| route.path == path.path));
    }
    let refusal = |wanted: &str| {
        let path = paths.iter().find(|path| path.path == wanted).expect(wanted);
        let refusal = path.refusal();
        let allow = refusal.headers.into_iter().find(|(name, _)| *name == "allow");
        (refusal.status, allow.expect("Allow").1)
    };
    assert_eq!(refusal("/users/me"), (405, "GET, PATCH".to_owned()));
    assert_eq!(refusal("/users/{id}"), (405, "GET, PATCH, DELETE".to_owned()));
    assert_eq!(refusal("/auth/register"), (405, "POST".to_owned()));
}
