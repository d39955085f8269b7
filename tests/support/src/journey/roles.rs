//! Section 14: roles and permissions. The service defines `author`, who may write articles, and `editor`, who may do everything
//! with them. Its own route `/articles` asks for the permission to publish.

use std::collections::BTreeSet;

use portcullis::User;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Case;
use crate::{Answer, PASSWORD, Pass, address, person};

crate::sentences! {
    m2_the_roles_of_a_user_are_of_a_superuser_alone
    roles_are_replaced_and_stored_sorted_without_doubles
    a_role_that_is_not_defined_is_named_by_its_index_and_nothing_is_written
    malformed_json_comes_before_the_credential_and_an_unknown_id_before_the_roles
    m2_roles_in_any_other_body_are_ignored
    m1_a_change_of_roles_holds_from_the_next_request_on_and_ends_no_credential
    m6_a_superuser_has_every_permission_and_a_demoted_one_those_of_the_roles
    m3_a_role_that_is_no_longer_defined_stays_and_grants_nothing
    of_two_changes_at_once_one_holds_as_a_whole
}

const GUARDED: &str = "/articles";

fn path(id: Uuid) -> String {
    format!("/users/{id}/roles")
}

async fn put(case: &Case, king: &Pass, id: Uuid, body: Value) -> Answer {
    let call = case.call(Method::PUT, &path(id));
    call.json(&body).with(king).send().await
}

async fn publishes(case: &Case, pass: &Pass) -> bool {
    let answer = case.get(GUARDED).with(pass).send().await;
    if answer.status != 200 {
        answer.is_forbidden();
    }
    answer.status == 200
}

async fn roles_of(case: &Case, name: &str) -> Vec<String> {
    let user = case.stored(&address(name)).await.expect("the user");
    user.roles.iter().map(ToString::to_string).collect()
}

fn give(user: &mut User, roles: &[&str]) {
    user.roles = roles.iter().map(|role| role.parse().expect("a name")).collect();
}

/// The path and the index, or `None` for the body itself, of each error.
#[track_caller]
fn indices(answer: &Answer) -> Vec<Option<u64>> {
    assert_eq!(answer.status, 422, "{answer:?}");
    let body = answer.json();
    let errors = body["detail"].as_array().expect("errors").iter();
    let index = |error: &Value| {
        assert_eq!(error["loc"][0], "body", "{body}");
        error["loc"].get(1).map(|index| index.as_u64().expect("an index"))
    };
    errors.map(index).collect()
}

async fn m2_the_roles_of_a_user_are_of_a_superuser_alone(case: &Case) {
    let (_, king) = case.king().await;
    let (lancelot, pass) = case.member("lancelot").await;
    for method in [Method::GET, Method::PUT] {
        let call = || {
            let call = case.call(method.clone(), &path(lancelot.id));
            if method == Method::PUT {
                call.json(&json!(["editor"]))
            } else {
                call
            }
        };
        call().send().await.is_unauthorized();
        call().with(&case.bad_pass()).send().await.is_unauthorized();
        call().with(&pass).send().await.is_forbidden();
        assert!(roles_of(case, "lancelot").await.is_empty());
    }
    let read = || case.get(&path(lancelot.id)).with(&king).send();
    read().await.is(200, "[]");
    put(case, &king, lancelot.id, json!(["editor"]))
        .await
        .is(200, r#"["editor"]"#);
    let answer = read().await;
    answer.is(200, r#"["editor"]"#);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // A role makes nobody a superuser.
    let own = case.get(&path(lancelot.id)).with(&pass).send().await;
    own.is_forbidden();
}

async fn roles_are_replaced_and_stored_sorted_without_doubles(case: &Case) {
    let (_, king) = case.king().await;
    let user = case.seed(person("lancelot")).await;
    for (body, stored) in [
        (json!(["editor", "author", "editor"]), r#"["author","editor"]"#),
        (json!(["author"]), r#"["author"]"#),
        (json!(["author", "author"]), r#"["author"]"#),
        (json!([]), "[]"),
    ] {
        put(case, &king, user.id, body).await.is(200, stored);
        let read = case.get(&path(user.id)).with(&king).send().await;
        read.is(200, stored);
        assert_eq!(json!(roles_of(case, "lancelot").await).to_string(), stored);
    }
}

async fn a_role_that_is_not_defined_is_named_by_its_index_and_nothing_is_written(case: &Case) {
    let (_, king) = case.king().await;
    let user = case.seed(person("lancelot")).await;
    for (body, expected) in [
        (json!(["editor", "edtior"]), vec![Some(1)]),
        (
            json!(["Editor", "author", "", "*"]),
            vec![Some(0), Some(2), Some(3)],
        ),
        (
            json!([null, "author", 1, ["author"]]),
            vec![Some(0), Some(2), Some(3)],
        ),
        (json!(["a,b", "author\0"]), vec![Some(0), Some(1)]),
        (json!({"roles": ["author"]}), vec![None]),
        (json!("author"), vec![None]),
        (json!(null), vec![None]),
        (json!(vec!["author"; 65]), vec![None]),
    ] {
        let answer = put(case, &king, user.id, body.clone()).await;
        assert_eq!(indices(&answer), expected, "{body}");
        assert!(!answer.text().contains("edtior"), "{body}");
    }
    let form = case.call(Method::PUT, &path(user.id)).with(&king);
    let answer = form.form(&[("roles", "author")]).send().await;
    assert_eq!(indices(&answer), [None]);
    let stored = case.stored(user.email.as_str()).await.expect("the user");
    assert_eq!((stored.revision, stored.roles), (user.revision, BTreeSet::new()));
    put(case, &king, user.id, json!(vec!["author"; 64]))
        .await
        .is(200, r#"["author"]"#);
}

async fn malformed_json_comes_before_the_credential_and_an_unknown_id_before_the_roles(case: &Case) {
    let (_, king) = case.king().await;
    let (lancelot, pass) = case.member("lancelot").await;
    let malformed = case.call(Method::PUT, &path(lancelot.id));
    let malformed = malformed.body("application/json", "[\"editor\"").send().await;
    assert_eq!(indices(&malformed), [None]);
    let unknown = put(case, &pass, Uuid::now_v7(), json!(["nobody"])).await;
    unknown.is_forbidden();
    for id in [&Uuid::now_v7().to_string(), "nobody", "me", "%00"] {
        let path = format!("/users/{id}/roles");
        case.get(&path).with(&king).send().await.is_not_found();
        let call = case.call(Method::PUT, &path).json(&json!(["nobody"]));
        call.with(&king).send().await.is_not_found();
    }
}

async fn m2_roles_in_any_other_body_are_ignored(case: &Case) {
    let (_, king) = case.king().await;
    let body = json!({"email": address("galahad"), "password": PASSWORD, "roles": ["editor"]});
    let registered = case.post_json("/auth/register", body).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    assert_eq!(registered.json().get("roles"), None);
    assert!(roles_of(case, "galahad").await.is_empty());

    let (lancelot, pass) = case.member("lancelot").await;
    for roles in [json!(["editor"]), json!(null), json!("editor")] {
        let body = json!({"roles": roles});
        let own = case.patch("/users/me").json(&body).with(&pass).send().await;
        assert_eq!(own.status, 200, "{own:?}");
        let one = format!("/users/{}", lancelot.id);
        let others = case.patch(&one).json(&body).with(&king).send().await;
        assert_eq!(others.status, 200, "{others:?}");
    }
    let stored = case.stored(&address("lancelot")).await.expect("the user");
    assert_eq!(
        (stored.revision, stored.roles),
        (lancelot.revision, BTreeSet::new())
    );
}

async fn m1_a_change_of_roles_holds_from_the_next_request_on_and_ends_no_credential(case: &Case) {
    let (_, king) = case.king().await;
    let (lancelot, pass) = case.member("lancelot").await;
    case.get(GUARDED).send().await.is_unauthorized();
    assert!(!publishes(case, &pass).await);
    for _again in 0..2 {
        for (roles, may) in [
            (vec!["editor"], true),
            (vec!["author"], false),
            (vec!["author", "editor"], true),
            (vec![], false),
        ] {
            let answer = put(case, &king, lancelot.id, json!(roles)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(publishes(case, &pass).await, may, "{roles:?}");
        }
    }
    let stored = case.stored(&address("lancelot")).await.expect("the user");
    assert_eq!(stored.security_epoch, lancelot.security_epoch);
    assert_eq!(case.me(&pass).await.status, 200);
    case.set(&address("lancelot"), |user| {
        give(user, &["editor"]);
        user.is_active = false;
    })
    .await;
    case.get(GUARDED).with(&pass).send().await.is_unauthorized();
}

async fn m6_a_superuser_has_every_permission_and_a_demoted_one_those_of_the_roles(case: &Case) {
    let (arthur, king) = case.king().await;
    assert!(publishes(case, &king).await);
    case.set(&address("arthur"), |user| user.is_superuser = false)
        .await;
    assert!(!publishes(case, &king).await);
    put(case, &king, arthur.id, json!(["editor"]))
        .await
        .is_forbidden();
    case.set(&address("arthur"), |user| give(user, &["editor"])).await;
    assert!(publishes(case, &king).await);
}

async fn m3_a_role_that_is_no_longer_defined_stays_and_grants_nothing(case: &Case) {
    let (_, king) = case.king().await;
    let (lancelot, pass) = case.member("lancelot").await;
    case.set(&address("lancelot"), |user| give(user, &["abbot", "editor"]))
        .await;
    assert!(publishes(case, &pass).await);
    case.set(&address("lancelot"), |user| give(user, &["abbot", "author"]))
        .await;
    assert!(!publishes(case, &pass).await);
    let read = case.get(&path(lancelot.id)).with(&king).send().await;
    read.is(200, r#"["abbot","author"]"#);
    // It stays when something else is written, and cannot be given.
    let one = format!("/users/{}", lancelot.id);
    let body = json!({"is_verified": !lancelot.is_verified});
    let changed = case.patch(&one).json(&body).with(&king).send().await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(roles_of(case, "lancelot").await, ["abbot", "author"]);
    let again = put(case, &king, lancelot.id, json!(["author", "abbot"])).await;
    assert_eq!(indices(&again), [Some(1)]);
}

async fn of_two_changes_at_once_one_holds_as_a_whole(case: &Case) {
    let (_, king) = case.king().await;
    let user = case.seed(person("lancelot")).await;
    let one = format!("/users/{}", user.id);
    for _round in 0..5 {
        let (first, second, flag) = tokio::join!(
            put(case, &king, user.id, json!(["author"])),
            put(case, &king, user.id, json!(["editor"])),
            case.patch(&one)
                .json(&json!({"is_verified": true}))
                .with(&king)
                .send(),
        );
        first.is(200, r#"["author"]"#);
        second.is(200, r#"["editor"]"#);
        assert_eq!(flag.status, 200);
        let stored = case.stored(user.email.as_str()).await.expect("the user");
        assert!(stored.is_verified, "no change undoes another");
        let roles = roles_of(case, "lancelot").await;
        assert!(roles == ["author"] || roles == ["editor"], "{roles:?}");
        case.set(user.email.as_str(), |user| {
            give(user, &[]);
            user.is_verified = false;
        })
        .await;
    }
}
