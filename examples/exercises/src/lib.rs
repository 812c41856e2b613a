//! **Exercises**: faults that real projects had, each in its smallest honest form, to be found and
//! mended.
//!
//! Every file here compiles, reads well, and is wrong in one place. A test knows, and says by which
//! number. How to go about it:
//!
//! 1. Read a file of `src/`, from its header on: what it is for, and where its fault happened.
//! 2. See it red: `cargo test -p dormouse-exercises --test exercises NAME`, with a name of the
//!    table. The test itself is `examples/exercises/tests/checks/`.
//! 3. Mend the file, and run the same command until it is green. Names and signatures stay as they
//!    are. Many a half mend stays red, with another number.
//! 4. Compare with the file of the same name in `src/mended/`: what was wrong, why that is enough,
//!    and which function of dormouse does it so.
//! 5. `git checkout examples/exercises` makes all of them faulty again.
//!
//! Without a name the command runs all of them. They stand in the order in which dormouse's source
//! is read; the first is the easiest.
//!
//! | | `NAME` | what goes wrong | happened in |
//! |---|---|---|---|
//! | 01 | `block_on` | a thread that waits for one future burns a core | `mgattozzi/whorl` |
//! | 02 | `lost_wake` | a future is woken, and never polled again | `bertptrs/beul#1` |
//! | 03 | `newer_waker` | the event comes, and wakes who had asked first | `Matthias247/futures-intrusive#18` |
//! | 04 | `newest_first` | one task has the thread, the others starve | `tokio-rs/tokio#2349` |
//! | 05 | `borrow` | a change is told to one waiter, then it panics | `tokio-rs/tokio#1929` |
//! | 06 | `token` | a new socket gets an old one's event | `redis/redis#333` |
//! | 07 | `edge` | bytes lie in the socket, and the loop sleeps | `tokio-rs/mio#1076` |
//! | 08 | `halves` | of two tasks at one connection, one hangs | `nervosnetwork/tentacle#262` |
//! | 09 | `deadline` | the last bit before a deadline burns a core | `smol-rs/smol#109` |
//! | 10 | `partial_write` | bytes are lost, in silence | `microsoft/WSL#40032` |
//! | 11 | `interest` | after one large answer, a core burns for good | `twitter/pelikan#116` |
//! | 12 | `descriptors` | at the limit of descriptors a core burns | `nanomsg/nanomsg#152` |
//!
//! The last three need a Unix system. `cargo test -p dormouse-exercises` is green as long as nothing
//! is mended: it asserts that each exercise is red as it is shipped, and that its mended form is not.
#![forbid(unsafe_code)]
#![allow(clippy::missing_errors_doc, reason = "the errors are the kernel's own; a page is short")]

#[path = "01_block_on.rs"]
pub mod block_on;
#[path = "02_lost_wake.rs"]
pub mod lost_wake;
#[path = "03_newer_waker.rs"]
pub mod newer_waker;
#[path = "04_newest_first.rs"]
pub mod newest_first;
#[path = "05_borrow.rs"]
pub mod borrow;
#[path = "06_token.rs"]
pub mod token;
#[path = "07_edge.rs"]
pub mod edge;
#[path = "08_halves.rs"]
pub mod halves;
#[path = "09_deadline.rs"]
pub mod deadline;
#[cfg(unix)]
#[path = "10_partial_write.rs"]
pub mod partial_write;
#[cfg(unix)]
#[path = "11_interest.rs"]
pub mod interest;
#[cfg(unix)]
#[path = "12_descriptors.rs"]
pub mod descriptors;

pub mod mended;
