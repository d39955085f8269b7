//! The settings of the public URL, of trusted proxies and of trusted origins, each seen to take effect.

use reqwest::header::ORIGIN;

use crate::{
    backend::DB,
    visit::{EMAIL, PASSWORD, SQLITE, Visit, json_of, status},
};

/// The status of a log-in with a cookie from a page of `origin`, in a browser that says no more of it.
async fn log_in_from(visit: &Visit, origin: &str) -> u16 {
    let log_in = visit.ask(visit.tracked(true), EMAIL, PASSWORD);
    status(log_in.header(ORIGIN, origin)).await
}

#[tokio::test]
async fn public_url_is_the_origin_of_the_pages_and_the_prefix_of_the_paths_of_clients() {
    let set = [("PUBLIC_URL", "https://camelot.example/api")];
    for (settings, url, path, statuses) in [
        (&[][..], ".", "/auth/jwt-tracked-cookie", [204, 403]),
        (&set, set[0].1, "/api/auth/jwt-tracked-cookie", [403, 204]),
    ] {
        let visit = Visit::with_user(SQLITE, settings).await;
        let document = json_of(visit.get("/openapi.json"), 200).await;
        assert_eq!(document["servers"][0]["url"], url);
        assert_eq!(visit.attribute_of_refresh_cookie("Path").await, path);
        let origins = [visit.showcase.base_url(), "https://camelot.example"];
        for (origin, status) in origins.into_iter().zip(statuses) {
            assert_eq!(log_in_from(&visit, origin).await, status, "{origin}");
        }
        visit.end().await;
    }
}

#[tokio::test]
async fn trusted_proxies_say_what_address_a_log_in_has() {
    for (settings, address) in [
        (&[][..], "127.0.0.1"),
        (&[("TRUSTED_PROXIES", "127.0.0.1")], "203.0.113.7"),
        (
            &[("TRUSTED_PROXIES", "203.0.113.0/24, 127.0.0.1")],
            "198.51.100.9",
        ),
    ] {
        let visit = Visit::with_user(SQLITE, settings).await;
        let log_in = visit.ask(DB, EMAIL, PASSWORD);
        let forwarded = log_in.header("x-forwarded-for", "198.51.100.9, 203.0.113.7");
        let token = json_of(forwarded, 200).await["access_token"].clone();
        let list = visit.get("/auth/sessions");
        let list = json_of(list.bearer_auth(token.as_str().expect("a token")), 200).await;
        assert_eq!(list[0]["address"], address, "{settings:?}");
        visit.end().await;
    }
}

#[tokio::test]
async fn trusted_origins_are_other_origins_whose_pages_can_log_in() {
    let listed = [(
        "TRUSTED_ORIGINS",
        "https://app.example.com, https://admin.example.com",
    )];
    for (settings, expected) in [(&[][..], 403), (&listed, 204)] {
        let visit = Visit::with_user(SQLITE, settings).await;
        for (origin, status) in [
            ("https://app.example.com", expected),
            ("https://admin.example.com", expected),
            ("https://evil.example.com", 403),
        ] {
            assert_eq!(log_in_from(&visit, origin).await, status, "{origin}");
        }
        visit.end().await;
    }
}
