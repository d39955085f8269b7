use std::fmt;

use super::{Label, Metric, recorder};

/// A counter with fixed values of its labels, for what happens with each request. It is looked up once, so install the recorder
/// before you make it.
#[derive(Clone)]
pub struct Tally(recorder::Counter);

impl Metric {
    /// This counter, with these values of its labels.
    #[must_use]
    pub fn tally<const N: usize>(&self, values: [Label<'_>; N]) -> Tally {
        Tally(recorder::counter(self, &values))
    }
}

impl Tally {
    /// Adds one.
    pub fn add(&self) {
        recorder::add(&self.0);
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tally")
    }
}
