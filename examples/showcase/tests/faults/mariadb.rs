//! MariaDB.

use portcullis_support::Fault;

use crate::{contention, database::Kind, outage, stage::Store, stores::faults};

const STORE: Store = Store::Database(Kind::MariaDb);

faults!(STORE, "needs MariaDB");

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn while_every_connection_waits_for_a_lock_it_is_503_by_the_deadline_and_others_are_served() {
    contention::exhausted_pool(Kind::MariaDb).await;
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn a_transaction_that_is_undone_to_end_a_deadlock_is_made_again() {
    contention::deadlock(Kind::MariaDb).await;
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn connections_that_are_silent_for_ever_from_the_start_are_replaced() {
    outage::at_start(STORE, Fault::BlackHole).await;
}

#[tokio::test]
#[ignore = "needs MariaDB"]
async fn one_who_asks_alone_meets_one_connection_that_is_silent_for_ever_and_no_other() {
    outage::forgotten_alone(STORE).await;
}
