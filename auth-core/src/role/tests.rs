use proptest::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::*;

fn permission(name: &str) -> Permission {
    Permission::new(name).expect("a permission")
}

fn user(roles: &[&str]) -> User {
    let email = "ada@example.com".parse().expect("an e-mail");
    let mut user = User::new(Uuid::now_v7(), email, (), OffsetDateTime::UNIX_EPOCH);
    user.roles = roles
        .iter()
        .map(|name| RoleName::new(name).expect("a name"))
        .collect();
    user
}

fn roles() -> Roles {
    let roles = Roles::new().role("editor", ["articles:*", "reports:read"]);
    let roles = roles.and_then(|roles| roles.role("author", ["articles:write"]));
    roles
        .and_then(|roles| roles.role("reader", [""; 0]))
        .expect("roles")
}

#[test]
fn a_permission_has_parts_of_few_characters_and_no_wildcard() {
    for good in ["a", "reports:read", "A.b_c-9:X", &"x".repeat(128)] {
        assert_eq!(permission(good).as_str(), good);
    }
    let bad = [
        "", ":", "a:", ":a", "a::b", "a b", "a/b", "é", "a\n", "*", "a:*", "a*", "*:a",
    ];
    for bad in bad.into_iter().chain([&*"x".repeat(129)]) {
        let error = Permission::new(bad).expect_err(bad);
        assert_eq!(error.setting(), format!("permission {bad:?}"));
    }
}

#[test]
#[should_panic(expected = "only a role has wildcards")]
fn a_wildcard_in_the_code_of_a_route_is_refused_with_the_reason() {
    let _ = Permission::from_static("reports:*");
}

#[test]
fn a_name_of_a_role_has_1_to_64_of_few_characters() {
    for good in ["a", "Editor-in.chief_2", &"x".repeat(64)] {
        assert_eq!(RoleName::new(good).expect("a name").as_str(), good);
    }
    for bad in ["", "a:b", "a,b", "a b", "*", "é", &"x".repeat(65)] {
        let error = RoleName::new(bad).expect_err(bad);
        assert_eq!(error.setting(), format!("role {bad:?}"));
    }
}

#[test]
fn m4_a_wrong_definition_names_the_role_and_the_permission() {
    for bad in [
        "", "a:", "a:*:b", "a*", "**", "*:*", ":*", "a::*", "a:**", "*:a", "a *",
    ] {
        let error = Roles::new().role("editor", ["reports:read", bad]).expect_err(bad);
        let start = format!("role \"editor\": permission {bad:?}: ");
        assert!(error.to_string().starts_with(&start), "{error}");
    }
    let twice = roles().role("editor", ["reports:read"]).expect_err("twice");
    assert_eq!(twice.to_string(), "role \"editor\": it is defined already");
    let unnamed = Roles::new().role("an editor", ["*"]).expect_err("a space");
    assert_eq!(unnamed.setting(), "role \"an editor\"");
}

#[test]
fn m4_a_wildcard_covers_what_is_below_it_and_not_its_own_beginning() {
    let editor = user(&["editor"]);
    for (name, has) in [
        ("articles:write", true),
        ("articles:write:all", true),
        ("articles", false),
        ("articles2:write", false),
        ("Articles:write", false),
        ("reports:read", true),
        ("reports:read:all", false),
        ("reports", false),
    ] {
        assert_eq!(roles().permit(&editor, &permission(name)), has, "{name}");
        assert_eq!(
            roles().scope_of(&editor).permits(&permission(name)),
            has,
            "{name}"
        );
    }
    let all = Roles::new().role("root", ["*"]).expect("a role");
    assert!(all.permit(&user(&["root"]), &permission("anything:at:all")));
}

#[test]
fn m6_a_superuser_has_all_and_an_inactive_user_none() {
    let write = permission("articles:write");
    let mut root = user(&[]);
    assert!(!roles().permit(&root, &write));
    root.is_superuser = true;
    assert!(Roles::new().permit(&root, &write));
    assert_eq!(Roles::new().scope_of(&root).to_string(), "*");
    root.is_active = false;
    root.roles = user(&["editor"]).roles;
    assert!(!roles().permit(&root, &write));
    assert!(roles().scope_of(&root).is_empty());
}

#[test]
fn m3_a_role_that_is_not_defined_grants_nothing() {
    let user = user(&["editors", "Editor", "reader"]);
    assert!(!roles().permit(&user, &permission("articles:write")));
    assert!(roles().scope_of(&user).is_empty());
    assert!(roles().defines("reader") && !roles().defines("Editor"));
}

#[test]
fn a_scope_names_nothing_twice() {
    let scope = roles().scope_of(&user(&["author", "editor", "unknown"]));
    assert_eq!(scope.to_string(), "articles:* reports:read");
    let read: Scope = "a:b:c a:* a:b:* a:*".parse().expect("a scope");
    assert_eq!(read.to_string(), "a:*");
    assert_eq!("x * a:*".parse::<Scope>().expect("a scope").to_string(), "*");
    for bad in ["", " ", "a  b", " a", "a ", "a\tb", "a,b", "a:*:c", "\"a\""] {
        assert!(bad.parse::<Scope>().is_err(), "{bad:?}");
    }
}

fn parts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-b]{1,2}", 1..4)
}

proptest! {
    #[test]
    fn m4_a_grant_covers_a_permission_if_each_part_does(grant in parts(), is_wildcard: bool, asked in parts()) {
        let mut text = grant.join(":");
        if is_wildcard {
            text.push_str(":*");
        }
        let expected = if is_wildcard {
            asked.len() > grant.len() && asked.starts_with(&grant)
        } else {
            asked == grant
        };
        let scope: Scope = text.parse().expect("a scope");
        prop_assert_eq!(scope.permits(&permission(&asked.join(":"))), expected);
    }

    #[test]
    fn the_scope_of_a_user_permits_what_the_roles_do(
        grants in prop::collection::vec((parts(), any::<bool>()), 0..6),
        asked in parts(),
    ) {
        let grants = grants.into_iter().map(|(parts, is_wildcard)| {
            let name = parts.join(":");
            if is_wildcard { format!("{name}:*") } else { name }
        });
        let mut roles = Roles::new();
        let mut names = Vec::new();
        for (n, grant) in grants.enumerate() {
            names.push(format!("r{n}"));
            roles = roles.role(&names[n], [grant]).expect("a role");
        }
        let user = user(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let asked = permission(&asked.join(":"));
        let scope = roles.scope_of(&user);
        prop_assert_eq!(scope.permits(&asked), roles.permit(&user, &asked));
        if !scope.is_empty() {
            prop_assert_eq!(scope.to_string().parse::<Scope>().expect("a scope"), scope);
        }
    }

    #[test]
    fn whatever_is_a_permission_is_a_grant_and_a_scope(text in "[a-c.:*_ -]{0,12}") {
        let is_permission = Permission::new(&*text).is_ok();
        let granted = Roles::new().role("r", [&text]);
        prop_assert!(!is_permission || granted.is_ok());
        if let Ok(roles) = granted {
            prop_assert_eq!(roles.scope_of(&user(&["r"])).to_string(), text);
        }
    }
}
