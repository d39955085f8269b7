use super::{Metric, recorder};

/// The part of one object in a gauge, which is the sum of all such objects. It goes with the object.
#[derive(Debug)]
pub struct Level {
    metric: &'static Metric,
    now: usize,
}

impl Level {
    /// None so far.
    #[must_use]
    pub const fn new(metric: &'static Metric) -> Self {
        Self { metric, now: 0 }
    }

    /// Now it is `level`.
    pub fn set(&mut self, level: usize) {
        if level != self.now {
            recorder::move_by(self.metric, level as f64 - self.now as f64);
            self.now = level;
        }
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        self.set(0);
    }
}
