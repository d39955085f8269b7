//! L1 and L4: log-in tells nothing, whichever way.

use crate::harness::{Blueprint, Kind, PASSWORD, Service, address, person};

#[test]
fn l1_unknown_wrong_and_inactive_have_identical_status_headers_and_body() {
    Blueprint::of(&Kind::ALL).run(async |service: &Service| {
        service.seed(person("lancelot")).await;
        service.seed(person("mordred").inactive()).await;
        service.seed(person("merlin").without_password()).await;
        service.seed(person("broken").hash("nonsense")).await;
        for kind in Kind::ALL {
            let unknown = service.log_in(kind, &address("nobody"), PASSWORD).await;
            unknown.is_error(400, "LOGIN_BAD_CREDENTIALS");
            for (username, password) in [
                (address("lancelot"), "a wrong password"),
                (address("mordred"), PASSWORD),
                (address("mordred"), "a wrong password"),
                (address("merlin"), PASSWORD),
                (address("broken"), PASSWORD),
                ("no e-mail".to_owned(), PASSWORD),
            ] {
                let answer = service.log_in(kind, &username, password).await;
                assert_eq!(answer.visible(), unknown.visible(), "{kind:?}: {username}");
            }
        }
    });
}

#[test]
fn l4_every_way_to_log_in_makes_the_same_checks() {
    let mut blueprint = Blueprint::of(&Kind::ALL);
    blueprint.verification = true;
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot").verified(true)).await;
        service.seed(person("gawain")).await;
        service.seed(person("mordred").verified(true).inactive()).await;
        for kind in Kind::ALL {
            service
                .log_in(kind, &address("mordred"), PASSWORD)
                .await
                .is_error(400, "LOGIN_BAD_CREDENTIALS");
            service
                .log_in(kind, &address("lancelot"), "wrong")
                .await
                .is_error(400, "LOGIN_BAD_CREDENTIALS");
            service
                .log_in(kind, &address("gawain"), PASSWORD)
                .await
                .is_error(400, "LOGIN_USER_NOT_VERIFIED");
            service
                .log_in(kind, &address("gawain"), "wrong")
                .await
                .is_error(400, "LOGIN_BAD_CREDENTIALS");
            let pass = service.pass(kind, &address("lancelot")).await;
            assert_eq!(service.me(&pass).await.status, 200);
        }
    });
}

#[test]
fn l4_every_credential_is_read_with_the_same_checks() {
    let mut blueprint = Blueprint::of(&Kind::ALL);
    blueprint.verification = true;
    blueprint.run(async |service: &Service| {
        service.seed(person("lancelot").verified(true)).await;
        for kind in Kind::ALL {
            let pass = service.pass(kind, &address("lancelot")).await;
            service
                .set(&address("lancelot"), |user| user.is_verified = false)
                .await;
            service.me(&pass).await.is_forbidden();
            service
                .set(&address("lancelot"), |user| {
                    user.is_verified = true;
                    user.is_active = false;
                })
                .await;
            service.me(&pass).await.is_unauthorized();
            service
                .set(&address("lancelot"), |user| user.is_active = true)
                .await;
            assert_eq!(service.me(&pass).await.status, 200);
            service
                .set(&address("lancelot"), |user| user.security_epoch += 1)
                .await;
            service.me(&pass).await.is_unauthorized();
        }
    });
}
