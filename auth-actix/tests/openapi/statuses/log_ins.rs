//! What the routes for log-ins answer.

use actix_web::test::TestRequest;
use auth_core::UserStore as _;
use serde_json::Value;

use super::{super::description::with_ids, CROSS_SITE, Watched};

/// A request to a path.
type AtPath<'a> = &'a dyn Fn(&str) -> TestRequest;

impl Watched<'_> {
    pub(super) async fn log_ins(&self) {
        let (user, token) = self.user("karl@example.com", "av").await;
        let (_, unverified) = self.user("lena@example.com", "a").await;
        let (_, regular) = self.user("olga@example.com", "av").await;
        let (king, crown) = self.user("max@example.com", "avs").await;
        let (_, unverified_crown) = self.user("nora@example.com", "as").await;
        let list = |path: &str| TestRequest::get().uri(path);
        let delete = |path: &str| TestRequest::delete().uri(path);
        let everywhere = || TestRequest::post().uri("/auth/logout-everywhere");
        let own = "/auth/sessions";
        let first_of = |listed: &Value| format!("{own}/{}", listed[0]["id"].as_str().expect("an id"));
        let nobodys = with_ids("/auth/sessions/{id}");
        let base = |status: u16| if self.requires_verification { 403 } else { status };

        let routes: [(&dyn Fn() -> TestRequest, u16); 4] = [
            (&|| list(own), 200),
            (&|| delete(&nobodys), 404),
            (&|| delete(own), 204),
            (&everywhere, 204),
        ];
        for (request, status) in routes {
            self.expect(401, request()).await;
            if self.has_cookie() && status != 200 {
                let forged = self.logged_in(request(), &token).insert_header(CROSS_SITE);
                self.expect(403, forged).await;
            }
            self.expect(base(status), self.logged_in(request(), &unverified))
                .await;
        }
        self.expect(404, self.logged_in(delete("/auth/sessions/none"), &token))
            .await;
        let listed = self.expect(200, self.logged_in(list(own), &token)).await;
        self.expect(204, self.logged_in(delete(own), &token)).await;
        self.expect(204, self.logged_in(delete(&first_of(&listed)), &token))
            .await;
        self.expect(401, self.logged_in(list(own), &token)).await;
        let another = self.observer.service.token(&user).await;
        self.expect(204, self.logged_in(everywhere(), &another)).await;

        let stored = self
            .observer
            .service
            .users
            .find(&user.id)
            .await
            .expect("an answer")
            .expect("the user");
        let again = self.observer.service.token(&stored).await;
        let listed = self.expect(200, self.logged_in(list(own), &again)).await;
        let one = first_of(&listed);
        let theirs = format!("/users/{}/sessions", user.id);
        let nobodys = with_ids("/users/{id}/sessions");
        let routes: [(AtPath<'_>, u16); 3] = [
            (&|path| list(path), 200),
            (&|path| delete(&one.replace(own, path)), 204),
            (&|path| delete(path), 204),
        ];
        for (request, status) in routes {
            self.expect(401, request(&theirs)).await;
            self.expect(403, self.logged_in(request(&theirs), &regular)).await;
            if self.requires_verification {
                self.expect(403, self.logged_in(request(&theirs), &unverified_crown))
                    .await;
            }
            if self.has_cookie() && status != 200 {
                let forged = self.logged_in(request(&theirs), &crown).insert_header(CROSS_SITE);
                self.expect(403, forged).await;
            }
            self.expect(404, self.logged_in(request(&nobodys), &crown)).await;
            self.expect(status, self.logged_in(request(&theirs), &crown))
                .await;
        }
        self.expect(
            204,
            self.logged_in(delete(&format!("/users/{}/sessions", king.id)), &crown),
        )
        .await;
    }
}
