//! A file.

use std::{fs, sync::Arc};

use async_trait::async_trait;
use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use portcullis::{
    sql::sqlite::{self, SqliteUserStore},
    store::UserStore,
};
use tempfile::TempDir;

use super::Database;

const FILE: &str = "showcase.db";

pub(super) struct Sqlite {
    url: String,
    users: Arc<dyn UserStore>,
    /// It goes with this.
    folder: TempDir,
}

impl Sqlite {
    pub(super) async fn create() -> Self {
        // In memory where the system has such a place: every commit waits for the disk elsewhere.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_elsewhere| tempfile::tempdir());
        let folder = folder.expect("a folder");
        let url = format!("sqlite://{}/{FILE}", folder.path().display());
        let pool = sqlite::connect(&url).await;
        Self {
            url,
            users: Arc::new(SqliteUserStore::new(pool.expect("a file"))),
            folder,
        }
    }
}

#[async_trait]
impl Database for Sqlite {
    fn url(&self) -> &str {
        &self.url
    }

    fn users(&self) -> &Arc<dyn UserStore> {
        &self.users
    }

    /// The file, and those of the log that SQLite keeps beside it.
    async fn dump(&self) -> Vec<u8> {
        let files = fs::read_dir(self.folder.path()).expect("the folder");
        let read = |file: Result<fs::DirEntry, _>| fs::read(file.expect("a file").path());
        files.flat_map(|file| read(file).expect("its bytes")).collect()
    }

    async fn clear(&self) {
        let file = self.folder.path().join(FILE);
        let mut client = SqliteConnection::establish(&file.to_string_lossy()).expect("the file");
        let clear = "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; DELETE FROM users";
        client.batch_execute(clear).expect("no users");
    }

    async fn remove(&self) {}
}
