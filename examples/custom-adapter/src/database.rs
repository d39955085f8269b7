//! The file, and calls to it from async code.

use std::{error::Error, path::Path, sync::Arc, time::Duration};

use portcullis::{StoreError, StoreErrorKind, store::with_deadline};
use redb::{ReadTransaction, ReadableDatabase as _, WriteTransaction};
use tokio::{
    sync::Mutex,
    task::{JoinError, spawn_blocking},
};

use crate::{tokens, users};

const STORE: &str = "redb";
const DEADLINE: Duration = Duration::from_secs(2);

/// An error of redb or of the data. It becomes the source of a [`StoreError`].
pub(crate) type Fault = Box<dyn Error + Send + Sync>;

/// A redb file, which only this process has open.
#[derive(Clone)]
pub struct Database {
    redb: Arc<redb::Database>,
    writer: Arc<Mutex<()>>,
}

impl Database {
    /// Opens the file at `path`, and creates it if there is none.
    ///
    /// # Errors
    /// If it cannot be opened, or another process has it open.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, redb::Error> {
        Self::on(redb::Database::create(path)?)
    }

    /// The same with a database that is already open, in a file or elsewhere.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn on(redb: redb::Database) -> Result<Self, redb::Error> {
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

    /// Runs `call` on a snapshot, which writers do not change.
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

    /// Runs `call` in a transaction, one after another. It is committed only if `call` returns `Ok(Ok(_))`.
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
            // A call that waits for its turn takes no thread. If it is dropped while waiting, it does not start.
            let turn = turn.await;
            let task = spawn_blocking(move || {
                // The turn ends with the transaction, not with the caller, so later calls come after this one.
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
    let source = source.into();
    let kind = if source.is::<serde_json::Error>() {
        StoreErrorKind::InvalidData
    } else if source.is::<JoinError>() {
        StoreErrorKind::Internal
    } else {
        StoreErrorKind::Refused
    };
    StoreError::new(kind, STORE, source)
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Instant};

    use portcullis::store::{AccessTokenStore as _, TokenLookup};

    use super::*;
    use crate::RedbAccessTokenStore;

    fn database(folder: &tempfile::TempDir) -> Database {
        Database::open(folder.path().join("app.redb")).expect("a database")
    }

    #[tokio::test]
    async fn a_call_that_does_not_get_its_turn_ends_at_the_deadline_and_never_begins() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = database(&folder);
        let (end, ended) = mpsc::channel::<()>();
        let slow = {
            let database = database.clone();
            tokio::spawn(async move {
                let slow = database.write::<_, StoreError>(move |_| Ok(Ok(ended.recv().is_ok())));
                slow.await
            })
        };
        while database.writer.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        let start = Instant::now();
        let late = database.write::<(), StoreError>(|_| panic!("it begins too late"));
        assert_eq!(late.await.expect_err("no turn").kind(), StoreErrorKind::Timeout);
        assert!((DEADLINE..2 * DEADLINE).contains(&start.elapsed()));
        let find = RedbAccessTokenStore(database.clone());
        let found = find.find(&TokenLookup::new("a token")).await;
        assert_eq!(found.expect("readers do not wait for writers"), None);
        end.send(()).expect("the slow call waits");
        let slow = slow.await.expect("no panic").expect_err("late itself");
        assert_eq!(slow.kind(), StoreErrorKind::Timeout);
        let next = database.write::<_, StoreError>(|_| Ok(Ok(7))).await;
        assert_eq!(next.expect("the next one's turn"), 7);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_an_error_of_the_store_and_not_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = database(&folder);
        let key = TokenLookup::new("a token");
        let digest = *key.digest.as_bytes();
        let spoil = database.write::<_, StoreError>(move |transaction| {
            let mut tokens = transaction.open_table(tokens::TOKENS)?;
            tokens.insert(digest, b"no JSON".as_slice())?;
            Ok(Ok(()))
        });
        spoil.await.expect("written");
        let error = RedbAccessTokenStore(database).find(&key).await;
        assert_eq!(error.expect_err("unreadable").kind(), StoreErrorKind::InvalidData);
    }
}
