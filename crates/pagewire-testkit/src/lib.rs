//! For tests only: origin site, SSE checker, the binary, crash driver.
