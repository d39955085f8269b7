//! Section 2: log-in.

use serde_json::json;

use super::Case;
use crate::{Answer, Kind, PASSWORD, Pass, address, person};

crate::sentences! {
    a_right_password_is_answered_with_a_token
    the_form_is_urlencoded_or_multipart
    the_optional_fields_are_ignored
    another_grant_type_is_422
    json_is_422
    a_missing_or_an_empty_field_is_422
    the_username_is_not_validated_as_an_email
    the_username_is_not_trimmed
    unknown_wrong_and_inactive_are_told_apart_by_nothing
    an_unverified_user_is_refused_where_verification_is_required
    an_unverified_user_with_a_wrong_password_is_not_told_so
    any_case_of_the_email_finds_the_user
    a_hash_of_an_older_scheme_or_cost_is_upgraded
    a_user_without_a_password_cannot_log_in
    each_log_in_is_a_credential_of_its_own
    the_credential_is_found_as_it_travels
    a_token_elsewhere_is_no_credential
}

const BAD: &str = "LOGIN_BAD_CREDENTIALS";

async fn form(case: &Case, fields: &[(&str, &str)]) -> Answer {
    case.post(&case.kind.login()).form(fields).send().await
}

async fn a_right_password_is_answered_with_a_token(case: &Case) {
    let user = case.seed(case.someone("lancelot")).await;
    let answer = case.log_in(case.kind, user.email.as_str(), PASSWORD).await;
    let pass = case.kind.issued(&answer);
    match case.kind.cookie() {
        None => {
            let refresh = pass.refresh.as_ref().map(|token| {
                // A JWT ends at a whole second, rounded down.
                let seconds = answer.json()["expires_in"].as_i64().expect("seconds");
                assert!((3599..=3600).contains(&seconds), "{seconds}");
                format!(r#","expires_in":{seconds},"refresh_token":"{token}""#)
            });
            let body = format!(
                r#"{{"access_token":"{}","token_type":"bearer"{}}}"#,
                pass.token,
                refresh.unwrap_or_default()
            );
            answer.is(200, &body);
            assert_eq!(answer.header("set-cookie"), None);
        }
        Some(name) => {
            answer.is(204, "");
            let cookie = answer.cookie(name).expect("a cookie");
            assert_eq!(
                cookie.attributes,
                ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Lax", "Secure"]
            );
        }
    }
    case.me(&pass).await.is(
        200,
        &format!(
            r#"{{"id":"{}","email":"{}","is_active":true,"is_superuser":false,"is_verified":{}}}"#,
            user.id, user.email, case.verification
        ),
    );
}

async fn the_form_is_urlencoded_or_multipart(case: &Case) {
    case.seed(case.someone("lancelot")).await;
    let email = address("lancelot");
    let fields = [("username", email.as_str()), ("password", PASSWORD)];
    case.kind.issued(&form(case, &fields).await);
    case.kind
        .issued(&case.post(&case.kind.login()).multipart(&fields).send().await);
}

async fn the_optional_fields_are_ignored(case: &Case) {
    case.seed(case.someone("lancelot")).await;
    let email = address("lancelot");
    let fields = [
        ("grant_type", "password"),
        ("username", email.as_str()),
        ("password", PASSWORD),
        ("scope", "all of it"),
        ("client_id", "somebody"),
        ("client_secret", "something"),
        ("unknown", "x"),
    ];
    case.kind.issued(&form(case, &fields).await);
}

async fn another_grant_type_is_422(case: &Case) {
    case.seed(case.someone("lancelot")).await;
    let email = address("lancelot");
    for grant in ["foo", "PASSWORD", "refresh_token", "password "] {
        let fields = [
            ("grant_type", grant),
            ("username", email.as_str()),
            ("password", PASSWORD),
        ];
        form(case, &fields).await.is_unprocessable(&["grant_type"]);
        let multipart = case.post(&case.kind.login()).multipart(&fields).send().await;
        multipart.is_unprocessable(&["grant_type"]);
    }
}

async fn json_is_422(case: &Case) {
    case.seed(case.someone("lancelot")).await;
    let body = json!({"username": address("lancelot"), "password": PASSWORD});
    let answer = case.post_json(&case.kind.login(), body).await;
    answer.is_unprocessable(&["username", "password"]);
}

async fn a_missing_or_an_empty_field_is_422(case: &Case) {
    for (fields, named) in [
        (&[][..], &["username", "password"][..]),
        (&[("username", "a@b.example")], &["password"]),
        (&[("password", PASSWORD)], &["username"]),
        (&[("username", ""), ("password", PASSWORD)], &["username"]),
        (&[("username", "a@b.example"), ("password", "")], &["password"]),
    ] {
        form(case, fields).await.is_unprocessable(named);
    }
    case.post(&case.kind.login())
        .send()
        .await
        .is_unprocessable(&["username", "password"]);
}

async fn the_username_is_not_validated_as_an_email(case: &Case) {
    for username in [
        "nobody",
        "@",
        "a@localhost",
        "a b@c.example",
        "\u{0}",
        "a@b@c.example",
    ] {
        case.log_in(case.kind, username, PASSWORD)
            .await
            .is_error(400, BAD);
    }
}

async fn the_username_is_not_trimmed(case: &Case) {
    case.seed(case.someone("lancelot")).await;
    for username in [
        " lancelot@camelot.example",
        "lancelot@camelot.example ",
        "\tlancelot@camelot.example\n",
    ] {
        case.log_in(case.kind, username, PASSWORD)
            .await
            .is_error(400, BAD);
    }
}

async fn unknown_wrong_and_inactive_are_told_apart_by_nothing(case: &Case) {
    case.seed(case.someone("lancelot")).await;
    case.seed(case.someone("mordred").inactive()).await;
    let unknown = case.log_in(case.kind, &address("nobody"), PASSWORD).await;
    let wrong = case
        .log_in(case.kind, &address("lancelot"), "a wrong password")
        .await;
    let inactive = case.log_in(case.kind, &address("mordred"), PASSWORD).await;
    unknown.is_error(400, BAD);
    assert_eq!(unknown.visible(), wrong.visible());
    assert_eq!(unknown.visible(), inactive.visible());
}

async fn an_unverified_user_is_refused_where_verification_is_required(case: &Case) {
    case.seed(person("gawain")).await;
    let answer = case.log_in(case.kind, &address("gawain"), PASSWORD).await;
    if case.verification {
        answer.is_error(400, "LOGIN_USER_NOT_VERIFIED");
    } else {
        case.me(&case.kind.issued(&answer)).await.json();
    }
}

async fn an_unverified_user_with_a_wrong_password_is_not_told_so(case: &Case) {
    case.seed(person("gawain")).await;
    case.seed(person("mordred").inactive()).await;
    let wrong = case
        .log_in(case.kind, &address("gawain"), "a wrong password")
        .await;
    wrong.is_error(400, BAD);
    case.log_in(case.kind, &address("mordred"), PASSWORD)
        .await
        .is_error(400, BAD);
}

async fn any_case_of_the_email_finds_the_user(case: &Case) {
    case.seed(case.someone("Sir.Lancelot")).await;
    for email in [
        "sir.lancelot@camelot.example",
        "SIR.LANCELOT@CAMELOT.EXAMPLE",
        "Sir.Lancelot@Camelot.Example",
    ] {
        case.kind.issued(&case.log_in(case.kind, email, PASSWORD).await);
    }
}

async fn a_hash_of_an_older_scheme_or_cost_is_upgraded(case: &Case) {
    // Written by bcrypt and argon2-cffi for Python.
    for (name, password, hash) in [
        (
            "bedivere",
            "king arthur's grail \u{e9}",
            "$2a$04$YtROqf/tskierpWp0pA7r.AIi4mntPGNpy7/m2nv6K9dl7n0nsJIu",
        ),
        (
            "kay",
            "king arthur's grail \u{e9}\0x",
            "$argon2id$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$KRMQz9UxU+s6GgzCIIUtiq3blgquCdScxRn79M+9SBI",
        ),
    ] {
        case.seed(case.someone(name).hash(hash)).await;
        let wrong = case.log_in(case.kind, &address(name), PASSWORD).await;
        wrong.is_error(400, BAD);
        let kept = case.stored(&address(name)).await.expect("the user");
        assert_eq!(
            kept.password_hash.expect("a hash").expose(),
            hash,
            "a wrong password changes nothing"
        );

        let pass = case
            .kind
            .issued(&case.log_in(case.kind, &address(name), password).await);
        let user = case.stored(&address(name)).await.expect("the user");
        let upgraded = user.password_hash.expect("a hash");
        assert!(
            upgraded.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{name}"
        );
        assert_eq!(case.me(&pass).await.status, 200, "it ends no credential");
        case.kind
            .issued(&case.log_in(case.kind, &address(name), password).await);
        let again = case.stored(&address(name)).await.expect("the user");
        assert_eq!(again.revision, user.revision, "one upgrade is enough");
    }
}

async fn a_user_without_a_password_cannot_log_in(case: &Case) {
    case.seed(case.someone("merlin").without_password()).await;
    case.log_in(case.kind, &address("merlin"), PASSWORD)
        .await
        .is_error(400, BAD);
}

async fn each_log_in_is_a_credential_of_its_own(case: &Case) {
    let (_, first) = case.member("lancelot").await;
    let second = case.pass(case.kind, &address("lancelot")).await;
    assert_ne!(first.token, second.token);
    for pass in [first, second] {
        assert_eq!(case.me(&pass).await.status, 200);
    }
}

async fn the_credential_is_found_as_it_travels(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let token = &pass.token;
    let (header, values) = match case.kind.cookie() {
        None => (
            "authorization",
            vec![
                format!("Bearer {token}"),
                format!("bearer {token}"),
                format!("BEARER {token}"),
                format!("bEaReR   {token}  "),
            ],
        ),
        Some(name) => (
            "cookie",
            vec![
                format!("{name}={token}"),
                format!("a=b; {name}={token}; c=d"),
                format!("a;{name}={token}"),
            ],
        ),
    };
    for value in values {
        let answer = case.get("/users/me").header(header, &value).send().await;
        assert_eq!(answer.status, 200, "{header}: {value}");
    }
}

/// Headers with this credential where none of its backend belongs.
pub fn elsewhere(pass: &Pass) -> Vec<(&'static str, String)> {
    let token = &pass.token;
    let of_a_cookie = Kind::ALL.into_iter().find_map(Kind::cookie).expect("a cookie");
    match pass.kind.cookie() {
        None => vec![
            ("authorization", format!("Basic {token}")),
            ("authorization", format!("Token {token}")),
            ("authorization", format!("Bearer{token}")),
            ("authorization", token.clone()),
            ("authorization", "Bearer".to_owned()),
            ("authorization", "Bearer   ".to_owned()),
            ("authorization", String::new()),
            ("cookie", format!("{}={token}", of_a_cookie)),
        ],
        Some(name) => vec![
            ("authorization", format!("Bearer {token}")),
            ("cookie", format!("{}={token}", name.to_lowercase())),
            ("cookie", format!("x{name}={token}")),
            ("cookie", format!("{name}=")),
            ("cookie", name.to_owned()),
        ],
    }
}

async fn a_token_elsewhere_is_no_credential(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    let protected = case.protected(case.kind);
    assert_eq!(case.get(&protected).with(&pass).send().await.status, 200);
    for (header, value) in elsewhere(&pass) {
        let answer = case.get(&protected).header(header, &value).send().await;
        answer.is_unauthorized();
    }
    let name = case.kind.cookie().unwrap_or("cookie");
    for query in ["access_token", "token", "bearer", "authorization", name] {
        let path = format!("{protected}?{query}={}", pass.token);
        case.get(&path).send().await.is_unauthorized();
    }
}
