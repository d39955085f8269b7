//! Section 7: the current user of an application's own routes.

use serde_json::json;

use crate::harness::{
    Answer, Pass, address,
    journey::{Case, log_in::elsewhere},
};

portcullis_support::sentences! {
    a_required_user_is_there_and_active
    a_required_role_is_403_for_others
    an_optional_user_is_none_instead_of_an_error
    a_guard_for_a_scope_asks_the_same
    a_permission_is_asked_for_by_extractors_and_guards_alike
    a_token_elsewhere_is_nobody_where_the_user_is_optional
}

async fn get(case: &Case, path: &str, pass: &Pass) -> Answer {
    case.get(path).with(pass).send().await
}

#[track_caller]
fn saw(answer: &Answer, case: &Case, name: &str) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected = json!({"email": address(name), "backend": case.kind.name()});
    assert_eq!(answer.json(), expected);
}

async fn a_required_user_is_there_and_active(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    case.get("/required/active").send().await.is_unauthorized();
    get(case, "/required/active", &case.bad_pass())
        .await
        .is_unauthorized();
    saw(&get(case, "/required/active", &pass).await, case, "lancelot");
    case.set(&address("lancelot"), |user| {
        user.is_active = false;
        user.is_superuser = true;
    })
    .await;
    for role in ["active", "verified", "superuser", "verified-superuser"] {
        get(case, &format!("/required/{role}"), &pass)
            .await
            .is_unauthorized();
        get(case, &format!("/optional/{role}"), &pass)
            .await
            .is(200, "null");
    }
}

async fn a_required_role_is_403_for_others(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    for (verified, superuser) in [(false, false), (true, false), (false, true), (true, true)] {
        case.set(&address("lancelot"), |user| {
            user.is_verified = verified;
            user.is_superuser = superuser;
        })
        .await;
        for (role, allowed) in [
            ("active", true),
            ("verified", verified),
            ("superuser", superuser),
            ("verified-superuser", verified && superuser),
        ] {
            let answer = get(case, &format!("/required/{role}"), &pass).await;
            if allowed {
                saw(&answer, case, "lancelot");
            } else {
                answer.is_forbidden();
            }
            case.get(&format!("/required/{role}"))
                .send()
                .await
                .is_unauthorized();
        }
    }
}

async fn a_permission_is_asked_for_by_extractors_and_guards_alike(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    for (role, may) in [("author", false), ("editor", true), ("abbot", false)] {
        case.set(&address("lancelot"), |user| {
            user.roles = [role.parse().expect("a name")].into();
        })
        .await;
        for path in ["/articles", "/guarded/articles"] {
            let answer = get(case, path, &pass).await;
            if may {
                saw(&answer, case, "lancelot");
            } else {
                answer.is_forbidden();
            }
            case.get(path).send().await.is_unauthorized();
        }
        let optional = get(case, "/optional/articles", &pass).await;
        if may {
            saw(&optional, case, "lancelot");
        } else {
            optional.is(200, "null");
        }
    }
}

async fn an_optional_user_is_none_instead_of_an_error(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    for (verified, superuser) in [(false, false), (true, false), (false, true), (true, true)] {
        case.set(&address("lancelot"), |user| {
            user.is_verified = verified;
            user.is_superuser = superuser;
        })
        .await;
        for (role, allowed) in [
            ("active", true),
            ("verified", verified),
            ("superuser", superuser),
            ("verified-superuser", verified && superuser),
        ] {
            let path = format!("/optional/{role}");
            let answer = get(case, &path, &pass).await;
            if allowed {
                saw(&answer, case, "lancelot");
            } else {
                answer.is(200, "null");
            }
            case.get(&path).send().await.is(200, "null");
            get(case, &path, &case.bad_pass()).await.is(200, "null");
        }
    }
}

async fn a_guard_for_a_scope_asks_the_same(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    for role in ["active", "verified", "superuser"] {
        let path = format!("/guarded/{role}/optional/active");
        case.get(&path).send().await.is_unauthorized();
        get(case, &path, &case.bad_pass()).await.is_unauthorized();
        case.set(&address("lancelot"), |user| {
            user.is_verified = false;
            user.is_superuser = false;
        })
        .await;
        let refused = get(case, &path, &pass).await;
        if role == "active" {
            saw(&refused, case, "lancelot");
        } else {
            refused.is_forbidden();
        }
        case.set(&address("lancelot"), |user| {
            user.is_verified = role == "verified";
            user.is_superuser = role == "superuser";
        })
        .await;
        saw(&get(case, &path, &pass).await, case, "lancelot");
    }
    let path = "/guarded/superuser/required/verified";
    get(case, path, &pass).await.is_forbidden();
}

async fn a_token_elsewhere_is_nobody_where_the_user_is_optional(case: &Case) {
    let (_, pass) = case.member("lancelot").await;
    for (header, value) in elsewhere(&pass) {
        let answer = case.get("/optional/active").header(header, &value).send().await;
        answer.is(200, "null");
    }
}
