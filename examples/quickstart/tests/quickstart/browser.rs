//! The docs page in a browser, used as a newcomer uses it.

use serde_json::json;

use crate::{
    chromium::Chromium,
    docs_page::{EMAIL, PASSWORD, Page},
    running::Running,
};

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_docs_page_registers_logs_in_and_out_by_token_and_by_cookie() {
    let running = Running::start();
    let chromium = Chromium::start().await;
    let page = Page::open(&chromium.client, running.url("/docs")).await;

    let register = page.operation("post", "/auth/register").await;
    register
        .write(&json!({ "email": EMAIL, "password": PASSWORD }).to_string())
        .await;
    let (status, user) = register.execute().await;
    assert_eq!((status, &user["email"]), (201, &json!(EMAIL)));

    let me = page.operation("get", "/users/me").await;
    assert_eq!(me.execute().await.0, 401, "nobody is logged in");

    page.authorize("bearer").await;
    let (status, user) = me.execute().await;
    assert_eq!((status, &user["email"]), (200, &json!(EMAIL)));
    page.picture("docs.png").await;

    let log_out = page.operation("post", "/auth/bearer/logout").await;
    assert_eq!(log_out.execute().await.0, 204);
    assert_eq!(me.execute().await.0, 401, "the token is dead");
    assert_eq!(log_out.execute().await.0, 401, "and cannot log out again");
    page.forget("bearer").await;

    let log_in = page.operation("post", "/auth/cookie/login").await;
    log_in.fill("username", EMAIL).await;
    log_in.fill("password", PASSWORD).await;
    assert_eq!(log_in.execute().await.0, 204);
    let (status, user) = me.execute().await;
    assert_eq!(
        (status, &user["email"]),
        (200, &json!(EMAIL)),
        "the cookie alone is enough"
    );
    assert_eq!(
        page.script("return document.cookie").await,
        "",
        "no script sees it"
    );
    let log_out = page.operation("post", "/auth/cookie/logout").await;
    assert_eq!(log_out.execute().await.0, 204);
    assert_eq!(me.execute().await.0, 401, "the cookie is gone");

    page.fetched_from_the_service_alone(&running.url("/")).await;
    page.kept_nothing().await;
    chromium.client.clone().close().await.expect("the browser closes");
}
