//! The cookies that an answer sets and removes: their paths, and cookies of the same name that another service has set.

mod places;

use cookie::Cookie;
use places::places;

use crate::{
    AuthBackend, CsrfPolicy, PublicUrl, RequestHead, Response, Slot,
    request::each_cookie,
    response::{MAX_SET_COOKIE_BYTES, SET_COOKIE, set_cookie_bytes},
};

/// The maximum number of cookies of others that one answer removes, so that a log-in does not get dozens of headers.
const MAX_REMOVALS: usize = 16;

/// True if a browser keeps the cookie of `backend` only over TLS, or from this machine.
pub(crate) fn is_secure_cookie<Id>(backend: &AuthBackend<Id>) -> bool {
    let removal = backend.transport().clear(Slot::Access);
    let mut cookies = removal.cookies().filter_map(|value| Cookie::parse(value).ok());
    cookies.any(|cookie| cookie.secure() == Some(true))
}

/// `response`, which sets or removes the cookie called `name`, as it goes to the client: with the paths of its cookies, with
/// their companions, and without [strays](remove_strays) of which the request had `suspicious` or more. `refresh` is the name
/// and the path of the cookie with the refresh token.
pub(crate) fn dressed(
    response: Response,
    name: &str,
    refresh: Option<(&str, &str)>,
    csrf: &CsrfPolicy,
    public_url: Option<&PublicUrl>,
    head: &dyn RequestHead,
    suspicious: usize,
) -> Response {
    let base = public_url.map_or("", PublicUrl::path);
    let root = if base.is_empty() { "/" } else { base };
    let response = with_paths(response, |cookie| match refresh {
        Some((name, path)) if name == cookie => path,
        _ => root,
    });
    let response = csrf.accompany(name, refresh.map(|(name, _path)| name), response);
    remove_strays(response, head, base, suspicious)
}

/// The name of a cookie, and of the one that a double submit adds to it.
pub(crate) fn with_companion(name: String) -> [String; 2] {
    let companion = format!("{name}-csrf");
    [name, companion]
}

/// The names of the cookies that `response` sets or removes.
pub(crate) fn names_in(response: &Response) -> Vec<String> {
    let cookies = response.cookies().filter_map(|value| Cookie::parse(value).ok());
    cookies.map(|cookie| cookie.name().to_owned()).collect()
}

/// `response`, in which each cookie without its own path has the one that `path_of` tells for its name.
fn with_paths<'p>(mut response: Response, path_of: impl Fn(&str) -> &'p str) -> Response {
    for (name, value) in &mut response.headers {
        if *name != SET_COOKIE {
            continue;
        }
        let placed = Cookie::parse(&**value)
            .ok()
            .filter(|cookie| cookie.path().is_none());
        let placed = placed.map(|mut cookie| {
            cookie.set_path(path_of(cookie.name()));
            cookie.to_string()
        });
        if let Some(placed) = placed {
            *value = placed;
        }
    }
    response
}

/// `response`, which also removes cookies that another service may have set under the same names, if the request had
/// `suspicious` or more of a name. The likeliest come first, as many as fit into an answer.
///
/// `base` is the path of the public URL. A proxy may have stripped it from that of the request.
fn remove_strays(mut response: Response, head: &dyn RequestHead, base: &str, suspicious: usize) -> Response {
    let ours: Vec<_> = response
        .cookies()
        .filter_map(|value| Cookie::parse(value).ok())
        .collect();
    let shadowed = ours.iter().filter(|cookie| {
        let mut sent = 0;
        each_cookie(cookie.name(), head, &mut |_value| sent += 1);
        sent >= suspicious && (!is_bound_to_host(cookie.name()) || is_partitioned(cookie))
    });
    let target = head.target();
    let is_whole = target
        .path
        .strip_prefix(base)
        .is_some_and(|rest| rest.starts_with('/'));
    let path = if is_whole {
        target.path.to_owned()
    } else {
        format!("{base}{}", target.path)
    };
    let mut removals: Vec<_> = shadowed
        .flat_map(|cookie| removals(cookie, &places(target.host, &path, cookie.path().unwrap_or("/"))))
        .collect();
    removals.sort_by_key(|(rank, _removal)| *rank);
    let mut bytes: usize = response.cookies().map(set_cookie_bytes).sum();
    let fits = |removal: &String| {
        bytes += set_cookie_bytes(removal);
        bytes <= MAX_SET_COOKIE_BYTES
    };
    let removals: Vec<_> = removals
        .into_iter()
        .map(|(_rank, removal)| removal)
        .take(MAX_REMOVALS)
        .take_while(fits)
        .collect();
    // Removals come first, because some clients take a cookie for a domain for the one of the host of that name.
    let removals = removals.into_iter().map(|removal| (SET_COOKIE, removal));
    response.headers.splice(0..0, removals);
    response
}

/// The removals of cookies with the name of `ours` from other `places`, each with its rank: 0 is the likeliest. A
/// browser separates partitioned cookies from others, which may be left from before ours was partitioned.
fn removals(ours: &Cookie<'_>, places: &[(&str, Option<&str>)]) -> Vec<(usize, String)> {
    let own = (ours.path().unwrap_or("/"), ours.domain());
    let is_partitioned = is_partitioned(ours);
    let is_possible = |place| place == own || !is_bound_to_host(ours.name());
    let others = places
        .iter()
        .filter(|place| is_possible(**place))
        .flat_map(|place| {
            let both = [(*place, is_partitioned), (*place, false)];
            both.into_iter().take(if is_partitioned { 2 } else { 1 })
        });
    let removal = |((path, domain), partitioned): ((&str, Option<&str>), bool)| {
        let mut removal = ours.clone();
        removal.set_value("");
        removal.set_max_age(time::Duration::ZERO);
        removal.set_path(path.to_owned());
        removal.set_partitioned(partitioned);
        match domain {
            Some(domain) => removal.set_domain(domain.to_owned()),
            None => removal.unset_domain(),
        }
        removal.to_string()
    };
    others
        .filter(|other| *other != (own, is_partitioned))
        .map(removal)
        .enumerate()
        .collect()
}

fn is_partitioned(cookie: &Cookie<'_>) -> bool {
    cookie.partitioned() == Some(true)
}

/// Only the host itself can set a cookie of such a name, and only for the path `/`: see RFC 6265bis §4.1.3.2.
fn is_bound_to_host(name: &str) -> bool {
    const PREFIX: &str = "__Host-";
    name.get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

#[cfg(test)]
mod tests;
