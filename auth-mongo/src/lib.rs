//! Stores on MongoDB.
