mod deadline;
mod dump;
mod fault;
mod keys;
mod kill;
mod late;
mod lost_reply;
mod memory;
mod old_rows;
mod rights;
pub(crate) mod round_trips;
mod scene;
mod sessions;
mod size;
mod slide;
mod spoiled;

crate::fixture::conformance!("TEST_REDIS_URL", "needs Redis",
    integer: i64, text: String, own_type: crate::fixture::ReaderId);
