//! Support for tests of an application's own handlers.

use actix_web::{HttpRequest, HttpResponse, body, http::header, test::TestRequest};
use auth_core::{Profile, User, UserId};
use serde::Deserialize;

use crate::{Auth, AuthError};

/// A log-in for tests, which adds its credential to requests.
#[derive(Clone)]
pub struct LoggedIn {
    headers: Vec<(&'static str, String)>,
}

/// Logs `user` in through the backend called `name`, without a password, but with all other checks of a log-in.
///
/// ```
/// use actix_web::{App, test, web};
/// use portcullis::{User, actix::{Auth, CurrentUser}, testing::log_in_as};
///
/// async fn hello(user: CurrentUser) -> String {
///     format!("Hello, {}!", user.email)
/// }
///
/// async fn a_user_is_greeted(auth: Auth, ada: User) {
///     let app = test::init_service(
///         App::new().route("/hello", web::get().to(hello)).configure(auth.routes()),
///     ).await;
///     let ada = log_in_as(&auth, "web", &ada).await.unwrap();
///     let request = ada.adds_to(test::TestRequest::get().uri("/hello")).to_request();
///     assert_eq!(test::call_and_read_body(&app, request).await, "Hello, ada@example.com!");
/// }
/// ```
///
/// # Errors
/// [`AuthError`] as from [`Auth::log_in`], for example if the user is inactive, or there is no such backend.
///
/// # Panics
/// If the answer has neither a cookie nor an access token, for example because of your own transport.
pub async fn log_in_as<Id: UserId, P: Profile>(
    auth: &Auth<Id, P>,
    name: &str,
    user: &User<Id, P>,
) -> Result<LoggedIn, AuthError> {
    let request: HttpRequest = TestRequest::post().to_http_request();
    let identified = auth.users().identify_without_proof(user.clone());
    let answer = auth.log_in(name, identified, &request).await?;
    let headers = match cookies(&answer) {
        cookies if cookies.is_empty() => vec![("authorization", format!("Bearer {}", token(answer).await))],
        cookies => headers(&cookies),
    };
    Ok(LoggedIn { headers })
}

impl LoggedIn {
    /// `request`, with the credential.
    #[must_use]
    pub fn adds_to(&self, request: TestRequest) -> TestRequest {
        let headers = self.headers.iter().cloned();
        headers.fold(request, |request, header| request.insert_header(header))
    }
}

/// The names and values of the cookies that an answer sets.
fn cookies(answer: &HttpResponse) -> Vec<(String, String)> {
    let set = answer.headers().get_all(header::SET_COOKIE);
    let pairs = set.filter_map(|value| value.to_str().ok()?.split(';').next()?.split_once('='));
    let kept = pairs.filter(|(_, value)| !value.is_empty());
    kept.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn headers(cookies: &[(String, String)]) -> Vec<(&'static str, String)> {
    let pairs: Vec<_> = cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut headers = vec![("cookie", pairs.join("; "))];
    // A page would read this one and send it back.
    if let Some((_, token)) = cookies.iter().find(|(name, _)| name.ends_with("-csrf")) {
        headers.push(("x-csrf-token", token.clone()));
    }
    headers
}

async fn token(answer: HttpResponse) -> String {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
    }
    let body = body::to_bytes(answer.into_body()).await;
    let answer = body
        .ok()
        .and_then(|body| serde_json::from_slice::<Answer>(&body).ok());
    answer
        .expect("a log-in answers with a cookie or an access token")
        .access_token
}
