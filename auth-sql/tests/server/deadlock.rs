//! Transactions that the server undoes.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use auth_core::StoreErrorKind;
use diesel::{QueryResult, sql_query};
use diesel_async::SimpleAsyncConnection as _;
use tokio::sync::Barrier;

use crate::backend::{CONFLICT, Connection, Place};

async fn lock(connection: &mut Connection, row: u32) -> QueryResult<usize> {
    let touch = sql_query(format!(
        "UPDATE rows_to_lock SET touched = touched + 1 WHERE id = {row}"
    ));
    diesel_async::RunQueryDsl::execute(touch, connection).await
}

pub(crate) async fn a_deadlock_is_tried_again() {
    let place = Place::new().await;
    place
        .run(
            "CREATE TABLE rows_to_lock (id integer PRIMARY KEY, touched integer NOT NULL);
             INSERT INTO rows_to_lock VALUES (1, 0), (2, 0);",
        )
        .await;
    let database = place.database(2);
    let attempts = Arc::<AtomicU32>::default();
    let both_hold_one = Arc::new(Barrier::new(2));
    let transfers = [(1, 2), (2, 1)].map(|(first, second)| {
        let (database, attempts, both) = (database.clone(), attempts.clone(), both_hold_one.clone());
        tokio::spawn(async move {
            let own_attempts = AtomicU32::new(0);
            let transfer = database.write(move |connection| {
                attempts.fetch_add(1, Ordering::SeqCst);
                let both = (own_attempts.fetch_add(1, Ordering::SeqCst) == 0).then(|| both.clone());
                Box::pin(async move {
                    lock(connection, first).await?;
                    if let Some(both) = both {
                        both.wait().await;
                    }
                    lock(connection, second).await
                })
            });
            transfer.await
        })
    });
    for transfer in transfers {
        assert_eq!(
            transfer
                .await
                .expect("a task")
                .expect("a transfer, perhaps the second time"),
            1
        );
    }
    // Three, or more where it comes back before the other has noticed that the row is free; each is tried again thrice.
    let attempts = attempts.load(Ordering::SeqCst);
    assert!(
        (3..=8).contains(&attempts),
        "the one that the server undid is made again: {attempts} attempts"
    );
    assert_eq!(
        place
            .number("SELECT count(*) AS number FROM rows_to_lock WHERE touched = 2")
            .await,
        2
    );
}

pub(crate) async fn a_deadlock_that_does_not_end_is_a_store_error() {
    let place = Place::new().await;
    let database = place.database(1);
    let attempts = Arc::<AtomicU32>::default();
    let counted = attempts.clone();
    let transaction = database.write(move |connection| {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(connection.batch_execute(CONFLICT))
    });
    let error = transaction.await.expect_err("a conflict");
    assert_eq!(error.kind(), StoreErrorKind::Contention, "{error}");
    assert_eq!(
        attempts.swap(0, Ordering::SeqCst),
        4,
        "it is tried three times more"
    );

    let counted = attempts.clone();
    let statement = database.read(move |connection| {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(connection.batch_execute(CONFLICT))
    });
    statement.await.expect_err("a conflict");
    assert_eq!(attempts.swap(0, Ordering::SeqCst), 4, "so is a single statement");
}
