//! The stores keep every promise of the suite.

use super::suite::every_suite;

every_suite!("needs MongoDB");
