//! What `verify` can be told.

use clap::Args as Group;

use super::Shape;

/// The options of `verify`.
#[derive(Debug, Group)]
pub struct VerifyOptions {
    /// Compare sizes and footers only; rows are not read. Seconds instead of minutes for large lakes.
    #[arg(long)]
    pub quick: bool,

    /// Also ask Drift about a sample of the stored conversations and their messages, and about the head of
    /// its list, and compare. Needs the token; two calls or more for each conversation of the sample.
    #[arg(long)]
    pub against_api: bool,

    /// How many conversations --against-api asks about, chosen by chance. Default: 100.
    #[arg(long, value_name = "N", requires = "against_api")]
    pub sample: Option<usize>,

    /// The most requests a second. Default: none; the rate is found by itself and gives way to Drift's limit.
    #[arg(long, value_name = "REQUESTS/S", requires = "against_api")]
    pub max_rate: Option<f64>,

    /// Where Drift answers. Default: <https://driftapi.com>.
    #[arg(long, value_name = "URL", env = "DRIFT_API_URL", hide_env_values = true)]
    pub api_url: Option<String>,

    /// How the result is written.
    #[command(flatten)]
    pub shape: Shape,
}
