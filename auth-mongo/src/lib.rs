//! Stores of users and access tokens on MongoDB: a single server or a replica set.
//!
//! | | what it is |
//! |---|---|
//! | [`MongoUserStore`] | users in a collection, the application's own fields beside ours |
//! | [`MongoAccessTokenStore`] | access tokens in a collection |
//! | [`DocumentId`], [`ObjectId`] | what may be an id |
//! | [`connect`] | the database of a URL, for an application that has no client yet |
//!
//! ```no_run
//! # async fn stores() -> Result<(), Box<dyn std::error::Error>> {
//! use portcullis::mongo::{MongoAccessTokenStore, MongoUserStore};
//! use uuid::Uuid;
//!
//! // Or a `mongodb::Database` of a client that the application has already.
//! let database = portcullis::mongo::connect("mongodb://localhost/library").await?;
//! let users = MongoUserStore::<Uuid>::builder(&database).build()?;
//! let tokens = MongoAccessTokenStore::<Uuid>::builder(&database).build()?;
//! users.create_indexes().await?;
//! tokens.create_indexes().await?;
//! # Ok(()) }
//! ```
//!
//! With fields and ids of its own, which it can search for:
//!
//! ```no_run
//! # async fn members() -> Result<(), Box<dyn std::error::Error>> {
//! use portcullis::mongo::{MongoUserStore, ObjectId, mongodb::bson::doc};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, Serialize, Deserialize)]
//! struct Profile {
//!     first_name: String,
//!     shelf: Option<i32>,
//! }
//!
//! # let database = portcullis::mongo::connect("mongodb://localhost/library").await?;
//! let members = MongoUserStore::<ObjectId, Profile>::builder(&database).collection("members").build()?;
//! members.create_indexes().await?;
//!
//! let profiles = database.collection::<Profile>("members");
//! let on_shelf_3 = profiles.find(doc! { "shelf": 3 }).await?;
//! # drop(on_shelf_3);
//! # Ok(()) }
//! ```
//!
//! # What is promised
//!
//! Each operation is one look-up or one atomic write of one document, so that none needs a transaction, which a single
//! server has not. Removing all of a user's tokens, and purging, takes each document by itself: where it fails half-way, it
//! is an error, some are gone, and to ask again is to finish it. Unique indexes decide who was first:
//! [`create_indexes`](MongoUserStore::create_indexes) comes before the first write. A store sees digests of tokens, never a
//! token.
//!
//! Whatever the client's defaults are, a write is acknowledged once a majority of the replica set has it, and a look-up
//! asks the primary for what a majority has: no failover brings back what a log-out removed. A single server counts as
//! a majority once the write is in its journal. One window stays: a primary that is cut off from the others does not
//! know for some 10 seconds (`electionTimeoutMillis`) that there is a new one, and answers those who reach it alone
//! with what it had.
//!
//! A call that meets its deadline is a [`StoreError`](auth_core::StoreError), and may yet be done. A caller that goes
//! away leaves its call to end by itself, on the runtime of [Tokio](tokio) on which the stores must be called. The
//! driver repeats a look-up or a write of one document once where the connection fails; of a single server it repeats no
//! write.
//!
//! MongoDB has no foreign keys: a user's tokens are removed before the user is, by
//! [`delete_all`](auth_core::AccessTokenStore::delete_all). `UserManager::delete` calls it. Tokens that survive, of a user
//! whose document the application removes by itself, are rejected, and go when they are presented or expire.
//!
//! # Servers
//!
//! MongoDB since 4.4, and what speaks its protocol: FerretDB 1 has no TTL indexes, so that an application schedules
//! [`purge_expired`](auth_core::PurgeExpired::purge_expired); on SQLite its updates are not atomic, and it is for
//! trials alone.
//!
//! A sharded cluster is not supported: a digest, a cap and an e-mail are unique by an index of one server or replica set.

mod access_token;
mod call;
mod connect;
mod failure;
mod id;
mod index;
mod instant;
mod profile;
mod settings;
mod user;
mod watch;

pub use access_token::{MongoAccessTokenStore, MongoAccessTokenStoreBuilder};
pub use connect::connect;
pub use id::{DocumentId, InvalidObjectId, ObjectId};
pub use user::{MongoUserStore, MongoUserStoreBuilder};

pub use mongodb;
