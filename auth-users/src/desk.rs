//! Work that is done by a task on the runtime of whoever brings it.

use std::{future::Future, sync::Arc};

use tokio::runtime::Handle;

/// A queue, and the one task that works on it. The task runs on the runtime of the call that brought work while there was no
/// task. If that runtime ends, as with a worker of actix-web, the next call on another brings a new task.
pub(crate) trait Desk: Send + Sync + 'static {
    /// True if a task must be started, because there is work and no task. From then on there is one.
    fn hire(&self) -> bool;

    /// The task is gone before its work was done.
    fn dismiss(&self);

    /// Does the work until there is none. It notes in the same step, under the lock of the queue, that no task is left.
    fn work(self: Arc<Self>) -> impl Future<Output = ()> + Send;
}

/// Starts the task of `desk` if it is needed, provided that there is a runtime.
pub(crate) fn staff<D: Desk>(desk: &Arc<D>) {
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    if desk.hire() {
        runtime.spawn(OnDuty(Some(Arc::clone(desk))).run());
    }
}

/// Releases its place, even if its runtime is shut down.
struct OnDuty<D: Desk>(Option<Arc<D>>);

impl<D: Desk> OnDuty<D> {
    async fn run(mut self) {
        if let Some(desk) = &self.0 {
            Arc::clone(desk).work().await;
        }
        self.0 = None;
    }
}

impl<D: Desk> Drop for OnDuty<D> {
    fn drop(&mut self) {
        if let Some(desk) = self.0.take() {
            desk.dismiss();
        }
    }
}
