//! A report as JSON and as tables.
