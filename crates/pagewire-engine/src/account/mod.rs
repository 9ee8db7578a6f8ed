//! Who may do what: keys, plans, limits and credits of workspaces.
//!
//! A key is looked up once and then known by its hash; changes that any process makes to keys are noticed within two
//! seconds by the store's epoch, and whoever streams with a key that was revoked is cut off then.

mod authenticate;
pub mod credits;
pub mod keys;
pub mod limits;
pub mod plan;
mod workspace;

pub use authenticate::{Accounts, AuthError, Caller, NewKey, NewKeyError};
pub use credits::CreditAccount;
pub use keys::{MintedKey, PresentedKey};
pub use limits::{ConnectionPermit, Connections, RateState, RequestRate};
pub use plan::{CreditAllowance, Plan, PlanTable};
pub use workspace::WorkspaceAccount;
