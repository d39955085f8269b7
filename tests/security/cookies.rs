//! C1 to C3: cookies.

use std::time::Duration;

use portcullis::http::{CookieTransport, CsrfPolicy, SameSite};

use crate::harness::{Answer, Blueprint, Kind, PASSWORD, Pass, Service, address, person, run};

fn attributes(answer: &Answer) -> (String, Vec<String>) {
    let cookie = answer.header("set-cookie").expect("a cookie");
    let (pair, attributes) = cookie.split_once("; ").expect("attributes");
    let mut attributes: Vec<_> = attributes.split("; ").map(str::to_owned).collect();
    attributes.sort_unstable();
    (pair.to_owned(), attributes)
}

#[test]
fn c1_the_default_cookie_is_bound_to_the_host_and_hidden_from_scripts() {
    Blueprint::of(&[Kind::DbCookie]).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let answer = service
            .log_in(Kind::DbCookie, &address("lancelot"), PASSWORD)
            .await;
        let (pair, attributes) = attributes(&answer);
        assert!(pair.starts_with("__Host-cookie="));
        assert_eq!(
            attributes,
            ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax", "Secure"]
        );
    });
}

#[test]
fn c1_an_insecure_combination_is_refused_when_built() {
    let builder = CookieTransport::builder;
    for (setting, built) in [
        ("cookie.secure", builder().name("a").secure(false).build()),
        ("cookie.secure", builder().secure(false).allow_insecure().build()),
        (
            "cookie.secure",
            builder()
                .name("a")
                .secure(false)
                .same_site(SameSite::None)
                .allow_insecure()
                .build(),
        ),
        ("cookie.http_only", builder().http_only(false).build()),
        ("cookie.domain", builder().domain("camelot.example").build()),
        ("cookie.path", builder().path("/auth").build()),
    ] {
        assert_eq!(built.expect_err(setting).setting(), setting);
    }
}

#[test]
fn c2_the_removal_repeats_the_attributes() {
    for kind in [Kind::DbCookie, Kind::JwtCookie] {
        Blueprint::of(&[kind]).run(async |service: &Service| {
            service.seed(person("lancelot")).await;
            let log_in = service.log_in(kind, &address("lancelot"), PASSWORD).await;
            let pass = kind.issued(&log_in);
            let log_out = service.post(&kind.logout()).with(&pass).send().await;
            let (set, mut set_attributes) = attributes(&log_in);
            let (removed, removal) = attributes(&log_out);
            assert_eq!(removed, format!("{}=", set.split_once('=').expect("a pair").0));
            set_attributes.retain(|attribute| !attribute.starts_with("Max-Age"));
            assert!(removal.contains(&"Max-Age=0".to_owned()));
            let rest: Vec<_> = removal
                .into_iter()
                .filter(|attribute| !attribute.starts_with("Max-Age"))
                .collect();
            assert_eq!(rest, set_attributes);
        });
    }
}

#[test]
fn c3_the_server_decides_when_a_credential_expires_never_the_cookie() {
    Blueprint::of(&[Kind::DbCookie, Kind::JwtCookie]).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        let mut passes = Vec::new();
        for kind in [Kind::DbCookie, Kind::JwtCookie] {
            passes.push(service.pass(kind, &address("lancelot")).await);
        }
        service
            .clock
            .advance(Duration::from_secs(3601).try_into().expect("short"));
        for pass in passes {
            service.me(&pass).await.is_unauthorized();
            let (name, value) = pass.header();
            let claims = format!("{value}; Max-Age=999999; Expires=Fri, 01 Jan 2100 00:00:00 GMT");
            service
                .get("/users/me")
                .header(name, claims)
                .send()
                .await
                .is_unauthorized();
        }
    });
}

#[test]
fn c3_what_is_set_fits_into_4096_bytes_and_what_is_longer_is_401() {
    Blueprint::of(&[Kind::DbCookie, Kind::JwtCookie]).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        for kind in [Kind::DbCookie, Kind::JwtCookie] {
            let answer = service.log_in(kind, &address("lancelot"), PASSWORD).await;
            assert!(attributes(&answer).0.len() <= 4096);
            for length in [4097, 8193, 20_000] {
                let answer = service.me(&Pass::new(kind, "x".repeat(length))).await;
                answer.is_unauthorized();
            }
        }
    });
}

/// Every cookie that an answer removes, as its path.
fn removed(answer: &Answer) -> Vec<String> {
    let cookies = answer.headers.get_all("set-cookie").iter();
    let cookies = cookies.map(|cookie| cookie.to_str().expect("ASCII"));
    let removals = cookies.filter(|cookie| cookie.starts_with("auth=;") && cookie.contains("Max-Age=0"));
    removals
        .map(|cookie| {
            let path = cookie.split("; ").find_map(|part| part.strip_prefix("Path="));
            path.expect("a path").to_owned()
        })
        .collect()
}

#[test]
fn c5_two_cookies_of_one_name_are_401_and_removed_so_that_a_log_in_helps() {
    run(async {
        let cookie = CookieTransport::builder()
            .name("auth")
            .secure(false)
            .allow_insecure()
            .build();
        let service = Service::with_cookie(cookie.expect("a cookie"), CsrfPolicy::same_origin()).await;
        service.seed(person("lancelot")).await;
        let log_in = service
            .log_in(Kind::DbCookie, &address("lancelot"), PASSWORD)
            .await;
        assert_eq!(log_in.status, 204);
        assert_eq!(
            removed(&log_in),
            Vec::<String>::new(),
            "nothing came that could shadow it"
        );
        let set = log_in.header("set-cookie").expect("a cookie");
        let ours = set.split(';').next().expect("a pair");
        for (shadowed, paths) in [
            (
                service.get("/users/me"),
                &["/users", "/users/", "/users/me", "/"][..],
            ),
            (
                service.get("/required/active"),
                &["/required", "/required/", "/required/active", "/"],
            ),
            (
                service.get("/guarded/active/optional/active"),
                &["/guarded", "/guarded/active", "/"],
            ),
            (
                service.post(&Kind::DbCookie.logout()),
                &["/auth", "/auth/cookie", "/auth/cookie/logout", "/"],
            ),
        ] {
            let answer = shadowed
                .header("cookie", format!("auth=stray; {ours}"))
                .send()
                .await;
            answer.is_unauthorized();
            let removed = removed(&answer);
            for path in paths {
                assert!(
                    removed.iter().any(|removed| removed == path),
                    "{path}: {removed:?}"
                );
            }
            assert_eq!(removed.last().map(String::as_str), Some("/"), "ours is the last");
        }
        let form = [("username", &*address("lancelot")), ("password", PASSWORD)];
        let again = service.post(&Kind::DbCookie.login()).form(&form);
        let again = again.header("cookie", "auth=stray").send().await;
        assert_eq!(again.status, 204);
        assert!(removed(&again).contains(&"/auth/cookie".to_owned()));
        let cookies: Vec<_> = again.headers.get_all("set-cookie").iter().collect();
        let last = cookies.last().expect("a cookie").to_str().expect("ASCII");
        assert!(last.starts_with("auth=") && !last.contains("Max-Age=0"), "{last}");
    });
}

#[test]
fn n17_a_log_out_with_a_dead_cookie_is_401_and_removes_it() {
    for kind in [Kind::DbCookie, Kind::JwtCookie] {
        Blueprint::of(&[kind, Kind::DbBearer]).run(async |service: &Service| {
            let dead = Pass::new(kind, "nonsense");
            let answer = service.post(&kind.logout()).with(&dead).send().await;
            answer.is_unauthorized();
            let (pair, attributes) = attributes(&answer);
            assert_eq!(pair, format!("{}=", kind.cookie().expect("a cookie")));
            assert!(attributes.contains(&"Max-Age=0".to_owned()), "{attributes:?}");
            // Nothing is removed that was not there, and elsewhere a dead cookie stays.
            for answer in [
                service.post(&kind.logout()).send().await,
                service.post(&Kind::DbBearer.logout()).with(&dead).send().await,
                service.me(&dead).await,
            ] {
                answer.is_unauthorized();
                assert_eq!(answer.header("set-cookie"), None);
            }
        });
    }
}
