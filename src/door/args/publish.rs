//! What `publish` can be told.

use clap::Args as Group;

use super::Shape;

/// The options of `publish`.
#[derive(Debug, Group)]
pub struct PublishOptions {
    /// Where the Delta tables lie: a directory, or an address such as the lake's own, outside of every lake. Each
    /// table is a folder in there. Default: `publish-delta` of the file.
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,

    /// How long files that were replaced are kept, for readers that are still at them and for time travel.
    /// Default: 7d. `0s` deletes them at once, and the log of earlier versions too: after `forget`.
    #[arg(long, value_name = "DURATION")]
    pub retain: Option<String>,

    /// Publish although the last run left rows pending or set aside.
    #[arg(long)]
    pub allow_incomplete: bool,

    /// How it is told.
    #[command(flatten)]
    pub shape: Shape,
}
