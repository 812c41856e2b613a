//! Names in the prose that nothing in this repository declares, and whose they are.

/// `Type::name`, or all of a type or crate.
pub(crate) const MEMBERS: &[(&str, &str)] = &[
    ("Box::pin", "std's"),
    ("Future::poll", "std's"),
    ("MissedTickBehavior::Skip", "tokio's"),
    ("Runtime::enter", "tokio's"),
    ("TcpStream::set_nonblocking", "std's"),
    ("Waker::data", "std's"),
    ("Waker::will_wake", "std's"),
    ("io::ErrorKind", "std's"),
    ("tokio::time", "the crate's"),
];

/// Single words that look like names of ours.
pub(crate) const WORDS: &[(&str, &str)] = &[
    ("AsyncFd", "tokio's"),
    ("BorrowMutError", "std's"),
    ("FuturesUnordered", "of the crate futures"),
    ("LocalSet", "tokio's"),
    ("TokioExecutor", "of the crate hyper-util"),
    ("current_thread", "a flavour of tokio's"),
    ("io_uring_setup", "a system call"),
    ("ip_local_port_range", "a setting of Linux"),
    ("process_clock", "a word of the study's JSON, made of the name of a variant"),
    ("recvmsg", "of the crate rustix"),
    ("ssi_band", "a field of signalfd(2)"),
    ("ssi_fd", "a field of signalfd(2)"),
    ("ssi_signo", "a field of signalfd(2)"),
    ("yield_if_needed", "glommio's"),
];

/// Paths that are none of this repository's files.
pub(crate) const PATHS: &[(&str, &str)] = &[
    ("asm-generic/fcntl.h", "a header of Linux"),
    ("dormouse-audit/1", "the name of a schema"),
    ("dormouse-load/1", "the name of a schema"),
    ("dormouse-recording/1", "the name of a schema"),
    ("dormouse-scene/1", "the name of a schema"),
    ("dormouse-study/2", "the name of a schema"),
    ("mgattozzi/whorl", "a repository"),
    ("runtime/scheduler/multi_thread", "a folder of tokio's"),
    ("runtime/time/wheel", "a folder of tokio's"),
    ("target/release/dormouse", "is built"),
];
