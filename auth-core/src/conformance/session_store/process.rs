use super::sample::{change, changed, created, loaded, session};
use crate::{
    SessionStore as _,
    conformance::{SessionFixture, answered},
};

/// A process sees at its next look-up what another process has created, saved or deleted, although it has looked before. A
/// session that was ended here is over there. Neither a session nor the lack of one is cached.
pub async fn another_process_sees_every_change_at_once<F: SessionFixture>(fixture: &F) {
    let (here, there) = (fixture.store(), fixture.another_process().await);
    let user = fixture.user(None).await;
    let (key, first) = session(Some(&user), 1);
    assert_eq!(
        loaded(&*there, &[key]).await,
        [false],
        "no session is found before its creation"
    );
    answered(here.create(&key, &first, None).await);
    assert_eq!(
        answered(there.load(&key).await).as_ref(),
        Some(&first),
        "another process loads a created session"
    );
    let change = change(1, Some(0));
    answered(here.save(&key, &change).await);
    for store in [&here, &there] {
        assert_eq!(
            answered(store.load(&key).await),
            Some(changed(&first, &change)),
            "another process loads the saved data"
        );
    }
    let keys = [
        key,
        created(&*here, Some(&user), 2).await.0,
        created(&*here, None, 3).await.0,
    ];
    assert_eq!(
        loaded(&*there, &keys).await,
        [true; 3],
        "another process loads all"
    );
    answered(here.delete(&keys[2], None).await);
    assert_eq!(
        loaded(&*there, &keys).await,
        [true, true, false],
        "another process does not load a deleted session"
    );
    assert_eq!(
        answered(there.delete_all(&user).await),
        2,
        "another process deletes all"
    );
    assert_eq!(
        loaded(&*here, &keys).await,
        [false; 3],
        "another process does not load a session that went with all others"
    );
}
