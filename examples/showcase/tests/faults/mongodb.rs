//! MongoDB, or a server that speaks its protocol.

use crate::{database::Kind, stage::Store, stores::faults};

const STORE: Store = Store::Database(Kind::MongoDb);

faults!(STORE, "needs MongoDB");
