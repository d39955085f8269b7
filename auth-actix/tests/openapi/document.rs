//! What the document says of a service.

use std::collections::BTreeSet;

use actix_web::{
    App, HttpRequest,
    http::Method,
    test::{self, TestRequest},
    web,
};
use serde_json::{Value, json};

use super::{
    description::{Description, Route, with_ids},
    schema::resolve,
    service::{Backends, COOKIE, Service},
};

/// What may be asked of each path that a service could have.
const PATHS: [&str; 20] = [
    "/auth/methods",
    "/auth/cookie/login",
    "/auth/cookie/logout",
    "/auth/bearer/login",
    "/auth/bearer/logout",
    "/auth/plain/login",
    "/auth/plain/logout",
    "/auth/register",
    "/auth/request-verify-token",
    "/auth/verify",
    "/auth/forgot-password",
    "/auth/reset-password",
    "/auth/sessions",
    "/auth/sessions/{id}",
    "/auth/logout-everywhere",
    "/users/me",
    "/users/{id}",
    "/users/{id}/roles",
    "/users/{id}/sessions",
    "/users/{id}/sessions/{sid}",
];

#[actix_web::test]
async fn every_route_that_is_answered_is_in_the_document_and_no_other() {
    for service in [
        Service::new(Backends::All, false),
        Service::with(Backends::Cookie, false, |builder| builder.without_registration()),
        Service::with(Backends::Bearer, false, |builder| {
            builder.without_verification().without_users()
        }),
        Service::with(Backends::All, false, |builder| builder.without_reset()),
    ] {
        let documented = Description::new(&service.auth).routes();
        let app = test::init_service(App::new().configure(service.auth.routes())).await;
        let mut answered = BTreeSet::new();
        let methods = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ];
        for path in PATHS {
            for method in &methods {
                let uri = with_ids(path);
                let request = TestRequest::default().method(method.clone()).uri(&uri);
                let response = test::call_service(&app, request.to_request()).await;
                if !matches!(response.status().as_u16(), 404 | 405) {
                    answered.insert(Route::new(method.as_str(), path));
                }
            }
        }
        assert_eq!(answered, documented);
    }
}

#[actix_web::test]
async fn no_path_is_mounted_that_the_document_does_not_know() {
    let service = Service::with(Backends::All, false, |builder| {
        builder.auth_path("/identity").users_path("/people")
    });
    let mounted = async |request: HttpRequest| format!("{:?}", request.resource_map());
    let app = App::new()
        .configure(service.auth.routes())
        .route("/mounted", web::get().to(mounted));
    let app = test::init_service(app).await;
    let request = TestRequest::get().uri("/mounted").to_request();
    let map = test::call_and_read_body(&app, request).await;
    let map = std::str::from_utf8(&map).expect("text").replace('\\', "");

    let patterns = map
        .split("patterns: Single(\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'));
    let mounted: BTreeSet<_> = patterns
        .map(|(pattern, _)| pattern)
        .filter(|path| !["", "/mounted"].contains(path))
        .collect();
    let routes = Description::new(&service.auth).routes();
    let documented: BTreeSet<_> = routes
        .iter()
        .map(|route| route.path.as_str())
        // They say 404, whatever else is mounted there.
        .chain(["/identity/{tail:.*}", "/people/{tail:.*}"])
        .collect();
    assert_eq!(mounted, documented);
}

#[actix_web::test]
async fn each_backend_is_a_security_scheme_of_its_own() {
    let service = Service::new(Backends::All, false);
    let description = Description::new(&service.auth);
    let schemes = description.0["components"]["securitySchemes"].as_object();
    let schemes = schemes.expect("schemes");
    assert_eq!(schemes.keys().collect::<Vec<_>>(), ["bearer", "cookie", "plain"]);
    assert_eq!(schemes["cookie"]["type"], "apiKey");
    assert_eq!(schemes["cookie"]["in"], "cookie");
    assert_eq!(schemes["cookie"]["name"], COOKIE);
    for name in ["bearer", "plain"] {
        assert_eq!(schemes[name]["type"], "oauth2");
        assert_eq!(
            schemes[name]["flows"],
            json!({ "password": { "tokenUrl": format!("auth/{name}/login"), "scopes": {} } })
        );
    }

    let any = json!([{ "cookie": [] }, { "bearer": [] }, { "plain": [] }]);
    for route in description.routes() {
        let expected = match route.path.as_str() {
            "/auth/cookie/logout" => json!([{ "cookie": [] }]),
            "/auth/bearer/logout" => json!([{ "bearer": [] }]),
            path if path.starts_with("/users") || path.starts_with("/auth/sessions") => any.clone(),
            "/auth/logout-everywhere" => any.clone(),
            _ => Value::Null,
        };
        assert_eq!(description.operation(&route)["security"], expected, "{route:?}");
    }
}

#[actix_web::test]
async fn what_a_page_has_to_confirm_has_the_header_for_it() {
    for which in [Backends::Confirmed, Backends::All] {
        let service = Service::new(which, true);
        let description = Description::new(&service.auth);
        for route in description.routes() {
            let operation = description.operation(&route);
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let headers: Vec<_> = parameters
                .filter(|parameter| parameter["in"] == "header")
                .map(|parameter| (&parameter["name"], &parameter["required"]))
                .collect();
            // Where a Bearer token opens it too, a request can do without.
            let is_required = match (&*route.method, &*route.path) {
                _ if which == Backends::All => None,
                ("post", "/auth/cookie/logout") => Some(true),
                ("put" | "patch" | "delete", _) | ("post", "/auth/logout-everywhere") => Some(false),
                _ => None,
            };
            let expected = is_required.map(|is_required| (json!("x-csrf-token"), json!(is_required)));
            let expected: Vec<_> = expected.iter().map(|(name, required)| (name, required)).collect();
            assert_eq!(headers, expected, "{which:?} {route:?}");
            let refused = operation["responses"]["403"]["description"]
                .as_str()
                .unwrap_or_default();
            assert_eq!(
                refused.contains("`x-csrf-token`"),
                is_required.is_some(),
                "{which:?} {route:?}: {refused}"
            );
        }
        check_references(&description.0, &description.0);
    }
}

#[actix_web::test]
async fn operations_are_called_as_fastapi_users_calls_them() {
    let service = Service::new(Backends::All, false);
    let description = Description::new(&service.auth);
    let called: BTreeSet<_> = description
        .routes()
        .iter()
        .map(|route| {
            let operation = description.operation(route);
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            (text(&operation["tags"][0]), text(&operation["operationId"]))
        })
        .collect();
    let expected = [
        ("auth", "auth:bearer.login"),
        ("auth", "auth:bearer.logout"),
        ("auth", "auth:cookie.login"),
        ("auth", "auth:cookie.logout"),
        ("auth", "auth:delete_session"),
        ("auth", "auth:delete_sessions"),
        ("auth", "auth:logout_everywhere"),
        ("auth", "auth:methods"),
        ("auth", "auth:plain.login"),
        ("auth", "auth:sessions"),
        ("auth", "register:register"),
        ("auth", "reset:forgot_password"),
        ("auth", "reset:reset_password"),
        ("auth", "verify:request-token"),
        ("auth", "verify:verify"),
        ("users", "users:current_user"),
        ("users", "users:delete_session"),
        ("users", "users:delete_sessions"),
        ("users", "users:delete_user"),
        ("users", "users:patch_current_user"),
        ("users", "users:patch_user"),
        ("users", "users:roles"),
        ("users", "users:sessions"),
        ("users", "users:set_roles"),
        ("users", "users:user"),
    ];
    assert_eq!(
        called,
        expected.map(|(tag, id)| (tag.to_owned(), id.to_owned())).into()
    );
}

#[actix_web::test]
async fn c12_the_document_says_how_long_a_text_may_be() {
    let service = Service::new(Backends::All, false);
    let description = Description::new(&service.auth);
    let bounds = |schema: &Value| {
        let of = |name: &str| schema[name].as_u64();
        (of("minLength"), of("maxLength"))
    };
    let field = |schema: &str, name: &str| bounds(&description.schema(schema)["properties"][name]);
    let reset = Route::new("POST", "/auth/reset-password");
    let reset = &description.operation(&reset)["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(field("LoginForm", "username"), (Some(1), None));
    assert_eq!(field("LoginForm", "password"), (Some(1), Some(1024)));
    for password in [
        field("UserCreate", "password"),
        field("UserUpdate", "password"),
        bounds(&reset["properties"]["password"]),
    ] {
        assert_eq!(password, (Some(8), Some(256)), "as the policy has it");
    }
    assert_eq!(field("UserCreate", "email"), (None, Some(254)));
    // And that is what is enforced.
    let app = test::init_service(App::new().configure(service.auth.routes())).await;
    for (path, content_type, body, status) in [
        ("/auth/bearer/login", FORM, "username=&password=x".to_owned(), 422),
        ("/auth/bearer/login", FORM, "username=x&password=".to_owned(), 422),
        (
            "/auth/bearer/login",
            FORM,
            format!("username=x&password={}", "x".repeat(1024)),
            400,
        ),
        (
            "/auth/bearer/login",
            FORM,
            format!("username=x&password={}", "x".repeat(1025)),
            422,
        ),
        ("/auth/register", JSON, registration(7), 400),
        ("/auth/register", JSON, registration(8), 201),
        ("/auth/register", JSON, registration(257), 400),
    ] {
        let request = TestRequest::post()
            .uri(path)
            .insert_header(("content-type", content_type));
        let response = test::call_service(&app, request.set_payload(body.clone()).to_request()).await;
        assert_eq!(response.status().as_u16(), status, "{path} {body}");
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn registration(length: usize) -> String {
    let password: String = "xylophone quartet ".chars().cycle().take(length).collect();
    json!({ "email": "arthur@camelot.example", "password": password }).to_string()
}

#[actix_web::test]
async fn c12_allow_names_the_methods_of_the_document() {
    let service = Service::new(Backends::All, false);
    let routes = Description::new(&service.auth).routes();
    let app = test::init_service(App::new().configure(service.auth.routes())).await;
    let paths: BTreeSet<_> = routes.iter().map(|route| &route.path).collect();
    for path in paths {
        let uri = with_ids(path);
        let request = TestRequest::default().method(Method::TRACE).uri(&uri);
        let response = test::call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), 405, "{path}");
        let allow = response
            .headers()
            .get("allow")
            .expect("Allow")
            .to_str()
            .expect("text");
        let allowed: BTreeSet<_> = allow.to_lowercase().split(", ").map(str::to_owned).collect();
        let documented = routes.iter().filter(|route| route.path == *path);
        assert_eq!(
            allowed,
            documented.map(|route| route.method.clone()).collect(),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn the_document_is_openapi_3_1_and_every_reference_in_it_leads_somewhere() {
    let service = Service::new(Backends::All, true);
    let description = Description::new(&service.auth);
    assert_eq!(description.0["openapi"], "3.1.0");
    check_references(&description.0, &description.0);

    let mut ids = BTreeSet::new();
    let schemes = &description.0["components"]["securitySchemes"];
    let tags = description.0["tags"].as_array().expect("tags");
    for route in description.routes() {
        let operation = description.operation(&route);
        assert!(
            ids.insert(operation["operationId"].to_string()),
            "{route:?} has an id of its own"
        );
        assert!(operation["summary"].is_string(), "{route:?}");
        let tag = &operation["tags"][0];
        assert!(tags.iter().any(|known| known["name"] == *tag), "{route:?}: {tag}");
        for alternative in operation["security"].as_array().into_iter().flatten() {
            for scheme in alternative.as_object().expect("schemes").keys() {
                assert!(schemes[scheme].is_object(), "{route:?}: {scheme}");
            }
        }
        for (status, response) in description.responses(&route) {
            assert!(
                (100..600).contains(&status.parse::<u16>().expect("a status")),
                "{route:?}"
            );
            assert!(response["description"].is_string(), "{route:?} {status}");
        }
        let in_path = route.path.matches('{').count();
        let parameters = operation["parameters"].as_array().map_or(0, Vec::len);
        assert_eq!(in_path, parameters, "{route:?}");
    }
}

/// # Panics
/// If a reference leads nowhere.
pub(super) fn check_references(document: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                assert!(
                    resolve(document, reference).is_some(),
                    "{reference} leads nowhere"
                );
            }
            fields.values().for_each(|part| check_references(document, part));
        }
        Value::Array(items) => items.iter().for_each(|part| check_references(document, part)),
        _ => {}
    }
}
