//! What dormouse costs, beside tokio (current thread), smol (`LocalExecutor`) and a hand-written
//! mio loop.
//!
//! `cargo bench -p dormouse-bench` measures all, in about six minutes. Words after `--` choose:
//! `-- yield`, `-- echo`, `-- fired c=64`; `--quick` takes fewer rounds and less time for each.
//!
//! The machine's mood changes from second to second, so nobody is measured alone: the runtimes
//! take turns, each round begins with another one, and the tables give the median of the rounds
//! with their least and greatest. A difference smaller than that spread is none.
//!
//! | file | what it holds |
//! |---|---|
//! | `options.rs` | what the command line asks for |
//! | `machine.rs` | the machine: clocks, CPUs, and what a table must say about it |
//! | `rounds.rs` | taking turns, and what is left of the rounds |
//! | `peer.rs` | the three runtimes behind one trait |
//! | `table.rs` | a table with a column for each runtime |
//! | `servers/` | the echo servers, each a function of a listener |
//! | `child.rs` | a server as a process of its own, and what it costs |
//! | `firehose.rs` | a client that sends all it can |
//! | `heap.rs` | what is alive on the heap, by size |
//! | `load.rs` | the client of all of them |
//! | `benches/runtime.rs` | spawn, yield, wake: in this process |
//! | `benches/timers.rs` | timers, cancelled and fired |
//! | `benches/echo.rs` | CPU time and system calls of the servers |
//! | `benches/fairness.rs` | how long quiet connections wait beside a firehose |
//! | `benches/memory.rs` | what an idle connection keeps of the heap |
//! | `benches/resident.rs` | … and what it takes of the machine's memory |
//! | `benches/shards.rs` | two cores: two shards, and tokio's two workers |
//! | `benches/record.rs` | what a recording adds to each call of a server |

// A library only to be shared by two programs, which end where a measurement can't be made.
#![allow(clippy::missing_errors_doc, clippy::missing_panics_doc)]

pub mod child;
pub mod firehose;
pub mod heap;
pub mod load;
pub mod machine;
pub mod options;
pub mod peer;
pub mod rounds;
pub mod servers;
pub mod table;
