//! Messages to the user: errors, and announcements for screen readers.

use leptos::prelude::*;

use super::App;

impl App {
    /// Shows an error message.
    pub fn fail(self, message: impl Into<String>) {
        let message = message.into();
        self.errors.update(|errors| {
            if errors.last() != Some(&message) {
                errors.push(message);
            }
            if errors.len() > 20 {
                errors.remove(0);
            }
        });
    }

    /// Announces a text to screen readers.
    pub fn say(self, text: impl Into<String>) {
        self.announcement.set(text.into());
    }
}
