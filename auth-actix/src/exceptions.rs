//! Requests that a guard lets pass.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use auth_core::ConfigError;
use auth_http::Route;

use crate::mounted::Landmark;

/// The requests that a guard lets pass without a user. By default it lets none pass.
#[derive(Clone, Default)]
pub(crate) struct Exceptions {
    paths: Arc<[Path]>,
    /// The method and path of routes that judge their requests themselves.
    routes: Arc<[(&'static str, String)]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Path {
    Exactly(String),
    /// The path and every one below it.
    From(String),
}

impl Path {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let error = |problem: &str| ConfigError::new(format!("excepted path {text:?}"), problem);
        let (path, is_prefix) = match text.strip_suffix("/*") {
            Some(path) => (path, true),
            None => (text, false),
        };
        if is_prefix && path.is_empty() {
            return Err(error("leaves nothing guarded: name the paths"));
        }
        if !path.starts_with('/') {
            return Err(error("does not begin with `/`"));
        }
        if path.contains(['*', '{', '}', '?', '#', '%']) {
            return Err(error(
                "is not a plain path, like `/docs`, or one with all below it, like `/docs/*`",
            ));
        }
        if is_ambiguous(path) {
            return Err(error(
                "has a segment of dots, a backslash or a control character, so that it could stand for another path",
            ));
        }
        let path = path.to_owned();
        Ok(if is_prefix {
            Self::From(path)
        } else {
            Self::Exactly(path)
        })
    }

    fn contains(&self, path: &str) -> bool {
        match self {
            Self::Exactly(exact) => path == exact,
            Self::From(base) => path
                .strip_prefix(&**base)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }
}

/// True if a service behind the guard could take `path` for another one. The router resolves no dots and leaves `%2F`, `%25` and
/// `%2B` encoded, but a file server resolves dots, and a gateway may decode once more.
fn is_ambiguous(path: &str) -> bool {
    let is_plus = |code: &str| code.get(..2).is_some_and(|code| code.eq_ignore_ascii_case("2b"));
    // The router has put U+FFFD where bytes are no UTF-8, such as a long form of a dot. Parsers of URLs skip tabs.
    let is_odd = |character: char| matches!(character, '\\' | '\u{fffd}') || character.is_control();
    path.split('%').skip(1).any(|code| !is_plus(code))
        || path.contains(is_odd)
        || path.split('/').any(is_dots)
}

/// True for `.` and `..`, also with spaces, which Windows ignores, or with what some servers cut off: `..;a=b`.
fn is_dots(segment: &str) -> bool {
    let name = segment.split([';', '?', '#']).next().unwrap_or_default();
    name.contains('.')
        && name
            .chars()
            .all(|character| character == '.' || character.is_whitespace())
}

impl Exceptions {
    /// Those of a guard around a whole application that has `routes` of the library.
    pub(crate) fn of_application(routes: &[Route]) -> Self {
        let routes = routes.iter().filter(|route| !route.operation.asks_for_user());
        Self {
            paths: Arc::default(),
            routes: routes
                .map(|route| (route.method.as_str(), route.path.clone()))
                .collect(),
        }
    }

    /// These, and `paths`.
    pub(crate) fn and<'a>(self, paths: impl IntoIterator<Item = &'a str>) -> Result<Self, ConfigError> {
        let added = paths
            .into_iter()
            .map(Path::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let paths = self.paths.iter().cloned().chain(added).collect();
        Ok(Self { paths, ..self })
    }

    /// `landmark` is that of the routes of the library in reach of the request.
    pub(crate) fn contain(&self, request: &ServiceRequest, landmark: Option<&Landmark>) -> bool {
        // The part that the router has not matched yet: below the scope that the guard wraps, decoded as the router does.
        let path = request.match_info().unprocessed();
        // The library answers a path with an extra slash by a redirect to its route.
        let plain = path.strip_suffix('/').unwrap_or(path);
        let is_route =
            |(method, route): &(&str, String)| request.method().as_str() == *method && plain == route;
        let is_path = self.paths.iter().any(|excepted| excepted.contains(path))
            // Also the part that is matched: a scope `/{tenant}` may be `/..`.
            && !is_ambiguous(request.match_info().as_str());
        // A scope within may have a route of the application's own that is called like one of the library.
        is_path
            || self.routes.iter().any(is_route)
                && landmark.is_some_and(|landmark| landmark.is_in_front(request.request()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_exact_or_has_all_below_it() {
        let contains = |excepted: &str, path: &str| Path::parse(excepted).expect(excepted).contains(path);
        for path in ["/docs", "/docs/", "/docs/a/b", "/docs//"] {
            assert!(contains("/docs/*", path), "{path}");
        }
        for path in ["/docsy", "/doc", "/", "", "/a/docs", "/DOCS", "docs", "//docs"] {
            assert!(!contains("/docs/*", path), "{path}");
        }
        assert!(contains("/live", "/live") && contains("/", "/"));
        for path in ["/live/", "/live/x", "/alive", "/Live", "/"] {
            assert!(!contains("/live", path), "{path}");
        }
    }

    #[test]
    fn a_path_is_ambiguous_if_some_service_would_take_it_for_another() {
        for path in [
            "/a/..",
            "/a/../b",
            "/./a",
            "..",
            "/a/.../b",
            "/a/..;b/c",
            "/a/.;",
            "/a/..?b",
            "/a/..#b",
            "/a/.. /b",
            "/a/ . ./b",
            "/a\\..\\b",
            "/a/.\t./b",
            "/a/\u{fffd}/b",
            "/a/..\0/b",
            "/a%2Fb",
            "/a%2e",
            "/a%25",
            "/a%",
            "/a%2",
            "/a%é",
        ] {
            assert!(is_ambiguous(path), "{path}");
        }
        for path in [
            "/", "", "/a//b/", "/..a", "/a..", "/a.b/.c", "/a;b=..", "/ /a b", "/a%2b%2B", "/é", "/a+b@c:d",
        ] {
            assert!(!is_ambiguous(path), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_or_excepts_everything_is_an_error_that_names_it() {
        for text in [
            "",
            "live",
            "/*",
            "*",
            "/a*",
            "/a/*/b",
            "/a/**",
            "/{id}",
            "/a?b",
            "/a#b",
            "/a%20b",
            "/..",
            "/a/../*",
            "/./a",
            "/a/..;b/c",
            "/a/ ..",
            "/a\\b",
            "/a\tb",
        ] {
            let error = Path::parse(text).expect_err(text);
            assert_eq!(error.setting(), format!("excepted path {text:?}"));
        }
    }
}
