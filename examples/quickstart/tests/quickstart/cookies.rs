//! The cookie in a browser: after a log-out, and beside a neighbour on another port.

use fantoccini::{Client, Locator};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    chromium::Chromium,
    docs_page::{EMAIL, PASSWORD},
    mounted::{Serving, auth, free},
    running::Running,
};

#[tokio::test]
#[ignore = "needs Chromium"]
async fn c6_back_after_a_log_out_does_not_show_the_user() {
    let (running, chromium) = (Running::start(), Chromium::start().await);
    let page = Page::open(&chromium.client, &running.url("/docs")).await;
    page.register().await;
    assert_eq!(page.log_in().await, 204);
    page.client.goto(&running.url("/users/me")).await.expect("a page");
    assert!(page.text().await.contains(EMAIL));
    page.client.goto(&running.url("/docs")).await.expect("a page");
    assert_eq!(
        page.fetch(Method::POST, "/auth/cookie/logout", Value::Null).await,
        204
    );
    page.client.back().await.expect("the page before");
    let address = page.client.current_url().await.expect("an address");
    assert_eq!(address.path(), "/users/me");
    let text = page.text().await;
    assert!(!text.contains(EMAIL) && text.contains("Unauthorized"), "{text}");
    chromium.client.clone().close().await.expect("the browser closes");
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn c5_a_cookie_of_a_neighbour_does_not_keep_the_user_out_after_the_next_log_in() {
    let (auth, chromium) = (auth(|auth| auth).await, Chromium::start().await);
    let service = Serving::start(free(), move |config| auth.routes()(config));
    for path in ["/users", "/users/me", "/auth", "/auth/cookie"] {
        let neighbour = neighbour("__Secure-docs", path).await;
        chromium.client.goto(&neighbour).await.expect("the neighbour");
    }
    let page = Page::open(
        &chromium.client,
        &format!("http://{}/auth/methods", service.address),
    )
    .await;
    assert_eq!(page.log_in().await, 204);
    assert_eq!(page.fetch(Method::GET, "/users/me", Value::Null).await, 401);
    assert_eq!(page.log_in().await, 204);
    assert_eq!(page.fetch(Method::GET, "/users/me", Value::Null).await, 200);
    assert_eq!(
        page.fetch(Method::POST, "/auth/cookie/logout", Value::Null).await,
        204
    );
    chromium.client.clone().close().await.expect("the browser closes");
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn c5_a_neighbour_cannot_set_a_second_cookie_of_a_name_with_the_prefix_host() {
    let (running, chromium) = (Running::start(), Chromium::start().await);
    for path in ["/users", "/users/me", "/auth", "/auth/cookie"] {
        let neighbour = neighbour("__Host-cookie", path).await;
        chromium.client.goto(&neighbour).await.expect("the neighbour");
    }
    let page = Page::open(&chromium.client, &running.url("/docs")).await;
    page.register().await;
    assert_eq!(page.log_in().await, 204);
    assert_eq!(page.fetch(Method::GET, "/users/me", Value::Null).await, 200);
    chromium.client.clone().close().await.expect("the browser closes");
}

/// The address of a service on another port that sets the cookie called `name` for `path`.
async fn neighbour(name: &str, path: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let answer = format!(
        "HTTP/1.1 200 OK\r\nSet-Cookie: {name}=stray; Path={path}; Secure\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            // A browser may open a connection ahead, on which it sends nothing.
            tokio::spawn(async move {
                let read = stream.read(&mut [0; 4096]).await;
                if read.is_ok_and(|length| length > 0) {
                    stream.write_all(answer.as_bytes()).await.expect("sent");
                }
            });
        }
    });
    format!("http://{address}/")
}

/// A page of the example, whose scripts call the service.
struct Page<'c> {
    client: &'c Client,
}

impl<'c> Page<'c> {
    async fn open(client: &'c Client, url: &str) -> Self {
        client.goto(url).await.expect("the page");
        Self { client }
    }

    async fn register(&self) {
        let body = json!({ "json": { "email": EMAIL, "password": PASSWORD } });
        assert_eq!(self.fetch(Method::POST, "/auth/register", body).await, 201);
    }

    async fn log_in(&self) -> u64 {
        let body = json!({ "form": { "username": EMAIL, "password": PASSWORD } });
        self.fetch(Method::POST, "/auth/cookie/login", body).await
    }

    /// The status that a script of the page sees.
    async fn fetch(&self, method: Method, path: &str, body: Value) -> u64 {
        let script = "
            const [method, path, body, done] = arguments;
            const options = { method };
            if (body?.form) options.body = new URLSearchParams(body.form);
            if (body?.json) {
                options.body = JSON.stringify(body.json);
                options.headers = { 'content-type': 'application/json' };
            }
            fetch(path, options).then(answer => done(answer.status), error => done(String(error)));
        ";
        let arguments = vec![json!(method.as_str()), json!(path), body];
        let status = self
            .client
            .execute_async(script, arguments)
            .await
            .expect("the script");
        status.as_u64().unwrap_or_else(|| panic!("{path}: {status}"))
    }

    async fn text(&self) -> String {
        let body = self.client.wait().for_element(Locator::Css("body")).await;
        body.expect("a body").text().await.expect("text")
    }
}
