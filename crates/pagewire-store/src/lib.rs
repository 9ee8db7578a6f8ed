//! State that is not a journal: workspaces, keys, runs, credits; SQLite behind small traits.
