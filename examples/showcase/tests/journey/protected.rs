//! Section 7: the current user of the program's own routes.

use serde_json::json;

use portcullis_support::{Answer, NEW_PASSWORD, Pass, address, journey::Case};

/// Where they are said: what the program asks of its backends does not depend on the database.
pub(crate) const PLACES: [&str; 3] = ["sqlite", "redis", "redis_cluster"];

portcullis_support::sentences! {
    each_backend_opens_its_own_route_and_the_one_of_all
    without_a_credential_or_with_a_bad_one_every_route_is_401
    an_inactive_user_is_401_whatever_the_backend
    the_first_backend_that_yields_a_user_wins
    a_change_of_the_password_ends_the_credentials_of_every_backend
}

async fn get(case: &Case, path: &str, passes: &[&Pass]) -> Answer {
    let call = passes.iter().fold(case.get(path), |call, pass| call.with(pass));
    call.send().await
}

/// A credential of each backend for this user.
async fn passes(case: &Case, name: &str) -> Vec<Pass> {
    let mut passes = Vec::new();
    for kind in case.kinds.iter().copied() {
        passes.push(case.pass(kind, &address(name)).await);
    }
    passes
}

#[track_caller]
fn saw(answer: &Answer, name: &str) {
    answer.is(200, &json!({ "email": address(name) }).to_string());
}

async fn each_backend_opens_its_own_route_and_the_one_of_all(case: &Case) {
    case.seed(case.someone("lancelot")).await;
    for pass in passes(case, "lancelot").await {
        saw(&get(case, "/protected", &[&pass]).await, "lancelot");
        for kind in case.kinds.iter().copied() {
            let answer = get(case, &case.protected(kind), &[&pass]).await;
            if kind == pass.kind {
                saw(&answer, "lancelot");
            } else {
                answer.is_unauthorized();
            }
            // Nor does another way of travelling make it another backend's.
            let disguised = Pass::new(kind, &*pass.token);
            let answer = get(case, &case.protected(kind), &[&disguised]).await;
            assert_eq!(answer.status == 200, kind == pass.kind, "{kind:?} {pass:?}");
        }
    }
}

async fn without_a_credential_or_with_a_bad_one_every_route_is_401(case: &Case) {
    for kind in case.kinds.iter().copied() {
        let path = case.protected(kind);
        let bad = Pass::new(kind, &*case.bad_pass().token);
        for answer in [get(case, &path, &[]).await, get(case, &path, &[&bad]).await] {
            answer.is_unauthorized();
            let challenge = (!kind.is_cookie()).then_some("Bearer");
            assert_eq!(answer.header("www-authenticate"), challenge);
        }
        get(case, "/protected", &[&bad]).await.is_unauthorized();
    }
    let answer = get(case, "/protected", &[]).await;
    answer.is_unauthorized();
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
}

async fn an_inactive_user_is_401_whatever_the_backend(case: &Case) {
    case.seed(case.someone("lancelot")).await;
    let passes = passes(case, "lancelot").await;
    case.set(&address("lancelot"), |user| user.is_active = false)
        .await;
    for pass in passes {
        for path in [case.protected(pass.kind), "/protected".to_owned()] {
            get(case, &path, &[&pass]).await.is_unauthorized();
        }
    }
}

async fn the_first_backend_that_yields_a_user_wins(case: &Case) {
    case.seed(case.someone("lancelot")).await;
    case.seed(case.someone("gawain")).await;
    let of_lancelot = passes(case, "lancelot").await;
    let of_gawain = passes(case, "gawain").await;
    for (first, lancelot) in of_lancelot.iter().enumerate() {
        for (second, gawain) in of_gawain.iter().enumerate() {
            // Two of one header are no credential at all.
            if lancelot.kind.is_cookie() != gawain.kind.is_cookie() {
                let answer = get(case, "/protected", &[lancelot, gawain]).await;
                saw(&answer, if first < second { "lancelot" } else { "gawain" });
                let bad = Pass::new(lancelot.kind, &*case.bad_pass().token);
                saw(&get(case, "/protected", &[&bad, gawain]).await, "gawain");
            }
        }
    }
}

async fn a_change_of_the_password_ends_the_credentials_of_every_backend(case: &Case) {
    case.seed(case.someone("lancelot")).await;
    let passes = passes(case, "lancelot").await;
    let change = case.patch("/users/me").json(&json!({ "password": NEW_PASSWORD }));
    assert_eq!(change.with(&passes[0]).send().await.status, 200);
    for pass in passes {
        get(case, &case.protected(pass.kind), &[&pass])
            .await
            .is_unauthorized();
    }
}
