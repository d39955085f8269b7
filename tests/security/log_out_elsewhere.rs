//! N1: whoever is logged in again by the application has a credential that is alive.

use std::{future::Future, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, ServiceConfig},
};
use portcullis::actix::{Auth, AuthError, CurrentUser};

use crate::harness::{Blueprint, Kind, Pass, Service, Watch, address, person};

/// Ends everything, and logs the user in whom the request was authenticated as before that.
async fn everywhere(
    auth: Data<Auth>,
    current: CurrentUser,
    request: HttpRequest,
) -> Result<HttpResponse, AuthError> {
    assert!(auth.users().log_out_everywhere(&current.id).await?);
    let identified = auth.users().identify_without_proof(current.clone().into_user());
    auth.log_in(current.backend(), identified, &request).await
}

async fn elsewhere(
    auth: Data<Auth>,
    current: CurrentUser,
    request: HttpRequest,
) -> Result<HttpResponse, AuthError> {
    auth.log_out_elsewhere(&current, &request).await
}

async fn leave(
    auth: Data<Auth>,
    current: CurrentUser,
    request: HttpRequest,
) -> Result<HttpResponse, AuthError> {
    auth.log_out_everywhere(&current, &request).await
}

/// As [`leave`], for one whose credentials another request ends meanwhile.
async fn leave_late(
    auth: Data<Auth>,
    current: CurrentUser,
    request: HttpRequest,
) -> Result<HttpResponse, AuthError> {
    assert!(auth.users().log_out_everywhere(&current.id).await?);
    auth.log_out_everywhere(&current, &request).await
}

/// As [`elsewhere`], for one whose credentials another request ends meanwhile.
async fn too_late(
    auth: Data<Auth>,
    current: CurrentUser,
    request: HttpRequest,
) -> Result<HttpResponse, AuthError> {
    assert!(auth.users().log_out_everywhere(&current.id).await?);
    auth.log_out_elsewhere(&current, &request).await
}

/// Logs in a user who is deleted, deactivated or set back to unverified after the request was authenticated.
async fn outdated(
    auth: Data<Auth>,
    current: CurrentUser,
    request: HttpRequest,
    what: web::Path<String>,
) -> Result<HttpResponse, AuthError> {
    let mut user = current.clone().into_user();
    match what.as_str() {
        "gone" => assert!(auth.users().store().delete(&user.id).await?),
        "inactive" => user.is_active = false,
        "unverified" => user.is_verified = false,
        other => panic!("{other}"),
    }
    if *what != "gone" {
        auth.users().store().update(&user).await.expect("written");
    }
    let identified = auth.users().identify_without_proof(current.clone().into_user());
    auth.log_in(current.backend(), identified, &request).await
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/everywhere", web::post().to(everywhere))
        .route("/elsewhere", web::post().to(elsewhere))
        .route("/leave", web::post().to(leave))
        .route("/leave-late", web::post().to(leave_late))
        .route("/too-late", web::post().to(too_late))
        .route("/outdated/{what}", web::post().to(outdated));
}

fn run<F: Future<Output = ()>>(test: impl Fn(Arc<Service>, Kind) -> F) {
    for kind in Kind::ALL {
        let mut blueprint = Blueprint::of(&Kind::ALL);
        blueprint.verification = true;
        blueprint.own_routes = routes;
        crate::harness::run(async {
            let service = Arc::new(Service::start(blueprint).await);
            service.seed(person("lancelot").verified(true)).await;
            test(service, kind).await;
        });
    }
}

#[test]
fn n1_a_log_in_after_logging_out_everywhere_gives_a_live_credential() {
    run(async |service, kind| {
        let (mine, other) = (lancelot(&service, kind).await, lancelot(&service, kind).await);
        let answer = service.post("/everywhere").with(&mine).send().await;
        let new = kind.issued(&answer);
        assert_eq!(service.me(&new).await.status, 200, "{kind:?}");
        service.me(&mine).await.is_unauthorized();
        service.me(&other).await.is_unauthorized();
    });
}

#[test]
fn n1_log_out_elsewhere_ends_every_other_credential_and_answers_with_a_live_one() {
    run(async |service, kind| {
        service.seed(person("gawain").verified(true)).await;
        let gawain = service.pass(kind, &address("gawain")).await;
        let mine = lancelot(&service, kind).await;
        let mut others = vec![mine.clone()];
        for other in Kind::ALL {
            others.push(lancelot(&service, other).await);
        }
        let answer = service.post("/elsewhere").with(&mine).send().await;
        let new = kind.issued(&answer);
        assert_eq!(service.me(&new).await.status, 200, "{kind:?}");
        for other in others {
            service.me(&other).await.is_unauthorized();
        }
        assert_eq!(service.me(&gawain).await.status, 200, "another user");
        let again = service.post("/elsewhere").with(&new).send().await;
        assert_eq!(service.me(&kind.issued(&again)).await.status, 200);
    });
}

#[test]
fn s6_an_application_ends_every_credential_and_the_answer_removes_the_cookie() {
    run(async |service, kind| {
        service.seed(person("gawain").verified(true)).await;
        let gawain = service.pass(kind, &address("gawain")).await;
        let late = lancelot(&service, kind).await;
        service
            .post("/leave-late")
            .with(&late)
            .send()
            .await
            .is_unauthorized();
        let mine = lancelot(&service, kind).await;
        let mut all = vec![mine.clone(), late];
        for other in Kind::ALL {
            all.push(lancelot(&service, other).await);
        }
        let forged = service
            .post("/leave")
            .with(&mine)
            .header("sec-fetch-site", "cross-site");
        if kind.is_cookie() {
            forged.send().await.is_forbidden();
            assert_eq!(service.me(&mine).await.status, 200);
        }
        let answer = service.post("/leave").with(&mine).send().await;
        answer.is(204, "");
        for name in [kind.cookie(), kind.refresh_cookie()].into_iter().flatten() {
            assert_eq!(answer.cookie(name).expect("a removal").value, "", "{name}");
        }
        for ended in all {
            service.me(&ended).await.is_unauthorized();
        }
        assert_eq!(service.me(&gawain).await.status, 200, "another user");
    });
}

#[test]
fn n1_log_out_elsewhere_is_not_for_one_who_was_logged_out_meanwhile() {
    run(async |service, kind| {
        let mine = lancelot(&service, kind).await;
        service
            .post("/too-late")
            .with(&mine)
            .send()
            .await
            .is_unauthorized();
        let user = service.stored(&address("lancelot")).await.expect("the user");
        assert_eq!(user.security_epoch, 1, "the one who came late ended nothing");
    });
}

#[test]
fn n1_of_parallel_log_outs_elsewhere_one_is_left_with_a_live_credential() {
    run(async |service, kind| {
        let mine = lancelot(&service, kind).await;
        let calls = (0..8).map(|_| service.post("/elsewhere").with(&mine).send());
        let answers = futures_util::future::join_all(calls).await;
        let served: Vec<_> = answers.iter().filter(|answer| answer.status < 300).collect();
        assert_eq!(served.len(), 1, "{kind:?} {answers:?}");
        assert_eq!(service.me(&kind.issued(served[0])).await.status, 200);
        for answer in answers.iter().filter(|answer| answer.status >= 300) {
            answer.is_unauthorized();
        }
    });
}

#[test]
fn n1_a_user_who_is_gone_inactive_or_unverified_by_now_is_not_logged_in() {
    for (what, code) in [
        ("gone", "LOGIN_BAD_CREDENTIALS"),
        ("inactive", "LOGIN_BAD_CREDENTIALS"),
        ("unverified", "LOGIN_USER_NOT_VERIFIED"),
    ] {
        run(async |service, kind| {
            let mine = lancelot(&service, kind).await;
            let answer = service
                .post(&format!("/outdated/{what}"))
                .with(&mine)
                .send()
                .await;
            answer.is_error(400, code);
            assert!(answer.header("set-cookie").is_none());
        });
    }
}

#[test]
fn n1_x1_another_site_ends_nothing() {
    run(async |service, kind| {
        if !kind.is_cookie() {
            return;
        }
        let mine = lancelot(&service, kind).await;
        for path in ["/elsewhere", "/everywhere"] {
            let call = service
                .post(path)
                .with(&mine)
                .header("sec-fetch-site", "cross-site");
            call.send().await.is_forbidden();
        }
        assert_eq!(service.me(&mine).await.status, 200);
    });
}

#[test]
fn n1_a_log_in_by_password_reads_the_user_twice_and_no_more() {
    let watch = Arc::new(Watch::default());
    let mut blueprint = Blueprint::of(&Kind::ALL);
    blueprint.watch = Some(Arc::clone(&watch));
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        for kind in Kind::ALL {
            watch.calls();
            lancelot(service, kind).await;
            let read = watch
                .calls()
                .into_iter()
                .filter(|call| call.starts_with("users."));
            assert_eq!(
                read.collect::<Vec<_>>(),
                ["users.find_by_email", "users.find"],
                "{kind:?}"
            );
        }
    });
}

async fn lancelot(service: &Service, kind: Kind) -> Pass {
    service.pass(kind, &address("lancelot")).await
}
