//! # Signals as a stream
//!
//! Problem: a signal interrupts whatever runs, and almost nothing may be done there.
//! Idea: `signal-hook` does one thing there: it writes a byte into a socket. The other end is a
//! source like any other, and its bytes are a stream.
//! Leaves out: how many came. When the socket is full (some hundred wait), more add nothing.
//! Read before: `channels.rs`. Read next: `child.rs`.
//! Try: `cargo run -p dormouse-ecosystem --example signals`; with `-- --serve` it says its number,
//! and has a minute for your `kill -USR1` and `kill -TERM`.
//!
//! You should see: `SIGUSR1` three times, then `SIGTERM`.

#[cfg(unix)]
fn main() -> dormouse_ecosystem::Outcome {
    let a_minute = std::time::Duration::from_secs(60);
    dormouse::block_on(dormouse::time::timeout(a_minute, on_unix::print_signals()))?
}

#[cfg(not(unix))]
fn main() {
    println!("this system has no signals of that kind");
}

#[cfg(unix)]
mod on_unix {
    use std::io;
    use std::os::unix::net::UnixStream as StdStream;

    use dormouse::net::UnixStream;
    use dormouse_ecosystem::Outcome;
    use futures_lite::{AsyncReadExt, Stream, StreamExt, stream};
    use signal_hook::consts::{SIGTERM, SIGUSR1};
    use signal_hook::low_level::{pipe, raise, signal_name};

    pub(crate) async fn print_signals() -> Outcome {
        // Both are caught from here on: before anybody is told where to send them.
        let mut signals = stream::or(signals(SIGUSR1)?, signals(SIGTERM)?);
        if std::env::args().any(|arg| arg == "--serve") {
            println!("process {}", std::process::id());
        } else {
            [SIGUSR1, SIGUSR1, SIGUSR1, SIGTERM].into_iter().try_for_each(raise)?;
        }
        while let Some(signal) = signals.try_next().await? {
            println!("{}", signal_name(signal).unwrap_or("a signal without a name"));
            if signal == SIGTERM {
                break;
            }
        }
        Ok(())
    }

    /// An item each time that `signal` comes.
    fn signals(signal: i32) -> io::Result<impl Stream<Item = io::Result<i32>> + Unpin> {
        let (reader, writer) = StdStream::pair()?;
        pipe::register(signal, writer)?;
        Ok(UnixStream::from_std(reader)?.bytes().map(move |byte| byte.map(|_| signal)))
    }
}
