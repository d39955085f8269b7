//! The paths and domains for which the cookie of a request can have been set.

use std::net::Ipv4Addr;

use crate::transport::{is_domain_byte, is_path_byte};

/// Longer paths and more domains are ignored, because an answer has little room.
const MAX_SEGMENTS: usize = 6;
const MAX_DOMAINS: usize = 4;

/// The paths and domains (`None` for the host alone) for which the cookie of a request for `path` at `host` can have
/// been set (RFC 6265 §5.1.3 and §5.1.4). Each is another cookie, and only its own path and domain remove it. A browser
/// ignores the removal of a cookie that the host could not set.
///
/// The likeliest come first. A service sets its cookies for `/` or the path at which it is mounted, which is short, and
/// for its host or a domain that it shares with others.
pub(super) fn places<'a>(
    host: Option<&'a str>,
    path: &'a str,
    own_path: &'a str,
) -> Vec<(&'a str, Option<&'a str>)> {
    let domains = domains(host.unwrap_or_default()).into_iter().map(Some);
    let domains: Vec<_> = std::iter::once(None).chain(domains).collect();
    let mut paths = paths(path);
    paths.retain(|path| *path != own_path);
    paths.insert(0, own_path);
    let mut all = Vec::new();
    for (path_rank, path) in paths.into_iter().enumerate() {
        for (domain_rank, domain) in domains.iter().enumerate() {
            all.push((path_rank + domain_rank, path, *domain));
        }
    }
    all.sort_by_key(|(rank, ..)| *rank);
    all.into_iter()
        .map(|(_rank, path, domain)| (path, domain))
        .collect()
}

/// `/`, `/a`, `/a/` and `/a/b` for `/a/b`. A segment that an attribute cannot contain ends the list.
fn paths(path: &str) -> Vec<&str> {
    let mut paths = Vec::new();
    let ends = path.match_indices('/').map(|(at, _)| at).take(MAX_SEGMENTS);
    let is_plain = |path: &str| path.bytes().all(is_path_byte);
    for at in ends {
        let rest = path[at + 1..]
            .find('/')
            .map_or(path.len(), |length| at + 1 + length);
        for prefix in [&path[..=at], &path[..rest]] {
            if !is_plain(prefix) {
                return paths;
            }
            if !paths.contains(&prefix) {
                paths.push(prefix);
            }
        }
    }
    paths
}

/// `a.b.c.example`, `c.example` and `b.c.example` for `a.b.c.example:8080`: the host, then the domains above it,
/// shortest first, because most hosts share that. An address has no domain.
fn domains(authority: &str) -> Vec<&str> {
    let (host, _port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    if host.is_empty() || host.parse::<Ipv4Addr>().is_ok() || !host.bytes().all(is_domain_byte) {
        return Vec::new();
    }
    let dots = host.rmatch_indices('.').map(|(at, _)| &host[at + 1..]);
    let above = dots.filter(|domain| domain.trim_end_matches('.').contains('.'));
    std::iter::once(host).chain(above).take(MAX_DOMAINS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_and_domain_that_a_request_can_have_a_cookie_from() {
        let all = places(Some("app.example.com:8080"), "/auth/login", "/");
        let (app, example) = (Some("app.example.com"), Some("example.com"));
        let likeliest_first = [
            ("/", None),
            ("/", app),
            ("/auth", None),
            ("/", example),
            ("/auth", app),
            ("/auth/", None),
            ("/auth", example),
            ("/auth/", app),
            ("/auth/login", None),
            ("/auth/", example),
            ("/auth/login", app),
            ("/auth/login", example),
        ];
        assert_eq!(all, likeliest_first);
        let own_first = places(None, "/a/b", "/a");
        assert_eq!(
            own_first,
            [("/a", None), ("/", None), ("/a/", None), ("/a/b", None)]
        );
    }

    #[test]
    fn an_address_has_no_domain_and_a_path_no_attribute_of_its_own() {
        for host in ["127.0.0.1:80", "127.0.0.1", "[::1]:80", "[::1]", "a b", "a;b", ""] {
            assert_eq!(domains(host), Vec::<&str>::new(), "{host}");
        }
        assert_eq!(domains("localhost:3000"), ["localhost"]);
        assert_eq!(
            domains("a.b.c.example."),
            ["a.b.c.example.", "c.example.", "b.c.example."]
        );
        let shortest = ["a.b.c.d.e.example", "e.example", "d.e.example", "c.d.e.example"];
        assert_eq!(domains("a.b.c.d.e.example"), shortest);
        assert_eq!(paths("/a;Domain=x/b"), ["/"]);
        assert_eq!(paths("/a/b;c"), ["/", "/a", "/a/"]);
        assert_eq!(paths("/a/"), ["/", "/a", "/a/"]);
        assert_eq!(paths(""), Vec::<&str>::new());
        assert!(paths(&"/a".repeat(100)).len() <= 2 * MAX_SEGMENTS);
    }
}
