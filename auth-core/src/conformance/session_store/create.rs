use time::Duration;

use super::sample::{created, session, session_key, with_digest};
use crate::{
    InsertTokenError, Lifetime, MAX_SESSION_BYTES, SessionStore as _, SessionWrite, StoredSession, Subject,
    conformance::{
        SessionFixture, answered,
        parallel::{ROUNDS, at_once},
        sample::start,
    },
};

/// The loaded session equals the created one: of a user or of none, instants to the millisecond, a limit in a hundred
/// years or none, an epoch and a revision of more than 32 bits. A session that was never created is not there.
pub async fn a_created_session_is_loaded_with_every_field<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let century = Lifetime::from_secs(100 * 366 * 86_400).expect("a hundred years are a lifetime");
    let odd = StoredSession {
        subject: Some(Subject::new(user.clone(), (1 << 40) + 7)),
        revision: (1 << 40) + 3,
        expires_at: century.end(start()),
        absolute_expires_at: century.end(start() + Duration::milliseconds(5)),
        ..session(Some(&user), 2).1
    };
    let bare = StoredSession::new("{}".to_owned(), start());
    for (key, session) in [
        session(Some(&user), 1),
        session(None, 1),
        (session_key(Some(&user)), odd),
        (session_key::<F::Id>(None), bare),
    ] {
        assert_eq!(
            answered(store.load(&key).await),
            None,
            "no session is found before its creation"
        );
        answered(store.create(&key, &session, None).await);
        assert_eq!(
            answered(store.load(&key).await),
            Some(session),
            "a created session is loaded with every field"
        );
    }
}

/// The data is a text, not a value: a store keeps the order of keys, white space, numbers of any precision and escapes
/// as they are, and has room for [`MAX_SESSION_BYTES`]. That goes for a creation and for a save.
pub async fn data_is_kept_byte_for_byte<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let longest = format!(r#""{}""#, "\u{1f98a}".repeat((MAX_SESSION_BYTES - 2) / 4));
    for data in [
        r#" { "b" : 1, "a":2.50 , "b":3 } "#,
        r#"{"nul":"\u0000","half":"\ud83e","quote":"\"'\\"}"#,
        "123456789012345678901234567890.10",
        "\"é e\u{301} \u{1f98a} \u{feff}\"",
        "null",
        &longest,
    ] {
        let (key, plain) = created(&*store, None::<&F::Id>, 1).await;
        let (other_key, mut other) = session(None::<&F::Id>, 2);
        data.clone_into(&mut other.data);
        answered(store.create(&other_key, &other, None).await);
        let mut change = super::sample::change(1, Some(plain.revision));
        change.data = Some(data.to_owned());
        assert_eq!(
            answered(store.save(&key, &change).await),
            SessionWrite::Done,
            "a save of the present revision is done"
        );
        for key in [key, other_key] {
            let found = answered(store.load(&key).await).map(|session| session.data);
            assert_eq!(found.as_deref(), Some(data), "data is kept byte for byte");
        }
    }
}

/// A taken key is [`InsertTokenError::DigestTaken`], whoever has it, and the first session stays as it is.
pub async fn a_taken_key_is_refused_and_nothing_is_written<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    for owner in [None, Some(&user)] {
        let (key, first) = created(&*store, owner, 1).await;
        match store.create(&key, &session(owner, 2).1, None).await {
            Err(InsertTokenError::DigestTaken) => {}
            answer => panic!("a taken key is `DigestTaken`, not {answer:?}"),
        }
        assert_eq!(
            answered(store.load(&key).await),
            Some(first),
            "a refused creation writes nothing"
        );
    }
}

/// Of 16 parallel creations under one key exactly one succeeds, and its session is loaded.
pub async fn of_parallel_creations_under_one_key_exactly_one_succeeds<F: SessionFixture>(fixture: &F) {
    for _round in 0..ROUNDS {
        let key = session_key::<F::Id>(None);
        let sessions: Vec<_> = (0..16).map(|n| session(None, n).1).collect();
        let answers = at_once(sessions.clone().into_iter().map(|session| {
            let store = fixture.store();
            async move { store.create(&key, &session, None).await }
        }))
        .await;
        let mut winners = Vec::new();
        for (session, answer) in sessions.into_iter().zip(answers) {
            match answer {
                Ok(_done) => winners.push(session),
                Err(InsertTokenError::DigestTaken) => {}
                Err(error) => panic!("a losing creation is `DigestTaken`, not {error}"),
            }
        }
        assert_eq!(winners.len(), 1, "of 16 parallel creations one succeeds");
        assert_eq!(
            answered(fixture.store().load(&key).await),
            winners.pop(),
            "the winner is loaded"
        );
    }
}

/// A digest that differs in one bit loads, saves and deletes nothing.
pub async fn only_the_exact_key_is_found<F: SessionFixture>(fixture: &F) {
    let store = fixture.store();
    let user = fixture.user(None).await;
    let (key, session) = created(&*store, Some(&user), 1).await;
    for bit in 0..256 {
        let mut bytes = *key.digest.as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let near = with_digest(key, bytes);
        assert_eq!(
            answered(store.load(&near).await),
            None,
            "a digest that is almost right loads nothing"
        );
        // A failure here would cost the next 255 look-ups; the first and last bits are enough for writes.
        if matches!(bit, 0 | 255) {
            assert_eq!(
                answered(store.save(&near, &super::sample::change(1, None)).await),
                SessionWrite::Gone,
                "a digest that is almost right saves nothing"
            );
            assert_eq!(
                answered(store.delete(&near, None).await),
                SessionWrite::Gone,
                "a digest that is almost right deletes nothing"
            );
        }
    }
    assert_eq!(
        answered(store.load(&key).await),
        Some(session),
        "the exact digest loads the session"
    );
}
