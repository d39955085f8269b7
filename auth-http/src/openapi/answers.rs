//! The answers of a route: every status, with its headers, the schema of its body, and an example for each code.

use crate::ErrorCode;
use serde_json::{Value, json};
use utoipa::openapi::{
    ArrayBuilder, Content, ContentBuilder, Header, HeaderBuilder, ObjectBuilder, RefOr, Response,
    ResponseBuilder, Responses, ResponsesBuilder, Type, example::ExampleBuilder,
};

use super::schemas::{
    BEARER_REFRESH_RESPONSE, BEARER_RESPONSE, ERROR_MODEL, HTTP_VALIDATION_ERROR, LOG_IN, USER_READ,
    reference,
};

const JSON: &str = "application/json";

/// The answers of one route: its success, and the errors that any route can have.
pub(crate) struct Answers(ResponsesBuilder);

/// A 400 with a code that a front end reacts to.
#[derive(Clone, Copy)]
pub(crate) enum Refused {
    Code(ErrorCode),
    /// The code comes with the reason of the password policy.
    Password(ErrorCode),
}

impl Answers {
    /// `status` and the user.
    pub(crate) fn user(status: u16) -> Self {
        Self::with(status, content(USER_READ), "The user.")
    }

    /// 200 and the user, and perhaps the tokens of a new log-in.
    pub(crate) fn user_and_log_in(bearer: bool, refresh: bool, cookie: bool) -> Self {
        let headers = [
            (
                bearer,
                "X-Access-Token",
                "After a change of the password: the new access token.",
            ),
            (
                refresh,
                "X-Refresh-Token",
                "After a change of the password: the new refresh token.",
            ),
            (
                cookie,
                "Set-Cookie",
                "After a change of the password: the cookie of the new log-in.",
            ),
        ];
        let headers = headers.into_iter().filter(|(is_sent, ..)| *is_sent);
        let response = Response::builder()
            .description("The user.")
            .content(JSON, content(USER_READ).build());
        let response = headers.fold(response, |response, (_, name, about)| {
            response.header(name, header(about))
        });
        Self::new(200, response)
    }

    /// `status` and the body `null`.
    pub(crate) fn null(status: u16, about: &str) -> Self {
        let null = ObjectBuilder::new().schema_type(Type::Null);
        Self::with(status, ContentBuilder::new().schema(Some(null)), about)
    }

    /// 204 and no body.
    pub(crate) fn empty(about: &str) -> Self {
        Self::new(204, Response::builder().description(about))
    }

    /// 200 and a token, with one for the `refresh` if there is any.
    pub(crate) fn token(refresh: bool) -> Self {
        let mut example = json!({ "access_token": "qL8f…", "token_type": "bearer" });
        if refresh {
            example["expires_in"] = json!(900);
            example["refresh_token"] = json!("x2Vd…");
        }
        let schema = if refresh {
            BEARER_REFRESH_RESPONSE
        } else {
            BEARER_RESPONSE
        };
        let content = content(schema).example(Some(example)).build();
        let response = Response::builder()
            .description("The token, to be sent as `Authorization: Bearer …`.")
            .content(JSON, content);
        Self::new(200, response)
    }

    /// 204 and a cookie, set or removed.
    pub(crate) fn cookie(about: &str) -> Self {
        let response = Response::builder()
            .description(about)
            .header("Set-Cookie", header(about));
        Self::new(204, response)
    }

    /// 204, and the removal of a cookie if the log-in that ended was the current one, and `has_cookie`.
    pub(crate) fn ended(about: &str, has_cookie: bool) -> Self {
        let response = Response::builder().description(about);
        let removed = "If the current log-in was ended: its cookie is removed.";
        Self::new(
            204,
            if has_cookie {
                response.header("Set-Cookie", header(removed))
            } else {
                response
            },
        )
    }

    /// 200 and log-ins.
    pub(crate) fn log_ins() -> Self {
        let log_ins = ArrayBuilder::new().items(reference(LOG_IN));
        let content = ContentBuilder::new().schema(Some(log_ins));
        Self::with(200, content, "The log-ins, newest first.")
    }

    /// 200 and the names of roles.
    pub(crate) fn roles() -> Self {
        let names = ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::String));
        let content = ContentBuilder::new().schema(Some(names));
        Self::with(200, content, "The names of the roles, sorted.")
    }

    pub(crate) fn with(status: u16, content: ContentBuilder, about: &str) -> Self {
        let response = Response::builder().description(about);
        Self::new(status, response.content(JSON, content.build()))
    }

    fn new(status: u16, response: ResponseBuilder) -> Self {
        let correlated = |detail, about| {
            bare(detail, about).header(
                "X-Correlation-Id",
                header("What to look for in the service's log."),
            )
        };
        let answers = Self(ResponsesBuilder::new())
            .and(status, response)
            .and(400, bare("Bad Request", "The request cannot be read."))
            .and(408, bare("Request Timeout", "The body did not arrive in time."))
            .and(413, bare("Payload Too Large", "The body is too large."))
            .and(500, correlated("Internal Server Error", "The service failed."));
        let unavailable = correlated("Service Unavailable", "A store did not answer.")
            .header("Retry-After", header("After how many seconds to try again."));
        answers.and(503, unavailable)
    }

    /// 400, for one of `refusals`, or for a request that cannot be read.
    pub(crate) fn refused(self, refusals: &[Refused]) -> Self {
        let own = refusals.iter().map(|refusal| match refusal {
            Refused::Code(code) => (name(*code), json!({ "detail": code })),
            Refused::Password(code) => {
                let reason = "The password is too short: at least 8 characters are needed.";
                (
                    name(*code),
                    json!({ "detail": { "code": code, "reason": reason } }),
                )
            }
        });
        let unread = ("Bad Request".to_owned(), json!({ "detail": "Bad Request" }));
        let examples = own.chain([unread]).map(|(name, value)| {
            let example = ExampleBuilder::new().summary(name.clone()).value(Some(value));
            (name, example)
        });
        let content = content(ERROR_MODEL).examples_from_iter(examples).build();
        let about = "Refused for the reason in the body, or the request cannot be read.";
        self.and(400, Response::builder().description(about).content(JSON, content))
    }

    /// 401, with a challenge if a Bearer credential would have been read, and possibly the removal of a cookie.
    pub(crate) fn unauthorized(self, bearer: bool, cookie: bool) -> Self {
        let mut response = bare("Unauthorized", "No valid credential of an active user.");
        if bearer {
            response = response.header("WWW-Authenticate", header("`Bearer`"));
        }
        if cookie {
            let about = "Removes the cookie, if it came twice, or with a log-out or a refresh.";
            response = response.header("Set-Cookie", header(about));
        }
        self.and(401, response)
    }

    /// 403, for any of `reasons`. Without reasons there is none.
    pub(crate) fn forbidden(self, reasons: impl IntoIterator<Item: Into<String>>) -> Self {
        let reasons: Vec<String> = reasons.into_iter().map(Into::into).collect();
        if reasons.is_empty() {
            return self;
        }
        self.and(403, bare("Forbidden", &format!("{}.", reasons.join(", or "))))
    }

    /// 404.
    pub(crate) fn not_found(self, about: &str) -> Self {
        self.and(404, bare("Not Found", about))
    }

    /// 422, with an error of the `field`.
    pub(crate) fn invalid(self, field: &str) -> Self {
        self.unprocessable(&json!({ "type": "missing", "loc": ["body", field], "msg": "Field required" }))
    }

    /// 422, with an error of an item.
    pub(crate) fn invalid_item(self) -> Self {
        self.unprocessable(
            &json!({ "type": "value_error", "loc": ["body", 1], "msg": "The service defines no such role" }),
        )
    }

    fn unprocessable(self, error: &Value) -> Self {
        let errors = json!({ "detail": [error] });
        let content = content(HTTP_VALIDATION_ERROR).example(Some(errors)).build();
        let response = Response::builder().description("A field of the body, or the body, is not valid.");
        self.and(422, response.content(JSON, content))
    }

    /// Any answer to a user may bring the next access token. Who gets a 401, 408 or 413 is not known as a user.
    pub(crate) fn rotating(self, bearer: bool, cookie: bool) -> Self {
        let mut responses = self.0.build();
        let next = [(bearer, "X-Access-Token"), (cookie, "Set-Cookie")];
        for (status, response) in &mut responses.responses {
            let RefOr::T(response) = response else { continue };
            if ["401", "408", "413"].contains(&status.as_str()) {
                continue;
            }
            for (_, name) in next.iter().filter(|(is_rotated, _)| *is_rotated) {
                let about = "The next access token, if it is time for one.";
                let headers = &mut response.headers;
                headers
                    .entry((*name).to_owned())
                    .or_insert_with(|| header(about).into());
            }
        }
        Self(responses.into())
    }

    pub(crate) fn build(self) -> Responses {
        self.0.build()
    }

    fn and(self, status: u16, response: ResponseBuilder) -> Self {
        let response = response.header("Cache-Control", header("`no-store`"));
        Self(self.0.response(status.to_string(), response))
    }
}

/// The code as in a body.
fn name(code: ErrorCode) -> String {
    match json!(code) {
        Value::String(name) => name,
        other => other.to_string(),
    }
}

fn bare(detail: &str, about: &str) -> ResponseBuilder {
    let content = content(ERROR_MODEL).example(Some(json!({ "detail": detail })));
    Response::builder()
        .description(about)
        .content(JSON, content.build())
}

fn content(schema: &str) -> ContentBuilder {
    Content::builder().schema(Some(reference(schema)))
}

fn header(about: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(about))
        .build()
}
