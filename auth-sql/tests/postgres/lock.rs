//! What a call leaves at the server when it waits for a lock past its deadline.

use std::time::Duration;

use auth_core::{StoreErrorKind, UserStore as _};
use diesel_async::SimpleAsyncConnection as _;

use crate::{
    backend::{Place, Users},
    server::{holder::holding, sample::new_user},
};

#[test]
#[ignore = "needs PostgreSQL"]
fn no_process_waits_for_a_lock_that_nobody_wants_any_more() {
    auth_core::conformance::run(async {
        let place = Place::migrated().await;
        let database = place.database(1);
        let users = Users::new(&database);
        let ada = users.insert(new_user("ada", ())).await.expect("a user");
        let mut other = holding(&place, "UPDATE users SET revision = 7").await;
        let hurried = database.deadline(Duration::from_millis(200)).expect("a deadline");
        let error = Users::new(hurried)
            .delete(&ada.id)
            .await
            .expect_err("a locked row");
        assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error}");

        // Of all that waits, what waits for this transaction.
        let waiting = "SELECT count(*) AS number FROM pg_stat_activity, \
            (SELECT pid FROM pg_locks WHERE relation = 'users'::regclass AND mode = 'RowExclusiveLock' AND granted \
             AND pid IN (SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction')) AS holder \
            WHERE holder.pid = ANY (pg_blocking_pids(pg_stat_activity.pid))";
        for _look in 0..100 {
            if place.number(waiting).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(
            place.number(waiting).await,
            0,
            "the process of the call is gone in 10 s"
        );
        other.batch_execute("ROLLBACK").await.expect("no lock");
        let found = users.find(&ada.id).await.expect("an answer");
        assert!(found.is_some(), "and it did not delete the user");
    });
}
