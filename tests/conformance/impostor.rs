//! Servers that are not what they seem: this very program, started again as one.
//!
//! Those that are broken on purpose show that the suite can fail. One is sound, so that they fail
//! for their fault and not for being impostors. Others are the real server, in a process that no
//! option of the command line makes.

use std::env;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, exit};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use dormouse_study::counters::Counters;
use dormouse_study::models::{Model, shards};
use dormouse_study::options::Options;
use dormouse_study::stop::Stop;
use dormouse_study::{cli, listen};
use nix::sys::signal::{SigHandler, Signal, signal};
use socket2::SockRef;

use crate::support::{OPTIONS, ROLE, Server};

/// What is wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Nothing,
    DropsTheLastByte,
    NeverCloses,
    Spins,
    /// Says the end to who has ended, and keeps the descriptor.
    Keeps,
}

impl Fault {
    const ALL: [Fault; 5] =
        [Fault::Nothing, Fault::DropsTheLastByte, Fault::NeverCloses, Fault::Spins, Fault::Keeps];

    /// As a test's model.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fault::Nothing => "impostor:sound",
            Fault::DropsTheLastByte => "impostor:drops-the-last-byte",
            Fault::NeverCloses => "impostor:never-closes",
            Fault::Spins => "impostor:spins",
            Fault::Keeps => "impostor:keeps",
        }
    }
}

const SIGPIPE: &str = "sigpipe";
const HANDLER: &str = "handler";
const SMALL: &str = "small";

/// The real server, in a process in which SIGPIPE is deadly.
pub(crate) fn with_sigpipe(model: &str) -> Command {
    real(SIGPIPE, model)
}

/// The real server, in a process that has a handler for SIGUSR2: so it interrupts calls.
pub(crate) fn with_a_handler(model: &str) -> Command {
    real(HANDLER, model)
}

/// The real server, with sockets that have room for some 4 KiB of an answer: the kernel takes a
/// part of a longer one. It counts nothing.
pub(crate) fn with_small_send_buffers(model: &str, buffer: usize) -> Command {
    let mut command = real(SMALL, model);
    command.args(["--buffer", &buffer.to_string()]);
    command
}

fn real(role: &str, model: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(ROLE, role);
    Server::told_to_serve(&mut command, model);
    command
}

/// Plays the role that this process was started for, if there is one; then it does not return.
pub(crate) fn play() {
    let Ok(role) = env::var(ROLE) else { return };
    match role.as_str() {
        SIGPIPE => serve_with_sigpipe(),
        HANDLER => serve_with_a_handler(),
        SMALL => serve_with_small_send_buffers(),
        _ => {}
    }
    let fault = Fault::ALL.into_iter().find(|fault| fault.name() == role);
    serve(fault.unwrap_or_else(|| panic!("no such role: {role}")));
}

#[allow(unsafe_code, reason = "a signal's disposition can't be set otherwise")]
fn serve_with_sigpipe() -> ! {
    // SAFETY: the default disposition runs no code of this process, and no other thread exists.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.unwrap();
    serve_for_real()
}

fn serve_with_a_handler() -> ! {
    signal_hook::flag::register(Signal::SIGUSR2 as i32, Arc::default()).unwrap();
    serve_for_real()
}

fn serve_for_real() -> ! {
    let done = cli::parse(env::args_os()).unwrap().run();
    exit(i32::from(done.is_err()))
}

fn serve_with_small_send_buffers() -> ! {
    let words: Vec<String> = env::args().collect();
    let has = |word: &str| words.iter().any(|other| other == word);
    let behind = |word: &str| words.iter().skip_while(|other| *other != word).nth(1);
    let buffer = behind("--buffer").map_or(OPTIONS.buffer, |bytes| bytes.parse().unwrap());
    let options = Options { buffer, ..OPTIONS };
    let shards = if has("--shards") { 2 } else { 1 };
    let listeners = if has("--hand-over") { 1 } else { shards };
    let mut listeners = listen::bind_shared(([127, 0, 0, 1], 0).into(), listeners).unwrap();
    for listener in &listeners {
        // Connections inherit it.
        SockRef::from(listener).set_send_buffer_size(4096).unwrap();
    }
    println!("listening on {}", listeners[0].local_addr().unwrap());
    let counters = Arc::new(Counters::new("small", false));
    let stop = Stop::default();
    let done = if has("--hand-over") {
        shards::hand_over(listeners.remove(0), shards, &options, &counters, &stop)
    } else if shards > 1 {
        shards::serve(listeners, &options, &counters, &stop)
    } else {
        let model = Model::from_str(&words[2], false).unwrap();
        model.serve(listeners.remove(0), &options, &counters, &stop)
    };
    panic!("it ended: {done:?}")
}

fn serve(fault: Fault) -> ! {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("listening on {}", listener.local_addr().unwrap());
    if fault == Fault::Spins {
        thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
    }
    loop {
        let (stream, _) = listener.accept().unwrap();
        thread::spawn(move || answer(stream, fault).ok());
    }
}

fn answer(mut stream: TcpStream, fault: Fault) -> io::Result<()> {
    let mut buffer = [0; 4096];
    // The last byte that came is held back until another comes, or the end.
    let mut held = Vec::new();
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        buffer.make_ascii_uppercase();
        held.extend_from_slice(&buffer[..n]);
        let kept = usize::from(fault == Fault::DropsTheLastByte);
        let rest = held.split_off(held.len() - kept);
        stream.write_all(&held)?;
        held = rest;
    }
    if fault == Fault::Keeps {
        stream.shutdown(Shutdown::Both)?;
    }
    if matches!(fault, Fault::NeverCloses | Fault::Keeps) {
        thread::sleep(Duration::MAX);
    }
    Ok(())
}
