//! Runs, scheduling, accounts: what the edge holds a handle of.
