//! The OpenAPI document beside the service that it describes, over the memory stores.
#![cfg(feature = "openapi")]

mod description;
mod docs;
mod document;
mod observer;
mod profile;
mod refresh;
mod rotation;
mod schema;
mod service;
mod statuses;
