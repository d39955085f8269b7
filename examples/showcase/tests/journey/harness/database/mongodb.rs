//! A database on a server that speaks as MongoDB does.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use portcullis::{
    mongo::{
        self, MongoUserStore,
        mongodb::{
            self as driver,
            bson::{RawDocumentBuf, doc},
        },
    },
    store::UserStore,
};

use super::{Database, names_on};

pub(super) struct MongoDb {
    url: String,
    database: driver::Database,
    users: Arc<dyn UserStore>,
}

impl MongoDb {
    pub(super) async fn create() -> Self {
        let (_, own, _) = names_on("TEST_MONGODB_URL");
        // The first write makes it.
        let database = mongo::connect(own.as_str()).await;
        let database = database.expect("a URL");
        let users: MongoUserStore = MongoUserStore::builder(&database).build().expect("users");
        Self {
            url: own.into(),
            database,
            users: Arc::new(users),
        }
    }
}

#[async_trait]
impl Database for MongoDb {
    fn url(&self) -> &str {
        &self.url
    }

    fn users(&self) -> &Arc<dyn UserStore> {
        &self.users
    }

    /// The BSON of each document of each collection.
    async fn dump(&self) -> Vec<u8> {
        let mut dump = Vec::new();
        for name in self.database.list_collection_names().await.expect("names") {
            let collection = self.database.collection::<RawDocumentBuf>(&name);
            let found = collection.find(doc! {}).await.expect("a cursor");
            let documents: Vec<_> = found.try_collect().await.expect("documents");
            dump.extend(documents.into_iter().flat_map(RawDocumentBuf::into_bytes));
        }
        dump
    }

    async fn clear(&self) {
        for name in self.database.list_collection_names().await.expect("names") {
            let collection = self.database.collection::<RawDocumentBuf>(&name);
            collection.delete_many(doc! {}).await.expect("no documents");
        }
    }

    async fn remove(&self) {
        self.database.drop().await.expect("removed");
    }
}
