use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use auth_users::{Registration, UserUpdate};

use crate::scene::{ANOTHER, EMAIL, Knight, PASSWORD, Scene, email};

/// Runs a call until it waited `left` times, and drops it there.
struct Cancelled<F> {
    call: Pin<Box<F>>,
    left: usize,
}

impl<F: Future> Future for Cancelled<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.call.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.left == 0 => Poll::Ready(None),
            Poll::Pending => {
                self.left -= 1;
                Poll::Pending
            }
        }
    }
}

async fn cancelled<F: Future>(call: F, after: usize) -> Option<F::Output> {
    let call = Cancelled {
        call: Box::pin(call),
        left: after,
    };
    call.await
}

/// The permits come back, though nobody waits for the hash.
async fn all_permits_come_back(scene: &Scene, permits: usize) {
    let back = async {
        while scene.users.hasher().available_permits() < permits {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), back)
        .await
        .expect("the permits came back");
}

#[tokio::test(flavor = "multi_thread")]
async fn k2_a_registration_that_is_dropped_at_any_await_is_whole_or_absent() {
    let mut seen = [false; 2];
    for after in 0.. {
        let scene = Scene::new();
        let permits = scene.users.hasher().available_permits();
        let registration = Registration::new(email(EMAIL), PASSWORD.into(), Knight::default());
        let done = cancelled(scene.users.create(registration), after).await;
        all_permits_come_back(&scene, permits).await;
        let made = scene.users.authenticate(EMAIL, &PASSWORD.into()).await.is_ok();
        seen[usize::from(made)] = true;
        if !made {
            scene.arthur().await;
        }
        if done.is_some() {
            assert!(made);
            break;
        }
    }
    assert_eq!(seen, [true, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn k2_a_reset_that_is_dropped_at_any_await_is_whole_or_absent() {
    let mut seen = [false; 2];
    for after in 0.. {
        let scene = Scene::new();
        let arthur = scene.arthur().await;
        let permits = scene.users.hasher().available_permits();
        let token = scene.reset_token().await;
        let done = cancelled(scene.users.reset_password(&token, &ANOTHER.into()), after).await;
        all_permits_come_back(&scene, permits).await;
        let user = scene.read(&arthur).await;
        let made = scene.has_password(&arthur, ANOTHER).await;
        assert_eq!(
            (user.security_epoch, user.revision),
            if made { (1, 1) } else { (0, 0) }
        );
        seen[usize::from(made)] = true;
        if !made {
            scene
                .users
                .reset_password(&token, &ANOTHER.into())
                .await
                .expect("the token is still good");
        }
        if done.is_some() {
            assert!(made);
            break;
        }
    }
    assert_eq!(seen, [true, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn k2_an_update_that_is_dropped_at_any_await_is_whole_or_absent() {
    let update = UserUpdate::default()
        .email(email("arthur@avalon.example"))
        .password(ANOTHER.into())
        .active(false);
    let mut seen = [false; 2];
    for after in 0.. {
        let scene = Scene::new();
        let arthur = scene.arthur().await;
        let permits = scene.users.hasher().available_permits();
        let done = cancelled(scene.users.update(arthur.clone(), &update), after).await;
        all_permits_come_back(&scene, permits).await;
        let user = scene.read(&arthur).await;
        let made = scene.has_password(&arthur, ANOTHER).await;
        assert_eq!(
            (user.is_active, user.security_epoch),
            if made { (false, 1) } else { (true, 0) }
        );
        assert_eq!(user.email == email("arthur@avalon.example"), made);
        seen[usize::from(made)] = true;
        if done.is_some() {
            assert!(made);
            break;
        }
    }
    assert_eq!(seen, [true, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn k2_a_login_that_is_dropped_at_any_await_gives_its_permit_back() {
    let scene = Scene::new();
    scene.arthur().await;
    let permits = scene.users.hasher().available_permits();
    for after in 0.. {
        let done = cancelled(scene.users.authenticate(EMAIL, &PASSWORD.into()), after).await;
        all_permits_come_back(&scene, permits).await;
        if done.is_some() {
            assert!(after > 1, "it waits for the store and for the hash");
            break;
        }
    }
}

#[tokio::test]
async fn k2_a_verification_that_is_dropped_at_any_await_is_whole_or_absent() {
    let mut seen = [false; 2];
    for after in 0.. {
        let scene = Scene::new();
        let arthur = scene.arthur().await;
        let token = scene.verify_token().await;
        let done = cancelled(scene.users.verify(&token), after).await;
        let user = scene.read(&arthur).await;
        assert_eq!(user.revision, i64::from(user.is_verified));
        seen[usize::from(user.is_verified)] = true;
        if !user.is_verified {
            scene.users.verify(&token).await.expect("the token is still good");
        }
        if done.is_some() {
            assert!(user.is_verified);
            break;
        }
    }
    assert_eq!(seen, [true, true]);
}

#[tokio::test]
async fn k2_a_deletion_that_is_dropped_at_any_await_is_whole_or_absent() {
    let mut seen = [false; 2];
    for after in 0.. {
        let scene = Scene::new();
        let arthur = scene.arthur().await;
        let done = cancelled(scene.users.delete(&arthur), after).await;
        let found = scene.users.find(&arthur.id).await.expect("store");
        seen[usize::from(found.is_none())] = true;
        if found.is_some() {
            scene.users.delete(&arthur).await.expect("deleted");
        }
        if done.is_some() {
            assert!(found.is_none());
            break;
        }
    }
    assert_eq!(seen, [true, true]);
}

#[tokio::test]
async fn k2_a_log_out_everywhere_that_is_dropped_at_any_await_is_whole_or_absent() {
    let mut seen = [false; 2];
    for after in 0.. {
        let scene = Scene::new();
        let arthur = scene.arthur().await;
        let done = cancelled(scene.users.log_out_everywhere(&arthur.id), after).await;
        let user = scene.read(&arthur).await;
        assert_eq!(user.security_epoch, user.revision);
        seen[usize::from(user.security_epoch == 1)] = true;
        if user.security_epoch == 0 {
            assert!(scene.users.log_out_everywhere(&arthur.id).await.expect("store"));
        }
        if done.is_some() {
            assert_eq!(user.security_epoch, 1);
            break;
        }
    }
    assert_eq!(seen, [true, true]);
}
