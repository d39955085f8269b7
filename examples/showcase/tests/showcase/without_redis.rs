//! Without `REDIS_URL` there are no backends on Redis.

use reqwest::Method;
use serde_json::json;

use crate::visit::{SQLITE, Visit, json_of};

#[tokio::test]
async fn the_paths_of_the_backends_on_redis_are_404() {
    let visit = Visit::start(SQLITE, &[]).await;
    for name in ["redis", "redis-cookie"] {
        for (method, path) in [
            (Method::POST, format!("/auth/{name}/login")),
            (Method::POST, format!("/auth/{name}/logout")),
            (Method::GET, format!("/protected/{name}")),
        ] {
            assert_eq!(
                json_of(visit.request(method, &path), 404).await,
                json!({ "detail": "Not Found" }),
                "{path}"
            );
        }
    }
}
