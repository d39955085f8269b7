//! MongoDB, or a server that speaks its protocol.

use portcullis_support::Fault;

use crate::{database::Kind, outage, stage::Store, stores::faults};

const STORE: Store = Store::Database(Kind::MongoDb);

faults!(STORE, "needs MongoDB");

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn connections_that_are_silent_for_ever_from_the_start_are_replaced() {
    outage::at_start(STORE, Fault::BlackHole).await;
}
