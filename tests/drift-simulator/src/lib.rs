//! A make-believe Drift API.
//!
//! [`Simulator`] answers requests in process, as values; [`Server`] puts one on a loopback socket. Behind it stands a
//! [`world::World`] of any size that follows from a seed and can change while it is read; [`api::Behaviour`] holds every
//! switch, [`faults`] everything that can go wrong, and [`truth`] what a perfect reader would have got.
//!
//! It is written from what is known of the real API and knows nothing of the exporter, so that the two cannot err alike.
//!
//! ```
//! use drift_simulator::{ApiRequest, Simulator, WorldConfig};
//!
//! let simulator = Simulator::new(WorldConfig::small(7));
//! let request = ApiRequest::get("/conversations/list?limit=10&page_token=").bearer("sim-token");
//! assert_eq!(simulator.handle(&request).status, 200);
//! ```

pub mod api;
mod chance;
pub mod clock;
pub mod faults;
mod json;
mod paths;
pub mod server;
mod table;
pub mod truth;
pub mod world;

pub use api::{ApiRequest, ApiResponse, Behaviour, EndpointKind, Simulator};
pub use clock::Clock;
pub use faults::{Fault, FaultScript, WireFault};
pub use server::Server;
pub use table::Table;
pub use world::{Mutation, MutationCounts, World, WorldConfig};
