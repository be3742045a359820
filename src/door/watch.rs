//! Watches a run: one calm line on a terminal, else a plain line at each change of phase and every half
//! minute. It only reads; the run never waits for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use drift2parquet::progress::Progress;
use drift2parquet::report::Traffic;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use super::args::LogFormat;
use super::meter::{Meter, Reading};
use super::talk::Talk;

/// Often enough to look alive, seldom enough to stay calm.
const TICK: Duration = Duration::from_millis(250);

/// How long plain lines are silent within a phase.
const SILENCE: Duration = Duration::from_secs(30);

/// Tells how many calls were made so far.
pub type ReadTraffic = Arc<dyn Fn() -> Traffic + Send + Sync>;

/// A watch that ends when it is dropped, leaving nothing on the screen.
#[derive(Debug)]
pub struct Watch {
    watching: JoinHandle<()>,
    bar: Option<ProgressBar>,
    talk: Talk,
}

impl Watch {
    /// Begins to watch.
    pub fn begin(talk: &Talk, progress: Arc<Progress>, traffic: ReadTraffic) -> Self {
        let bar = talk.is_watched().then(line);
        talk.share_with(bar.clone());
        let watching = tokio::spawn(watch(bar.clone(), progress, traffic, talk.voice.format));
        Self { watching, bar, talk: talk.clone() }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watching.abort();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.talk.share_with(None);
    }
}

fn line() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5)).with_style(style)
}

async fn watch(bar: Option<ProgressBar>, progress: Arc<Progress>, traffic: ReadTraffic, format: LogFormat) {
    let (began, mut meter, mut told) = (Instant::now(), Meter::default(), Duration::ZERO);
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        let at = began.elapsed();
        let reading = meter.read(at, progress.snapshot(), &traffic());
        if let Some(bar) = &bar {
            bar.set_message(reading.to_string());
            bar.tick();
        } else if reading.is_new_phase || at >= told + SILENCE {
            told = at;
            tell(&reading, format);
        }
    }
}

/// People read the sentence; programs want the numbers beside it.
fn tell(reading: &Reading, format: LogFormat) {
    if let LogFormat::Text = format {
        tracing::info!("{reading}");
        return;
    }
    tracing::info!(
        done = reading.now.done,
        total = reading.now.total,
        rows = reading.now.rows,
        bytes = reading.now.bytes,
        throttled = reading.throttled,
        "{reading}"
    );
}
