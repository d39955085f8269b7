use std::num::NonZeroU32;

use crate::{
    AccessTokenStore as _, Cap,
    conformance::{
        AccessTokenFixture, answered,
        sample::{inserted_token, present, token},
    },
};

/// A process sees at its next look-up what another process has inserted, deleted or removed by a cap, although it has looked
/// before. A log-in that was ended here is over there. Neither a token nor the lack of one is cached.
pub async fn another_process_sees_every_change_at_once<F: AccessTokenFixture>(fixture: &F) {
    let (here, there) = (fixture.store(), fixture.another_process().await);
    let user = fixture.user(None).await;
    let (key, first) = token(&user, 1);
    assert_eq!(
        present(&*there, &[key]).await,
        [false],
        "no token is found before its insertion"
    );
    answered(here.insert(&first, None).await);
    let mut keys = vec![key];
    for n in 2..7 {
        keys.push(inserted_token(&*here, &user, n).await.0);
    }
    // Both have looked now.
    for store in [&here, &there] {
        assert_eq!(
            present(&**store, &keys).await,
            [true; 6],
            "another process finds an inserted token"
        );
    }

    answered(here.delete(&keys[0]).await);
    answered(there.delete(&keys[1]).await);
    for store in [&here, &there] {
        assert_eq!(
            present(&**store, &keys).await,
            [false, false, true, true, true, true],
            "another process does not find a deleted token"
        );
    }

    let (key, newest) = token(&user, 10);
    answered(here.insert(&newest, NonZeroU32::new(3).map(Cap::new)).await);
    keys.push(key);
    assert_eq!(
        present(&*there, &keys).await,
        [false, false, false, false, true, true, true],
        "another process does not find a token that a cap removed"
    );

    assert_eq!(
        answered(there.delete_all(&user).await),
        3,
        "another process deletes all"
    );
    assert!(
        !present(&*here, &keys).await.contains(&true),
        "another process does not find a token that went with all others"
    );
}
