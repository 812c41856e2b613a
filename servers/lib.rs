//! The same echo server once per I/O model, and the tools that drive, measure and compare them.
