use auth_core::{MAX_ROLES, Permission, RoleName, Roles, UserStore as _};
use auth_users::{Registration, SetRolesError, UserUpdate};
use serde_json::json;

use crate::scene::{EMAIL, Knight, KnightUser, PASSWORD, Scene, email};

fn scene() -> Scene {
    let mut roles = Roles::new().role("author", ["articles:write"]).expect("a role");
    for n in 0..=MAX_ROLES {
        roles = roles.role(&format!("r{n}"), ["articles:*"]).expect("a role");
    }
    Scene::with(|settings| settings.roles(roles))
}

fn names(user: &KnightUser) -> Vec<&str> {
    user.roles.iter().map(RoleName::as_str).collect()
}

#[tokio::test]
async fn m1_roles_are_set_by_one_write_that_ends_no_credential_and_is_an_event() {
    let scene = scene();
    let arthur = scene.arthur().await;
    let given = scene
        .users
        .set_roles(arthur.clone(), &["r1", "author", "r1"])
        .await
        .expect("set");
    assert_eq!(names(&given), ["author", "r1"]);
    let stored = scene.read(&arthur).await;
    assert_eq!(names(&stored), ["author", "r1"]);
    assert_eq!(stored.revision, arthur.revision + 1);
    assert_eq!(stored.security_epoch, arthur.security_epoch);
    assert!(
        scene
            .users
            .roles()
            .permit(&stored, &Permission::from_static("articles:write"))
    );
    let again = scene
        .users
        .set_roles(stored, &["author", "r1"])
        .await
        .expect("set");
    assert_eq!(
        again.revision,
        arthur.revision + 1,
        "the same roles write nothing"
    );
    let none: [&str; 0] = [];
    let stripped = scene.users.set_roles(again, &none).await.expect("set");
    assert!(stripped.roles.is_empty());
    let told = "updated: ChangedFields { email: false, password: false, profile: false, active: false, superuser: false, \
                verified: false, roles: true }";
    assert_eq!(scene.events().await[1..], [told, told]);
}

#[tokio::test]
async fn m3_a_role_that_is_not_defined_is_told_by_its_index_and_nothing_is_written() {
    let scene = scene();
    let arthur = scene.arthur().await;
    for (names, expected) in [
        (vec!["author", "abbot"], 1),
        (vec!["Author"], 0),
        (vec!["author", "r1", ""], 2),
        (vec!["author,r1"], 0),
        (vec!["*"], 0),
    ] {
        let refused = scene.users.set_roles(arthur.clone(), &names).await;
        assert!(
            matches!(refused, Err(SetRolesError::Undefined { index }) if index == expected),
            "{names:?}: {refused:?}"
        );
    }
    let many: Vec<_> = (0..=MAX_ROLES).map(|n| format!("r{n}")).collect();
    let refused = scene.users.set_roles(arthur.clone(), &many).await;
    assert!(matches!(refused, Err(SetRolesError::TooMany)), "{refused:?}");
    assert_eq!(scene.read(&arthur).await.revision, arthur.revision);
    let most = scene.users.set_roles(arthur, &many[1..]).await.expect("set");
    assert_eq!(most.roles.len(), MAX_ROLES);
}

#[tokio::test]
async fn a_change_of_roles_keeps_what_others_write_and_the_later_one_holds() {
    let scene = scene();
    let arthur = scene.arthur().await;
    scene.store.before_next_write(|user| {
        user.profile.quests = 7;
        user.roles = ["r1".parse().expect("a name")].into();
    });
    let given = scene
        .users
        .set_roles(arthur.clone(), &["author"])
        .await
        .expect("set");
    assert_eq!((names(&given), given.profile.quests), (vec!["author"], 7));
    // And the other way round: an update of something else keeps the roles that were given meanwhile.
    scene.store.before_next_write(|user| {
        user.roles = ["r2".parse().expect("a name")].into();
    });
    let update = UserUpdate::default().superuser(true);
    let updated = scene.users.update(given, &update).await.expect("updated");
    assert_eq!(names(&updated), ["r2"]);
    // Another call wrote the same first.
    scene.store.before_next_write(|user| user.roles.clear());
    let none: [&str; 0] = [];
    let stripped = scene.users.set_roles(updated, &none).await.expect("set");
    assert_eq!(names(&scene.read(&stripped).await), [""; 0]);
}

#[tokio::test]
async fn a_user_who_is_gone_and_a_store_that_is_down_are_told_apart() {
    let scene = scene();
    let arthur = scene.arthur().await;
    *scene.store.breaks.lock().expect("lock") = true;
    let down = scene.users.set_roles(scene.read(&arthur).await, &["r1"]).await;
    assert!(matches!(down, Err(SetRolesError::Unavailable(_))), "{down:?}");
    *scene.store.breaks.lock().expect("lock") = false;
    let read = scene.read(&arthur).await;
    assert!(scene.store.delete(&arthur.id).await.expect("deleted"));
    let gone = scene.users.set_roles(read, &["r1"]).await;
    assert!(matches!(gone, Err(SetRolesError::NotFound)), "{gone:?}");
}

#[tokio::test]
async fn m2_roles_in_a_patch_of_the_profile_are_ignored_and_a_new_user_has_none() {
    let scene = scene();
    let registration = Registration::new(email(EMAIL), PASSWORD.into(), Knight::default());
    let arthur = scene.users.create(registration).await.expect("registered");
    assert!(arthur.roles.is_empty());
    let patch = json!({"roles": ["author"], "quests": 3});
    let update = UserUpdate::default().profile(patch.as_object().cloned().expect("an object"));
    let updated = scene.users.update(arthur, &update).await.expect("updated");
    assert!(updated.roles.is_empty());
    assert_eq!(updated.profile.quests, 3);
}

#[tokio::test]
async fn g1_a_user_who_was_read_before_others_changed_it_hides_no_change() {
    let scene = scene();
    let before = scene.arthur().await;
    scene
        .users
        .set_roles(before.clone(), &["author"])
        .await
        .expect("given");
    let none: [&str; 0] = [];
    let now = scene.users.set_roles(before.clone(), &none).await.expect("taken");
    assert!(now.roles.is_empty() && scene.read(&before).await.roles.is_empty());
    let promoted = UserUpdate::default().superuser(true);
    scene
        .users
        .update(before.clone(), &promoted)
        .await
        .expect("promoted");
    let demoted = UserUpdate::default().superuser(false);
    let now = scene
        .users
        .update(before.clone(), &demoted)
        .await
        .expect("demoted");
    assert!(!now.is_superuser && !scene.read(&before).await.is_superuser);
}
