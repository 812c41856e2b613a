//! # A child process through its pipes
//!
//! Problem: who writes all that a process is to read, before it reads what that writes, waits for
//! ever once both pipes are full.
//! Idea: a pipe is a source. `Async` makes of its ends something to read and write, in two tasks.
//! The end of the process is waited for on a thread of `blocking`.
//! Read before: `signals.rs`. Read next: `timerfd.rs`.
//! Try: `cargo run -p dormouse-ecosystem --example child`
//!
//! You should see: `1048576 bytes through tr, and all are right; exit status: 0`

#[cfg(unix)]
fn main() -> dormouse_ecosystem::Outcome {
    dormouse::block_on(on_unix::shout())
}

#[cfg(not(unix))]
fn main() {
    println!("here pipes are not what mio can register: use `blocking::Unblock` for them");
}

#[cfg(unix)]
mod on_unix {
    use std::io;
    use std::process::{ChildStdin, ChildStdout, Command, Stdio};

    use blocking::unblock;
    use dormouse::{Async, spawn};
    use dormouse_ecosystem::Outcome;
    use futures::io::{AsyncReadExt, AsyncWriteExt};
    use mio::Interest;
    use mio::unix::pipe::{Receiver, Sender};

    /// More than both pipes hold.
    const LENGTH: usize = 1 << 20;

    pub(crate) async fn shout() -> Outcome {
        let mut tr = Command::new("tr");
        tr.args(["a-z", "A-Z"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = tr.spawn().map_err(|error| format!("tr: {error}"))?;
        let mut stdin = writer(child.stdin.take().ok_or("it is piped")?)?;
        let mut stdout = reader(child.stdout.take().ok_or("it is piped")?)?;
        let text: Vec<u8> = (b'a'..=b'z').cycle().take(LENGTH).collect();
        let expected = text.to_ascii_uppercase();
        // Its end drops the pipe, and that tells the process that nothing more comes.
        let writing = spawn(async move { stdin.write_all(&text).await });
        let mut shouted = Vec::new();
        stdout.read_to_end(&mut shouted).await?;
        writing.await??;
        let status = unblock(move || child.wait()).await?;
        if shouted != expected {
            return Err("tr has written something else".into());
        }
        println!("{} bytes through tr, and all are right; {status}", shouted.len());
        Ok(())
    }

    fn writer(pipe: ChildStdin) -> io::Result<Async<Sender>> {
        let pipe = Sender::from(pipe);
        pipe.set_nonblocking(true)?;
        Async::new(pipe, Interest::WRITABLE)
    }

    fn reader(pipe: ChildStdout) -> io::Result<Async<Receiver>> {
        let pipe = Receiver::from(pipe);
        pipe.set_nonblocking(true)?;
        Async::new(pipe, Interest::READABLE)
    }
}
