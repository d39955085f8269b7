//! A handle onto the table of a store with one defect.

use std::sync::{Arc, Mutex, MutexGuard};

use auth_core::StoreError;

/// A table without a unique index. What keeps the promises of a store on it are the checks of that store, all but one.
pub(crate) struct Handle<D, T, C> {
    pub(crate) defect: D,
    /// `None` if it is out of reach.
    shared: Option<Arc<Mutex<T>>>,
    /// What this handle remembers, if it does.
    cache: Mutex<C>,
}

impl<D: Copy + PartialEq, T: Default, C: Default> Handle<D, T, C> {
    pub(crate) fn new(defect: D) -> Self {
        Self::on(defect, Some(Arc::default()))
    }

    pub(crate) fn out_of_reach(defect: D) -> Self {
        Self::on(defect, None)
    }

    /// Another handle onto the same table.
    pub(crate) fn another(&self) -> Self {
        Self::on(self.defect, self.shared.clone())
    }

    fn on(defect: D, shared: Option<Arc<Mutex<T>>>) -> Self {
        Self {
            defect,
            shared,
            cache: Mutex::default(),
        }
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, T> {
        let table = self.shared.as_ref().expect("a table");
        table.lock().expect("no panic under the lock")
    }

    pub(crate) fn cache(&self) -> MutexGuard<'_, C> {
        self.cache.lock().expect("no panic under the lock")
    }

    /// A process that caches does know what it writes itself.
    pub(crate) fn forget(&self) {
        *self.cache() = C::default();
    }

    pub(crate) fn has(&self, defect: D) -> bool {
        self.defect == defect
    }

    /// The outcome of a call that reaches nothing: `wrong` if the store has that `defect`.
    pub(crate) fn reach<R>(&self, defect: D, wrong: R) -> Result<Option<R>, StoreError> {
        match &self.shared {
            Some(_) => Ok(None),
            None if self.has(defect) => Ok(Some(wrong)),
            None => Err(StoreError::unreachable("wrong", "out of reach")),
        }
    }
}
