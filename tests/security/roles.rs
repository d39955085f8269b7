//! M: roles and permissions.

use diesel::connection::SimpleConnection as _;
use portcullis::sql::sqlite::Database;
use serde_json::json;

use crate::harness::{Blueprint, Kind, Service, address, person};

async fn damage(service: &Service, roles: &str) {
    let database = Database::new(service.pool.clone().expect("SQLite"));
    let statement = format!(
        "UPDATE users SET roles = '{roles}' WHERE email = '{}'",
        address("lancelot")
    );
    let damaged = database.write(move |connection| connection.batch_execute(&statement));
    damaged.await.expect("damage");
}

#[test]
fn m5_roles_that_cannot_be_read_are_500_and_neither_none_nor_all() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        let user = service.seed(person("lancelot").superuser()).await;
        service.seed(person("arthur").superuser()).await;
        let king = service.pass(Kind::DbBearer, &address("arthur")).await;
        for kind in Kind::ALL {
            let pass = service.pass(kind, &address("lancelot")).await;
            for roles in [
                "editor,",
                ",",
                "editor, author",
                "*",
                "editor;author",
                "[\"editor\"]",
                "\u{e9}",
            ] {
                damage(service, roles).await;
                for path in ["/articles", "/users/me", "/optional/articles", "/required/active"] {
                    let answer = service.get(path).with(&pass).send().await;
                    answer.is_error(500, "Internal Server Error");
                    assert!(answer.header("x-correlation-id").is_some());
                    assert_eq!(answer.header("set-cookie"), None, "nobody is logged out");
                }
                let path = format!("/users/{}/roles", user.id);
                let read = service.get(&path).with(&king).send().await;
                read.is_error(500, "Internal Server Error");
            }
            damage(service, "").await;
            assert_eq!(service.get("/articles").with(&pass).send().await.status, 200);
        }
    });
}

#[test]
fn m1_a_change_of_roles_ends_no_credential_of_any_kind() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        let user = service.seed(person("lancelot")).await;
        service.seed(person("arthur").superuser()).await;
        let king = service.pass(Kind::DbBearer, &address("arthur")).await;
        let mut passes = Vec::new();
        for kind in Kind::ALL {
            passes.push(service.pass(kind, &address("lancelot")).await);
        }
        let path = format!("/users/{}/roles", user.id);
        for (roles, status) in [
            (json!(["editor"]), 200),
            (json!([]), 403),
            (json!(["editor"]), 200),
        ] {
            let put = service.call(reqwest::Method::PUT, &path).json(&roles);
            assert_eq!(put.with(&king).send().await.status, 200);
            for pass in &passes {
                let articles = service.get("/articles").with(pass).send().await;
                assert_eq!(articles.status, status, "{articles:?}");
                assert_eq!(service.me(pass).await.status, 200);
            }
        }
    });
}
