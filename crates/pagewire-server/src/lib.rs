//! The HTTP edge: router, auth, limits, problems, and the one writer of event streams.
