//! A make-believe Drift API.
