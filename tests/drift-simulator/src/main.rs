//! The simulator as a program: a make-believe Drift on a loopback port, for demos and for tests in other processes.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use drift_simulator::api::{Generation, RateLimit, RetryHeader};
use drift_simulator::world::DEFAULT_NOW_MS;
use drift_simulator::{Behaviour, Clock, FaultScript, Simulator, WorldConfig};
use tokio::signal::unix::{SignalKind, signal};

/// Serves a make-believe Drift account on 127.0.0.1 until it is told to stop.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Write the bound address into this file once listening.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
    /// Conversations of the account at the start.
    #[arg(long, default_value_t = 2_000)]
    conversations: u32,
    /// Months over which they were begun.
    #[arg(long, default_value_t = 36)]
    months: u32,
    /// Mean number of messages of an ordinary conversation.
    #[arg(long, default_value_t = 6)]
    mean_messages: u32,
    /// Seed of everything.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The account's time at the start, in epoch milliseconds.
    #[arg(long, default_value_t = DEFAULT_NOW_MS)]
    now: i64,
    /// Let the account's time run on; without this only mutations move it.
    #[arg(long)]
    running_clock: bool,
    /// The organization.
    #[arg(long, default_value_t = 48_213)]
    org_id: i64,
    /// Allowed requests per second; no limit without this.
    #[arg(long)]
    rate: Option<f64>,
    /// Requests that may come at once under the limit.
    #[arg(long, default_value_t = 10.0)]
    burst: f64,
    /// Send Retry-After in seconds with a 429; the real API is not known to.
    #[arg(long)]
    retry_after: bool,
    /// Milliseconds to each answer.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// At most so many milliseconds more.
    #[arg(long, default_value_t = 0)]
    jitter_ms: u64,
    /// The token that callers must send.
    #[arg(long, default_value = "sim-token")]
    token: String,
    /// The form of the conversation list.
    #[arg(long, value_enum, default_value = "auto")]
    generation: GenerationName,
    /// Scheme and host of links; the real API names one that differs from its base URL.
    #[arg(long, default_value = "https://api.drift.com")]
    link_host: String,
    /// Conversations touched between two pages of the list.
    #[arg(long, default_value_t = 0)]
    bumps_between_pages: u32,
    /// A fault script, for example "messages every=50 503-html; any nth=100 reset-in-body".
    #[arg(long, default_value = "")]
    faults: FaultScript,
    /// Start the random fault script of this seed, and print it.
    #[arg(long, conflicts_with = "faults")]
    random_faults: Option<u64>,
    /// Keep the requests, for `GET /_sim/requests`.
    #[arg(long)]
    record_requests: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum GenerationName {
    Auto,
    Old,
    New,
}

impl From<GenerationName> for Generation {
    fn from(name: GenerationName) -> Self {
        match name {
            GenerationName::Auto => Self::Auto,
            GenerationName::Old => Self::Old,
            GenerationName::New => Self::New,
        }
    }
}

impl Arguments {
    fn world(&self) -> WorldConfig {
        WorldConfig {
            months: self.months,
            now_ms: self.now,
            mean_messages: self.mean_messages,
            org_id: self.org_id,
            ..WorldConfig::new(self.seed, self.conversations)
        }
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour {
            generation: self.generation.into(),
            link_host: self.link_host.clone(),
            bumps_between_pages: self.bumps_between_pages,
            token: self.token.clone(),
            rate_limit: self.rate.map(|per_second| RateLimit { per_second, burst: self.burst }),
            retry_header: if self.retry_after { RetryHeader::Seconds } else { RetryHeader::None },
            latency: Duration::from_millis(self.latency_ms),
            jitter: Duration::from_millis(self.jitter_ms),
            record_requests: self.record_requests,
            ..Behaviour::default()
        }
    }

    fn clock(&self) -> Clock {
        if self.running_clock { Clock::wall().moving_the_date() } else { Clock::wall() }
    }

    fn script(&self) -> FaultScript {
        self.random_faults.map_or_else(|| self.faults.clone(), FaultScript::random)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let simulator = Simulator::with_behaviour(arguments.world(), arguments.behaviour());
    simulator.set_clock(arguments.clock());
    simulator.set_faults(arguments.script());
    let (mut terminated, mut interrupted) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let server = simulator.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port))).await?;
    if let Some(file) = &arguments.port_file {
        write_port_file(file, &server.addr.to_string())?;
    }
    println!("simulated Drift of {} conversations at {}", arguments.conversations, server.url());
    if arguments.random_faults.is_some() {
        println!("faults: {}", arguments.script());
    }
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    server.shutdown().await;
    Ok(())
}

/// In one step, so that whoever waits for the file never reads half of it.
fn write_port_file(file: &std::path::Path, addr: &str) -> std::io::Result<()> {
    let draft = file.with_extension("draft");
    std::fs::write(&draft, addr)?;
    std::fs::rename(draft, file)
}
