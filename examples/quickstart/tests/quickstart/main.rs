//! The example as a newcomer meets it: its code in the README, its service over HTTP, its docs in a browser.

mod browser;
mod chromium;
mod cookies;
mod docs_page;
mod journey;
mod mounted;
mod readme;
mod running;
