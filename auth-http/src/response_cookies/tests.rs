use auth_core::{Issued, IssuedToken, SecretString, SigningSecret};
use time::OffsetDateTime;

use super::*;
use crate::{CookieTransport, CsrfPolicy, Transport as _, request::test_head::Head};

/// A cookie, what accompanies it, and the path of the public URL.
struct Answers {
    cookie: CookieTransport,
    csrf: CsrfPolicy,
    base: &'static str,
}

impl Answers {
    fn of(name: &str, csrf: CsrfPolicy) -> Self {
        let cookie = CookieTransport::builder().name(name).build();
        Self {
            cookie: cookie.expect("a cookie"),
            csrf,
            base: "",
        }
    }

    fn log_in(&self, value: &str, head: &Head) -> Response {
        let token = IssuedToken::new(SecretString::from(value), OffsetDateTime::UNIX_EPOCH, None);
        let answer = self.cookie.deliver(&Issued::new(token)).expect("a cookie");
        self.finished(answer, head, 1)
    }

    fn log_out(&self, head: &Head) -> Response {
        self.finished(self.cookie.clear(Slot::Access), head, 2)
    }

    fn finished(&self, answer: Response, head: &Head, suspicious: usize) -> Response {
        let path = if self.base.is_empty() { "/" } else { self.base };
        let answer = with_paths(answer, |_name| path);
        let answer = self.csrf.accompany(self.cookie.name(), None, answer);
        remove_strays(answer, head, self.base, suspicious)
    }
}

fn double_submit() -> CsrfPolicy {
    CsrfPolicy::same_origin().double_submit(&SigningSecret::generate().expect("secret"))
}

/// The cookies that an answer sets or removes, without what they all have.
fn all_set(response: &Response) -> Vec<String> {
    let set = response.cookies();
    set.map(|value| {
        let common = ["HttpOnly", "SameSite=Lax", "Secure"];
        let mut parts: Vec<_> = value.split("; ").filter(|part| !common.contains(part)).collect();
        parts[1..].sort_unstable();
        parts.join("; ")
    })
    .collect()
}

#[test]
fn c5_what_may_shadow_the_cookie_is_removed_before_it_is_set() {
    let named = |name: &str| Answers::of(name, CsrfPolicy::same_origin());
    let head = |cookies: &str| Head {
        path: "/auth/login",
        ..Head::new("POST", &[("host", "app.example.com:8080"), ("cookie", cookies)])
    };
    let removal = |rest: &str| match rest.split_once("; ") {
        Some((path, domain)) => format!("auth=; {domain}; Max-Age=0; {path}"),
        None => format!("auth=; Max-Age=0; {rest}"),
    };
    let strays: Vec<_> = [
        "Path=/; Domain=app.example.com",
        "Path=/auth",
        "Path=/; Domain=example.com",
        "Path=/auth; Domain=app.example.com",
        "Path=/auth/",
        "Path=/auth; Domain=example.com",
        "Path=/auth/; Domain=app.example.com",
        "Path=/auth/login",
        "Path=/auth/; Domain=example.com",
        "Path=/auth/login; Domain=app.example.com",
        "Path=/auth/login; Domain=example.com",
    ]
    .map(removal)
    .into();
    let with = |last: &str| [&*strays, &[last.to_owned()]].concat();
    let auth = named("auth");
    for (cookies, log_in, log_out) in [
        ("", vec!["auth=T; Path=/".to_owned()], vec![removal("Path=/")]),
        (
            "other=x",
            vec!["auth=T; Path=/".to_owned()],
            vec![removal("Path=/")],
        ),
        ("auth=x", with("auth=T; Path=/"), vec![removal("Path=/")]),
        ("auth=x; auth=y", with("auth=T; Path=/"), with(&removal("Path=/"))),
    ] {
        let head = head(cookies);
        assert_eq!(all_set(&auth.log_in("T", &head)), log_in, "{cookies}");
        assert_eq!(all_set(&auth.log_out(&head)), log_out, "{cookies}");
    }
    // Nobody else can set one of this name, and its removal would be refused.
    let bound = named("__Host-auth");
    let head = head("__Host-auth=x; __Host-auth=y");
    assert_eq!(all_set(&bound.log_in("T", &head)).len(), 1);
    assert_eq!(all_set(&bound.log_out(&head)).len(), 1);
}

#[test]
fn c5_what_may_shadow_the_cookie_that_a_page_reads_is_removed_as_well() {
    let auth = Answers::of("auth", double_submit());
    let removed = |response: &Response| {
        let mut set = all_set(response);
        let ours = set.split_off(set.len() - 2);
        assert!(
            ours[0].starts_with("auth=") && ours[1].starts_with("auth-csrf="),
            "{ours:?}"
        );
        set
    };
    let of = |name: &str| {
        ["app.example.com", "example.com"]
            .map(|domain| format!("{name}=; Domain={domain}; Max-Age=0; Path=/"))
    };
    let none = Vec::new();
    for (cookies, log_in, log_out) in [
        ("", none.clone(), none.clone()),
        ("auth-csrf=x", of("auth-csrf").to_vec(), none.clone()),
        (
            "auth=x; auth-csrf=x; auth-csrf=y",
            [of("auth"), of("auth-csrf")].concat(),
            of("auth-csrf").to_vec(),
        ),
        (
            "auth=x; auth=y; auth-csrf=x",
            [of("auth"), of("auth-csrf")].concat(),
            of("auth").to_vec(),
        ),
    ] {
        let head = Head::new("POST", &[("host", "app.example.com"), ("cookie", cookies)]);
        let mut after_log_in = removed(&auth.log_in("T", &head));
        // By name: they come by how likely each is.
        after_log_in.sort_by_key(|cookie| cookie.starts_with("auth-csrf"));
        assert_eq!(after_log_in, log_in, "{cookies}");
        assert_eq!(removed(&auth.log_out(&head)), log_out, "{cookies}");
    }
    // Without the double submit, a cookie of that name is none of ours.
    let plain = Answers::of("auth", CsrfPolicy::same_origin());
    let head = Head::new(
        "POST",
        &[
            ("host", "app.example.com"),
            ("cookie", "auth-csrf=x; auth-csrf=y"),
        ],
    );
    assert_eq!(all_set(&plain.log_out(&head)), ["auth=; Max-Age=0; Path=/"]);
}

#[test]
fn c5_the_removals_leave_room_for_the_rest_of_the_answer_and_the_likeliest_come_first() {
    let auth = Answers::of("__Secure-auth", double_submit());
    let cookies = "__Secure-auth=x; __Secure-auth=y; __Secure-auth-csrf=x; __Secure-auth-csrf=y";
    let head = Head {
        path: "/first/second/third/fourth/fifth/sixth/seventh",
        ..Head::new(
            "POST",
            &[("host", "www.shop.north.europe.example.com"), ("cookie", cookies)],
        )
    };
    let bytes = |response: &Response| {
        let set = response.cookies();
        set.map(|value| format!("set-cookie: {value}\r\n").len())
            .sum::<usize>()
    };
    let log_in = |length: usize| auth.log_in(&"T".repeat(length), &head);
    for answer in [log_in(43), log_in(700), log_in(1500), auth.log_out(&head)] {
        assert!(bytes(&answer) <= 2048, "{}", bytes(&answer));
    }
    for answer in [log_in(43), auth.log_out(&head)] {
        let set = all_set(&answer);
        assert!((10..=18).contains(&set.len()), "{set:?}");
        for likely in ["Domain=example.com; Max-Age=0; Path=/", "Max-Age=0; Path=/first"] {
            for name in ["__Secure-auth", "__Secure-auth-csrf"] {
                let likely = format!("{name}=; {likely}");
                assert!(set.contains(&likely), "{likely}: {set:?}");
            }
        }
    }
    // A token that fills the room by itself is set all the same. The 401 makes the room for the removals.
    assert_eq!(all_set(&log_in(3000)).len(), 2);
}

#[test]
fn c7_a_cookie_without_a_path_of_its_own_is_for_that_of_the_public_url() {
    let head = |path, cookies| Head {
        path,
        ..Head::new("POST", &[("host", "127.0.0.1:8080"), ("cookie", cookies)])
    };
    let at = |name: &str| Answers {
        base: "/api",
        ..Answers::of(name, double_submit())
    };
    let auth = at("auth");
    let removed = all_set(&auth.log_out(&head("/auth/login", "")));
    assert_eq!(
        removed,
        ["auth=; Max-Age=0; Path=/api", "auth-csrf=; Max-Age=0; Path=/api"]
    );
    // What others have set is removed by the paths that the browser knows, whether or not the proxy strips the prefix.
    for path in ["/auth/login", "/api/auth/login"] {
        let set = all_set(&auth.log_in("T", &head(path, "auth=x")));
        let strays = ["/", "/api/", "/api/auth", "/api/auth/", "/api/auth/login"];
        let strays = strays.map(|path| format!("auth=; Max-Age=0; Path={path}"));
        assert_eq!(set[..5], strays, "{path}");
        assert_eq!(set[5], "auth=T; Path=/api");
    }
    let bound = all_set(&at("__Host-auth").log_in("T", &head("/auth/login", "")));
    assert_eq!(bound[0], "__Host-auth=T; Path=/");
    let own = CookieTransport::builder().name("auth").path("/app").build();
    let own = Answers {
        cookie: own.expect("a cookie"),
        ..at("auth")
    };
    assert_eq!(
        all_set(&own.log_in("T", &head("/auth/login", "")))[0],
        "auth=T; Path=/app"
    );
}

#[test]
fn n16_a_cookie_from_before_it_was_partitioned_does_not_keep_the_user_out() {
    let builder = CookieTransport::builder().name("__Host-auth").partitioned(true);
    let auth = Answers {
        cookie: builder.build().expect("a cookie"),
        ..Answers::of("__Host-auth", CsrfPolicy::same_origin())
    };
    let head = |cookies| Head::new("POST", &[("host", "app.example.com"), ("cookie", cookies)]);
    let (once, twice) = (head("__Host-auth=x"), head("__Host-auth=x; __Host-auth=y"));
    let before = "__Host-auth=; Max-Age=0; Path=/";
    let ours = "__Host-auth=; Max-Age=0; Partitioned; Path=/";
    assert_eq!(
        all_set(&auth.log_in("T", &once)),
        [before, "__Host-auth=T; Partitioned; Path=/"]
    );
    assert_eq!(all_set(&auth.log_out(&once)), [ours]);
    assert_eq!(all_set(&auth.log_out(&twice)), [before, ours]);
}
