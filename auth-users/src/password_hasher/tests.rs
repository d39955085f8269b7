use super::*;

const PASSWORD: &str = "king arthur's grail \u{e9}";

fn hasher(settings: PasswordHasherBuilder) -> PasswordHasher {
    settings.build().expect("settings")
}

async fn verdict(password: &str, stored: &str) -> Verdict {
    let hasher = PasswordHasher::default();
    let verdict = hasher
        .verify(&password.into(), Some(&PasswordHash::new(stored)))
        .await
        .expect("hasher");
    assert_eq!(hasher.hashes_started(), 1, "one hash, whatever is stored");
    verdict
}

#[test]
fn p1_weaker_parameters_are_refused_and_the_setting_named() {
    for (settings, name) in [
        (PasswordHasher::builder().memory(19_455), "argon2.memory"),
        (PasswordHasher::builder().memory(131_073), "argon2.memory"),
        (PasswordHasher::builder().passes(1), "argon2.passes"),
        (PasswordHasher::builder().passes(28), "argon2.passes"),
        (PasswordHasher::builder().lanes(0), "argon2.lanes"),
        (PasswordHasher::builder().lanes(17), "argon2.lanes"),
        (PasswordHasher::builder().permits(0), "hashing.permits"),
        (PasswordHasher::builder().permits(usize::MAX), "hashing.permits"),
        (PasswordHasher::builder().queue(usize::MAX), "hashing.queue"),
        (PasswordHasher::builder().wait(Duration::ZERO), "hashing.wait"),
    ] {
        assert_eq!(settings.build().expect_err(name).setting(), name);
    }
    assert!(
        PasswordHasher::builder()
            .memory(65_536)
            .passes(3)
            .lanes(4)
            .build()
            .is_ok()
    );
}

#[tokio::test]
async fn p1_a_hash_is_argon2id_with_todays_parameters_and_a_new_salt() {
    let hasher = PasswordHasher::default();
    let one = hasher.hash(&PASSWORD.into()).await.expect("hash");
    let two = hasher.hash(&PASSWORD.into()).await.expect("hash");
    assert!(
        one.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{}",
        one.expose()
    );
    assert_ne!(one.expose(), two.expose());
    assert_eq!(verdict(PASSWORD, one.expose()).await, Verdict::Match);
    assert_eq!(
        verdict("king arthur's grail e", one.expose()).await,
        Verdict::Mismatch
    );
}

#[tokio::test]
async fn hashes_of_fastapi_users_are_verified() {
    // Written by pwdlib, argon2-cffi and bcrypt for Python.
    let dearer =
        "$argon2id$v=19$m=65536,t=3,p=4$V8WwOhVOMO/k6HBC4e2a4Q$tbKL26h0ZWqLeVa5H+AAIdZwzGje4aYBaBV1jq6mWJw";
    let with_nul = "king arthur's grail \u{e9}\0x";
    assert_eq!(verdict(with_nul, dearer).await, Verdict::OutdatedMatch);
    assert_eq!(verdict(PASSWORD, dearer).await, Verdict::Mismatch);
    for weak in [
        "$argon2i$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$PDkuGZMsJxBBS6cOkLDJaERpkQgbdYrM0FBkNIwvvVk",
        "$argon2d$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$X8ej5NlyoJfbFJz195tLtBbfzZ6VCb86Q0rG8/i3nww",
        "$argon2id$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$KRMQz9UxU+s6GgzCIIUtiq3blgquCdScxRn79M+9SBI",
        "$argon2id$v=16$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$sh77AlRbkybgmLLthKKAuYsDpjmvbC420gvkTIxv5r0",
        "$argon2id$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$sh77AlRbkybgmLLthKKAuYsDpjmvbC420gvkTIxv5r0",
    ] {
        assert_eq!(verdict(with_nul, weak).await, Verdict::OutdatedMatch, "{weak}");
        assert_eq!(verdict(PASSWORD, weak).await, Verdict::Mismatch, "{weak}");
    }
    for weak in [
        "$2b$12$nB2mowlRzevhe8veZZ7AZOCEX.eQXMPbfhakoY4e8cySjBULmJyY6",
        "$2a$04$YtROqf/tskierpWp0pA7r.AIi4mntPGNpy7/m2nv6K9dl7n0nsJIu",
        "$2y$04$8z6yXCP9LNQp/xLO.VezmOaOQGj96as6337VNk8I3uG/xHU.hHPpy",
        "$2x$04$8z6yXCP9LNQp/xLO.VezmOaOQGj96as6337VNk8I3uG/xHU.hHPpy",
    ] {
        assert_eq!(verdict(PASSWORD, weak).await, Verdict::OutdatedMatch, "{weak}");
        assert_eq!(verdict(with_nul, weak).await, Verdict::Mismatch, "{weak}");
    }
}

#[tokio::test]
async fn p3_passwords_that_differ_after_byte_72_differ() {
    let long = "é".repeat(36);
    let hasher = PasswordHasher::default();
    let hash = hasher.hash(&format!("{long}a").into()).await.expect("hash");
    assert_eq!(verdict(&format!("{long}a"), hash.expose()).await, Verdict::Match);
    assert_eq!(
        verdict(&format!("{long}b"), hash.expose()).await,
        Verdict::Mismatch
    );
    assert_eq!(verdict(&long, hash.expose()).await, Verdict::Mismatch);
}

#[tokio::test]
async fn deviation_1_p3_a_bcrypt_hash_never_matches_a_password_of_more_than_72_bytes() {
    let of_72 = "$2b$04$gxMqXFgXOuLr/tuFCVOJy./6wD34Uzp7Na3ANX/j0WgaHCNyA33.y";
    assert_eq!(verdict(&"a".repeat(72), of_72).await, Verdict::OutdatedMatch);
    for length in [71, 73, 1024] {
        assert_eq!(
            verdict(&"a".repeat(length), of_72).await,
            Verdict::Mismatch,
            "{length} bytes"
        );
    }
}

#[tokio::test]
async fn deviation_1_p5_a_hash_that_cannot_be_verified_matches_nothing_and_costs_one_hash() {
    for (stored, problem) in [
        ("", InvalidStoredHash::UnknownScheme),
        ("plaintext", InvalidStoredHash::UnknownScheme),
        ("$argon2id$v=19$m=19456", InvalidStoredHash::Malformed),
        ("$2b$12$short", InvalidStoredHash::Malformed),
        (
            "$argon2id$v=19$m=4194304,t=9,p=4$V8WwOhVOMO/k6HBC4e2a4Q$tbKL26h0ZWqLeVa5H+AAIdZwzGje4aYBaBV1jq6mWJw",
            InvalidStoredHash::TooCostly,
        ),
    ] {
        assert_eq!(
            verdict("plaintext", stored).await,
            Verdict::Unusable(problem),
            "{stored}"
        );
    }
}

#[tokio::test]
async fn l2_an_unknown_user_costs_one_hash_with_todays_parameters_and_never_matches() {
    let hasher = PasswordHasher::default();
    for password in ["", PASSWORD, "\0"] {
        let before = hasher.hashes_started();
        assert_eq!(
            hasher.verify(&password.into(), None).await.expect("hasher"),
            Verdict::Mismatch
        );
        assert_eq!(hasher.hashes_started(), before + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d3_what_finds_no_place_in_the_queue_is_unavailable_at_once() {
    let hasher = hasher(
        PasswordHasher::builder()
            .permits(1)
            .queue(3)
            .wait(Duration::from_secs(60)),
    );
    let all = (0..64).map(|_| {
        let hasher = hasher.clone();
        tokio::spawn(async move { hasher.verify(&PASSWORD.into(), None).await.is_ok() })
    });
    let mut done = 0;
    for one in all.collect::<Vec<_>>() {
        done += u64::from(one.await.expect("task"));
    }
    assert!((4..64).contains(&done), "{done}");
    assert_eq!(hasher.hashes_started(), done, "what is refused is not hashed");
    assert_eq!(hasher.available_permits(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn d3_never_more_hashes_run_than_there_are_permits() {
    let hasher = hasher(
        PasswordHasher::builder()
            .permits(2)
            .queue(16)
            .wait(Duration::from_secs(60)),
    );
    let (running, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let all = (0..16).map(|_| {
        let (hasher, running, most) = (hasher.clone(), Arc::clone(&running), Arc::clone(&most));
        tokio::spawn(async move {
            hasher
                .run(move |argon2| {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    burn(argon2, b"")?;
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                })
                .await
        })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.expect("task").expect("hash");
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_past_the_deadline_is_told_unavailable() {
    let hasher = hasher(
        PasswordHasher::builder()
            .permits(1)
            .queue(1)
            .wait(Duration::from_millis(5)),
    );
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let (started, has_started) = tokio::sync::oneshot::channel();
    let first = tokio::spawn({
        let hasher = hasher.clone();
        async move {
            hasher
                .run(move |_| {
                    started.send(()).expect("test waits");
                    ended.recv().map_err(|error| StoreError::new(STORE, error))
                })
                .await
        }
    });
    has_started.await.expect("started");
    let error = hasher.hash(&PASSWORD.into()).await.expect_err("no permit");
    assert!(error.is_timeout());
    assert_eq!(error.store(), STORE);
    end.send(()).expect("first waits");
    first.await.expect("task").expect("first");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn d3_a_hash_runs_at_the_lowest_priority_unless_told_otherwise() {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadSchedulePolicy, thread_schedule_policy};
    for (lowest, expected) in [
        (true, NormalThreadSchedulePolicy::Idle),
        (false, NormalThreadSchedulePolicy::Other),
    ] {
        let hasher = hasher(PasswordHasher::builder().lowest_priority(lowest));
        let policy = hasher
            .run(|_| Ok(thread_schedule_policy().expect("policy")))
            .await
            .expect("run");
        assert_eq!(policy, ThreadSchedulePolicy::Normal(expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k2_a_dropped_call_keeps_its_permit_until_its_hash_ends_and_then_gives_it_back() {
    let hasher = hasher(PasswordHasher::builder().permits(1).queue(0));
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let (started, has_started) = tokio::sync::oneshot::channel();
    let (gone, is_gone) = std::sync::mpsc::channel::<()>();
    let call = tokio::spawn({
        let hasher = hasher.clone();
        async move {
            hasher
                .run(move |_| {
                    let _gone = gone;
                    started.send(()).expect("test waits");
                    ended.recv().map_err(|error| StoreError::new(STORE, error))
                })
                .await
        }
    });
    has_started.await.expect("started");
    call.abort();
    assert!(call.await.expect_err("aborted").is_cancelled());
    assert_eq!(hasher.available_permits(), 0, "the hash still runs");
    assert!(hasher.hash(&PASSWORD.into()).await.is_err());
    end.send(()).expect("the hash still runs");
    assert!(is_gone.recv().is_err(), "the closure ended");
    let permit = tokio::time::timeout(Duration::from_secs(10), hasher.0.permits.acquire()).await;
    drop(permit.expect("the permit came back").expect("open"));
    assert!(hasher.hash(&PASSWORD.into()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn e5_a_panicking_hash_is_unavailable_and_gives_its_permit_back() {
    let hasher = hasher(PasswordHasher::builder().permits(1));
    let answer = hasher
        .run(|_| -> Result<(), StoreError> { panic!("on purpose") })
        .await;
    assert!(answer.is_err());
    assert!(hasher.hash(&PASSWORD.into()).await.is_ok());
}

#[test]
fn e4_a_hasher_prints_no_secret() {
    let printed = format!("{:?}", PasswordHasher::default());
    assert!(printed.contains("19456"), "{printed}");
}
