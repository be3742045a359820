//! The real command over a real line: TLS with certificates good and bad, HTTP/2 and HTTP/1.1, and proxies.

mod certificates;
mod proxied;
mod proxy;
mod server;
mod tls;
mod versions;

use std::path::Path;

use assert_cmd::Command;
use drift_simulator::{Behaviour, Simulator, WorldConfig};
use tempfile::TempDir;

use certificates::Authority;

use crate::lake::Lake;

/// What must never be seen on the way.
const TOKEN: &str = "tok-CANARY-SECRET";

/// A small account that knows this token.
fn drift(conversations: u32) -> Simulator {
    let world = WorldConfig { conversations, ..WorldConfig::small(1) };
    Simulator::with_behaviour(world, Behaviour { token: TOKEN.to_owned(), ..Behaviour::default() })
}

/// Where a run lives: its lake, and the root certificates that it trusts.
struct Place {
    lake: Lake,
    folder: TempDir,
    authority: Authority,
}

/// How a run ended.
struct Said {
    code: i32,
    stderr: String,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            lake: Lake::in_directory(),
            folder: tempfile::tempdir().unwrap(),
            authority: Authority::new(),
        };
        std::fs::write(place.roots(), place.authority.pem()).unwrap();
        place
    }

    fn roots(&self) -> std::path::PathBuf {
        self.folder.path().join("roots.pem")
    }

    /// One `sync` of all tables, with nothing in its environment but this.
    async fn sync(&self, url: &str, environment: &[(&str, &str)]) -> Said {
        self.sync_with(url, &self.roots(), environment, &[]).await
    }

    async fn sync_with(&self, url: &str, roots: &Path, environment: &[(&str, &str)], more: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drift2parquet"));
        command.current_dir(self.folder.path()).env_clear().env("DRIFT_TOKEN", TOKEN);
        command.env("SSL_CERT_FILE", roots).envs(environment.iter().copied());
        command.arg("sync").arg("--lake").arg(self.lake.path()).args(["--api-url", url]).args(more);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains(TOKEN), "the token was printed: {stderr}");
        Said { code: output.status.code().unwrap(), stderr }
    }
}

impl Said {
    fn is_done(&self) {
        assert_eq!(self.code, 0, "{}", self.stderr);
    }

    /// Ended with this code, one line of what was found, and one of what to do.
    fn fails(&self, code: i32, found: &str, hint: &str) {
        assert_eq!(self.code, code, "{}", self.stderr);
        assert!(self.stderr.contains(found), "`{found}` is not in: {}", self.stderr);
        let advice = self.stderr.split("hint: ").nth(1).expect("there is a hint");
        assert!(advice.contains(hint), "`{hint}` is not in: {advice}");
    }
}
