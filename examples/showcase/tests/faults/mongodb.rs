//! MongoDB, or a server that speaks its protocol.

use crate::{
    database::Kind,
    restart::{self, End},
    stage::Store,
    stores::faults,
};

const STORE: Store = Store::Database(Kind::MongoDb);

faults!(STORE, "needs MongoDB");

#[tokio::test]
#[ignore = "needs MongoDB"]
async fn a_restart_under_load_is_503_and_heals_and_what_was_acknowledged_holds() {
    restart::of_the_database(Kind::MongoDb, End::Stop).await;
}
