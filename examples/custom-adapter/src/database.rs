//! The file, and how it is called from async code.

use std::{error::Error, path::Path, sync::Arc, time::Duration};

use portcullis::{StoreError, with_deadline};
use redb::{ReadTransaction, ReadableDatabase as _, WriteTransaction};
use tokio::{sync::Mutex, task::spawn_blocking};

use crate::{tokens, users};

const STORE: &str = "redb";
const DEADLINE: Duration = Duration::from_secs(2);

/// Whatever went wrong below: it becomes the source of a [`StoreError`].
pub(crate) type Fault = Box<dyn Error + Send + Sync>;

/// A redb file, open in this process alone.
#[derive(Clone)]
pub struct Database {
    redb: Arc<redb::Database>,
    writer: Arc<Mutex<()>>,
}

impl Database {
    /// Opens the file at `path`, which is made if there is none.
    ///
    /// # Errors
    /// If it cannot be opened, or another process has it open.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, redb::Error> {
        let redb = redb::Database::create(path)?;
        let transaction = redb.begin_write()?;
        transaction.open_table(users::USERS)?;
        transaction.open_table(users::EMAILS)?;
        transaction.open_table(tokens::TOKENS)?;
        transaction.open_table(tokens::ISSUED)?;
        transaction.open_table(tokens::EXPIRIES)?;
        transaction.commit()?;
        Ok(Self {
            redb: Arc::new(redb),
            writer: Arc::default(),
        })
    }

    /// Runs `call` on a snapshot, which no writer changes.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        call: impl FnOnce(&ReadTransaction) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let redb = Arc::clone(&self.redb);
        let task = spawn_blocking(move || call(&redb.begin_read()?));
        with_deadline(STORE, DEADLINE, async {
            task.await.map_err(failed)?.map_err(failed)
        })
        .await
    }

    /// Runs `call` in a transaction of its own, one after another. Only where it returns `Ok(Ok(_))` is anything
    /// written.
    pub(crate) async fn write<T, E>(
        &self,
        call: impl FnOnce(&WriteTransaction) -> Result<Result<T, E>, Fault> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let redb = Arc::clone(&self.redb);
        let turn = Arc::clone(&self.writer).lock_owned();
        with_deadline(STORE, DEADLINE, async {
            // Who waits for the turn holds no thread, and who goes away meanwhile begins nothing.
            let turn = turn.await;
            let task = spawn_blocking(move || {
                // It ends with the transaction, not with the caller: a later call comes after this one.
                let _turn = turn;
                let transaction = redb.begin_write()?;
                let answer = call(&transaction)?;
                if answer.is_ok() {
                    transaction.commit()?;
                }
                Ok::<_, Fault>(answer)
            });
            task.await.map_err(failed)?.map_err(failed)?
        })
        .await
    }
}

fn failed(source: impl Into<Fault>) -> StoreError {
    StoreError::new(STORE, source)
}
