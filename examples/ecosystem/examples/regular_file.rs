//! # Why a regular file has no readiness
//!
//! Problem: a read of a file may wait for a disk, but `epoll_ctl(2)` refuses the file: EPERM.
//! Idea: readiness means that the next read will not wait. Of a socket the kernel knows that, as
//! bytes come by themselves; a file's bytes come only when somebody reads them. So who would say
//! 'ready' could only say it always, and the read would wait all the same. Either a thread waits
//! instead (`blocking`, as here), or the kernel is given the read itself, and says when it is
//! done: that is a completion, and `io_uring(7)` does so with files as with sockets.
//! Leaves out: the ring. Handing it memory needs `unsafe`: see `servers/models/uring/ring.rs`.
//! Read before: `inotify.rs`.
//! Try: `cargo run -p dormouse-ecosystem --example regular_file`
//!
//! You should see: `a pipe: can be waited for`, `a file: …`, and what a thread has read.

#[cfg(unix)]
fn main() -> dormouse_ecosystem::Outcome {
    dormouse::block_on(on_unix::try_both())
}

#[cfg(not(unix))]
fn main() {
    println!("here completions come first: mio makes readiness of them, for sockets only");
}

#[cfg(unix)]
mod on_unix {
    use std::fs::File;
    use std::os::fd::OwnedFd;

    use blocking::Unblock;
    use dormouse::Async;
    use dormouse_ecosystem::Outcome;
    use dormouse_ecosystem::descriptor::Descriptor;
    use futures::io::AsyncReadExt;
    use mio::Interest;

    pub(crate) async fn try_both() -> Outcome {
        let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))?;
        let (reader, _writer) = std::io::pipe()?;
        println!("a pipe: {}", can_be_waited_for(reader.into()));
        println!("a file: {}", can_be_waited_for(file.try_clone()?.into()));
        let mut text = String::new();
        Unblock::new(file).read_to_string(&mut text).await?;
        println!("{} lines, read on a thread that may wait", text.lines().count());
        Ok(())
    }

    fn can_be_waited_for(descriptor: OwnedFd) -> String {
        match Async::new(Descriptor(descriptor), Interest::READABLE) {
            Ok(_) => "can be waited for".to_owned(),
            Err(error) => format!("{:?}, {error}", error.kind()),
        }
    }
}
