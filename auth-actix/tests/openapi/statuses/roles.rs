//! The roles of a user.

use actix_web::{http::Method, test::TestRequest};
use serde_json::{Value, json};

use super::{CROSS_SITE, Watched};

impl Watched<'_> {
    pub(super) async fn roles(&self) {
        let (_, token) = self.user("uther@example.com", "avs").await;
        let (user, regular) = self.user("bors@example.com", "av").await;
        let (own, unverified) = self.user("elaine@example.com", "as").await;
        let path = format!("/users/{}/roles", user.id);
        let request = |method: &Method, path: &str, body: Value| {
            let request = TestRequest::default().method(method.clone()).uri(path);
            request.set_json(body)
        };
        for method in [Method::GET, Method::PUT] {
            let asked = |path: &str| request(&method, path, json!(["author"]));
            self.expect(401, asked(&path)).await;
            self.expect(403, self.logged_in(asked(&path), &regular)).await;
            let unknown = "/users/00000000-0000-4000-8000-000000000000/roles";
            self.expect(404, self.logged_in(asked(unknown), &token)).await;
            if self.requires_verification {
                let own = format!("/users/{}/roles", own.id);
                self.expect(403, self.logged_in(asked(&own), &unverified)).await;
            }
            self.expect(200, self.logged_in(asked(&path), &token)).await;
        }
        let put = |body| self.logged_in(request(&Method::PUT, &path, body), &token);
        let refused = self.expect(422, put(json!(["editor", "abbot"]))).await;
        assert_eq!(refused["detail"][0]["loc"], json!(["body", 1]));
        if self.has_cookie() {
            self.expect(403, put(json!([])).insert_header(CROSS_SITE)).await;
        }
        self.observer.fail(false, true);
        self.expect(500, put(json!(["editor"]))).await;
        self.observer.fail(false, false);
    }
}
