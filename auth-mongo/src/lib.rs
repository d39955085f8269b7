//! Stores of users, access tokens and sessions on MongoDB: a single server or a replica set.
//!
//! | | what it is |
//! |---|---|
//! | [`MongoUserStore`] | users in a collection, with the application's own fields |
//! | [`MongoAccessTokenStore`] | access tokens in a collection |
//! | [`MongoSessionStore`] | sessions with data in a collection |
//! | [`DocumentId`], [`ObjectId`] | the types that can be an id |
//! | [`connect`] | the database of a URL, if the application has no client yet |
//!
//! ```no_run
//! # async fn stores() -> Result<(), Box<dyn std::error::Error>> {
//! use portcullis::mongo::{self, MongoAccessTokenStore, MongoUserStore};
//! use uuid::Uuid;
//!
//! // Or a `mongodb::Database` of a client that the application already has.
//! let database = mongo::connect("mongodb://localhost/library").await?;
//! let users = MongoUserStore::<Uuid>::builder(&database).build()?;
//! let tokens = MongoAccessTokenStore::<Uuid>::builder(&database).build()?;
//! users.create_indexes().await?;
//! tokens.create_indexes().await?;
//! # Ok(()) }
//! ```
//!
//! With your own fields, which you can search for, and your own ids:
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
//! # Promises
//!
//! Every operation is one read or one single-document write, so none needs a transaction (a single server has none).
//! `delete_all` and `purge_expired` delete documents one by one. If they fail part-way, call them again. A store sees
//! digests of tokens and of ids of sessions, never a token or an id.
//!
//! Unique indexes decide who was first. Call [`create_indexes`](MongoUserStore::create_indexes) of each store before the
//! first write.
//!
//! Whatever the client's defaults, a write is confirmed once a majority of the replica set has it, and a look-up asks
//! the primary for data that a majority has. So no failover brings back a token or a session that a log-out removed. On a single
//! server, a write is confirmed once it is in the journal.
//!
//! One window remains: for about 10 seconds (`electionTimeoutMillis`), a primary that is cut off from the others does
//! not know that there is a new one. It answers clients that reach only it with its old data.
//!
//! A call that misses its deadline returns a [`StoreError`](auth_core::StoreError) but may still take effect. If the
//! caller is dropped, the call runs to completion in the background. Call the stores on a [Tokio](tokio) runtime.
//!
//! If a connection fails, the driver repeats a look-up or a single-document write once. On a single server it repeats
//! no write.
//!
//! MongoDB has no foreign keys. `UserManager::delete` first removes the user's tokens and sessions by
//! [`delete_all`](auth_core::AccessTokenStore::delete_all). If the application removes the user's document itself, they are
//! rejected, and go when they are presented or expire.
//!
//! # Servers
//!
//! MongoDB 4.4 and later, on a single server or a replica set. A sharded cluster is not supported, because digests, caps and
//! e-mails rely on unique indexes of one server or replica set.
//!
//! FerretDB 1 also works, with two limits. It has no TTL indexes, so schedule
//! [`purge_expired`](auth_core::PurgeExpired::purge_expired). On SQLite its updates are not atomic, so use that for
//! trials only.

mod access_token;
mod call;
mod connect;
mod digest;
mod failure;
mod id;
mod index;
mod instant;
mod profile;
mod purge;
mod session;
mod settings;
mod user;
mod watch;

pub use access_token::{MongoAccessTokenStore, MongoAccessTokenStoreBuilder};
pub use connect::connect;
pub use id::{DocumentId, InvalidObjectId, ObjectId};
pub use session::{MongoSessionStore, MongoSessionStoreBuilder};
pub use user::{MongoUserStore, MongoUserStoreBuilder};

pub use mongodb;
