//! The stores on a server that speaks MongoDB's protocol, each test in a database of its own.

mod cap;
mod conformance;
mod connect;
mod database;
mod document;
mod fault;
mod index;
mod own_id;
mod proxy;
mod round_trips;
mod taken;
