//! Everything that is drawn or said of a [`report::Report`], as plain data.
//!
//! - [`timeline`]
//!   with its data inside, the same numbers as a [`Table`], and a summary for screen readers.
//! - [`tables`] makes every other number of the report a [`NamedTable`].
//! - [`verdict`] says in careful sentences what the numbers carry, and what they do not.
//!
//! Nothing here knows a browser, so everything can be tested natively. What a user named (domains, titles) only
//! ever becomes a value in a specification; the fields that the specification refers to have fixed names.

mod axis;
mod chart;
mod figure;
mod lines;
pub mod number;
pub mod onset;
pub mod palette;
mod series;
mod table;
mod theme;
mod timeline;

pub use axis::Axis;
pub use figure::{ChartOptions, Figure};
pub use table::{Cell, Column, NamedTable, Table};
pub use theme::Theme;
pub use timeline::{TimelineOptions, timeline};
