//! The only code that opens a socket to a target: guard, DNS, client, body caps, robots.
