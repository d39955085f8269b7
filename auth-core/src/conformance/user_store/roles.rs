use std::collections::BTreeSet;

use crate::{
    MAX_ROLES, NewUser, RoleName, UpdateUserError, User, UserStore as _,
    conformance::{
        UserFixture, answered,
        sample::{assert_same, insert, new_user, role},
    },
};

/// The roles of a user are kept, also if there are none, and as many as there can be, with the longest names. An update
/// replaces them as a whole. Names that differ only in case are two.
pub async fn roles_are_kept_and_replaced_as_a_whole<F: UserFixture>(fixture: &F) {
    let store = fixture.store();
    let most = (0..MAX_ROLES).map(|n| role(&format!("{n:0>64}"))).collect();
    let sets: [BTreeSet<RoleName>; 5] = [
        BTreeSet::new(),
        ["editor", "Editor", "a.b_c-9"].map(role).into(),
        [role("author")].into(),
        most,
        BTreeSet::new(),
    ];
    for (n, roles) in (0..).zip(&sets) {
        let new = NewUser {
            roles: roles.clone(),
            ..new_user(fixture, n)
        };
        let expected = new.clone().into_user(insert(fixture, new).await.id);
        let found = answered(store.find(&expected.id).await);
        assert_same(found, &expected, "the roles of a new user are kept");
    }
    let mut stored = insert(fixture, new_user(fixture, 10)).await;
    for roles in sets {
        let written = User {
            roles,
            ..stored.clone()
        };
        answered(store.update(&written).await);
        stored = User {
            revision: stored.revision + 1,
            ..written
        };
        let found = answered(store.find(&stored.id).await);
        assert_same(found, &stored, "an update replaces the roles as a whole");
        let found = answered(store.find_by_email(stored.email.normalized()).await);
        assert_same(found, &stored, "a look-up by e-mail finds the roles");
    }
    let late = User {
        roles: [role("admin")].into(),
        revision: stored.revision - 1,
        ..stored.clone()
    };
    let refused = store.update(&late).await;
    assert!(
        matches!(refused, Err(UpdateUserError::Conflict)),
        "roles for an earlier revision are a `Conflict`, not {refused:?}"
    );
    let found = answered(store.find(&stored.id).await);
    assert_same(found, &stored, "a conflict writes no roles");
}
