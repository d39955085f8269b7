//! A disk that is pulled out while the database is open.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use custom_adapter::Database;
use redb::{StorageBackend, backends::InMemoryBackend};

#[derive(Debug)]
struct Disk {
    memory: InMemoryBackend,
    is_out: Arc<AtomicBool>,
}

/// A database on such a disk.
pub(crate) fn unplugged() -> Database {
    let is_out = Arc::new(AtomicBool::new(false));
    let disk = Disk {
        memory: InMemoryBackend::new(),
        is_out: Arc::clone(&is_out),
    };
    let mut builder = redb::Builder::new();
    // What is in a cache needs no disk.
    let redb = builder.set_cache_size(0).create_with_backend(disk);
    let database = Database::on(redb.expect("a database")).expect("tables");
    is_out.store(true, Ordering::SeqCst);
    database
}

impl Disk {
    fn memory(&self) -> io::Result<&InMemoryBackend> {
        if self.is_out.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is out"));
        }
        Ok(&self.memory)
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.memory()?.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.memory()?.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.memory()?.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.memory()?.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.memory()?.write(offset, data)
    }
}
