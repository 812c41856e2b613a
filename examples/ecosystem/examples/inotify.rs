//! # Changes of a folder: inotify through Async
//!
//! Problem: whether a file has changed can be asked again and again, which is how to spin.
//! Idea: the kernel tells, through a descriptor. It is a source like any other.
//! Leaves out: systems without `inotify(7)`: it is Linux's.
//! Read before: `timerfd.rs`. Read next: `regular_file.rs`.
//! Try: `cargo run -p dormouse-ecosystem --example inotify -- FOLDER`, and write files there; it
//! ends when one is called `end`, or after a minute.
//!
//! You should see: `written: one`, `two`, `end`; without FOLDER it makes a folder and writes them.

#[cfg(target_os = "linux")]
fn main() -> dormouse_ecosystem::Outcome {
    on_linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("inotify is Linux's; kqueue has EVFILT_VNODE, which mio does not show");
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::mem::MaybeUninit;
    use std::path::Path;
    use std::time::Duration;
    use std::{env, fs, io, process, thread};

    use dormouse::Async;
    use dormouse::time::timeout;
    use dormouse_ecosystem::Outcome;
    use dormouse_ecosystem::descriptor::Descriptor;
    use mio::Interest;
    use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

    pub(crate) fn main() -> Outcome {
        if let Some(folder) = env::args().nth(1) {
            return dormouse::block_on(watch(folder.as_ref(), || ()));
        }
        let folder = env::temp_dir().join(format!("dormouse-inotify-{}", process::id()));
        fs::create_dir(&folder)?;
        let write = |name: &str| fs::write(folder.join(name), name);
        let outcome = thread::scope(|scope| {
            let write_all = || {
                if let Err(error) = ["one", "two", "end"].into_iter().try_for_each(write) {
                    eprintln!("{}: {error}", folder.display());
                }
            };
            dormouse::block_on(watch(&folder, || drop(scope.spawn(write_all))))
        });
        fs::remove_dir_all(&folder)?;
        outcome
    }

    /// Prints the name of each file that was written, until one is called `end`. What `begun` does
    /// is seen.
    async fn watch(folder: &Path, begun: impl FnOnce()) -> Outcome {
        let inotify = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let watched = add_watch(&inotify, folder, WatchFlags::CLOSE_WRITE);
        watched.map_err(|error| format!("{}: {error}", folder.display()))?;
        println!("watching {}", folder.display());
        let mut inotify = Async::new(Descriptor(inotify), Interest::READABLE)?;
        begun();
        // 'Not yet' waits for more, so it ends where the printing does.
        Ok(timeout(Duration::from_secs(60), inotify.read_with(print_names)).await??)
    }

    /// Prints what is there, up to the `end`; 'not yet' where that has not come.
    fn print_names(inotify: &Descriptor) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(inotify, &mut buffer);
        loop {
            let event = events.next()?;
            let name = event.file_name().map_or(String::new(), |n| n.to_string_lossy().into());
            println!("written: {name}");
            if name == "end" {
                return Ok(());
            }
        }
    }
}
