//! A server that speaks another language than English.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use diesel_async::SimpleAsyncConnection as _;

use crate::backend::Place;

/// Word for word what a German server says; `details` is what Diesel calls so.
fn raise(code: &str, details: &str) -> String {
    format!(
        "DO $$ BEGIN RAISE EXCEPTION 'Verklemmung (Deadlock) entdeckt' USING ERRCODE = '{code}', \
         DETAIL = E'{details}', HINT = 'Einzelheiten zur Anfrage finden Sie im Serverlog.'; END $$"
    )
}

async fn attempts(statement: String) -> u32 {
    let place = Place::new().await;
    let database = place.database(1);
    let attempts = Arc::<AtomicU32>::default();
    let counted = Arc::clone(&attempts);
    let transaction = database.write(move |connection| {
        let statement = statement.clone();
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { connection.batch_execute(&statement).await })
    });
    transaction.await.map_err(drop).expect_err("an error");
    attempts.load(Ordering::SeqCst)
}

#[test]
#[ignore = "needs PostgreSQL"]
fn u4_a_stale_plan_is_known_in_any_language() {
    auth_core::conformance::run(async {
        let german = "DO $$ BEGIN RAISE EXCEPTION 'gecachter Plan darf den Ergebnistyp nicht ändern' \
                      USING ERRCODE = '0A000'; END $$";
        assert_eq!(attempts(german.to_owned()).await, 2);
    });
}

#[test]
#[ignore = "needs PostgreSQL"]
fn a_deadlock_is_known_in_any_language() {
    auth_core::conformance::run(async {
        let circle = "Prozess 11939 wartet auf ShareLock-Sperre auf Transaktion 727; blockiert von Prozess 11940.\\n\
                      Prozess 11940 wartet auf ShareLock-Sperre auf Transaktion 726; blockiert von Prozess 11939.";
        assert_eq!(attempts(raise("40P01", circle)).await, 4);
        let other = attempts(raise("P0001", "Die erste Zeile.\\nDie zweite Zeile.")).await;
        assert_eq!(other, 1, "another error is not tried again");
    });
}
