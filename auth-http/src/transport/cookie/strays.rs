//! Cookies of the same name that somebody else has set.

use std::net::Ipv4Addr;

use super::is_domain_byte;
use crate::Target;

/// Longer paths and domains than these have no part in it: an answer has only so much room.
const MAX_SEGMENTS: usize = 6;
const MAX_DOMAINS: usize = 4;

/// The paths and domains, `None` for the host alone, with which a cookie can have been set that came with a request for
/// `target` (RFC 6265 §5.1.3 and §5.1.4): each is another cookie, and is removed by its own path and domain alone. A browser
/// ignores the removal of one that it would not have let the host set.
pub(super) fn strays<'a>(target: &Target<'a>, own_path: &'a str) -> Vec<(&'a str, Option<&'a str>)> {
    let domains = domains(target.host.unwrap_or_default());
    let mut paths = paths(target.path);
    if !paths.contains(&own_path) {
        paths.push(own_path);
    }
    let all = paths.into_iter().flat_map(|path| {
        let of_domains = domains.iter().map(move |domain| (path, Some(*domain)));
        std::iter::once((path, None)).chain(of_domains)
    });
    all.collect()
}

/// `/`, `/a`, `/a/` and `/a/b` of `/a/b`. What has no place in an attribute ends the list.
fn paths(path: &str) -> Vec<&str> {
    let mut paths = Vec::new();
    let ends = path.match_indices('/').map(|(at, _)| at).take(MAX_SEGMENTS);
    let is_plain = |path: &str| {
        path.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte))
    };
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

/// `a.b.example` and `b.example` of `a.b.example:8080`. An address has no domain.
fn domains(authority: &str) -> Vec<&str> {
    let (host, _port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    if host.parse::<Ipv4Addr>().is_ok() || !host.bytes().all(is_domain_byte) {
        return Vec::new();
    }
    let mut domains = Vec::new();
    let mut rest = Some(host);
    while let Some(domain) = rest.filter(|domain| domain.contains('.') || *domain == host) {
        if !domain.is_empty() && domains.len() < MAX_DOMAINS {
            domains.push(domain);
        }
        rest = domain.split_once('.').map(|(_label, parent)| parent);
    }
    domains
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_and_domain_that_a_request_can_have_a_cookie_from() {
        let all = strays(
            &Target::new(false, Some("app.example.com:8080"), "/auth/login"),
            "/",
        );
        let paths = ["/", "/auth", "/auth/", "/auth/login"];
        let domains = [None, Some("app.example.com"), Some("example.com")];
        let expected: Vec<_> = paths
            .iter()
            .flat_map(|path| domains.iter().map(move |domain| (*path, *domain)))
            .collect();
        assert_eq!(all, expected);
    }

    #[test]
    fn an_address_has_no_domain_and_a_path_no_attribute_of_its_own() {
        for host in ["127.0.0.1:80", "127.0.0.1", "[::1]:80", "[::1]", "a b", "a;b", ""] {
            assert_eq!(domains(host), Vec::<&str>::new(), "{host}");
        }
        assert_eq!(domains("localhost:3000"), ["localhost"]);
        assert_eq!(domains("a.b.c.d.e.example").len(), MAX_DOMAINS);
        assert_eq!(paths("/a;Domain=x/b"), ["/"]);
        assert_eq!(paths("/a/b;c"), ["/", "/a", "/a/"]);
        assert_eq!(paths("/a/"), ["/", "/a", "/a/"]);
        assert_eq!(paths(""), Vec::<&str>::new());
        assert!(paths(&"/a".repeat(100)).len() <= 2 * MAX_SEGMENTS);
    }
}
