//! Servers that are not what they seem: this very program, started again as one.
//!
//! Those that are broken on purpose show that the suite can fail. One is sound, so that they fail
//! for their fault and not for being impostors.

use std::env;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, exit};
use std::thread;
use std::time::Duration;

use dormouse_study::cli;
use nix::sys::signal::{SigHandler, Signal, signal};

use crate::support::ROLE;

/// What is wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Nothing,
    DropsTheLastByte,
    NeverCloses,
    Spins,
}

impl Fault {
    const ALL: [Fault; 4] =
        [Fault::Nothing, Fault::DropsTheLastByte, Fault::NeverCloses, Fault::Spins];

    /// As a test's model.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fault::Nothing => "impostor:sound",
            Fault::DropsTheLastByte => "impostor:drops-the-last-byte",
            Fault::NeverCloses => "impostor:never-closes",
            Fault::Spins => "impostor:spins",
        }
    }
}

const SIGPIPE: &str = "sigpipe";

/// The real server, in a process in which SIGPIPE is deadly.
pub(crate) fn with_sigpipe(model: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(ROLE, SIGPIPE);
    command.arg("serve").args(model.split(' ')).args(["--addr", "127.0.0.1:0", "--stats"]);
    command
}

/// Plays the role that this process was started for, if there is one; then it does not return.
pub(crate) fn play() {
    let Ok(role) = env::var(ROLE) else { return };
    if role == SIGPIPE {
        serve_with_sigpipe();
    }
    let fault = Fault::ALL.into_iter().find(|fault| fault.name() == role);
    serve(fault.unwrap_or_else(|| panic!("no such role: {role}")));
}

#[allow(unsafe_code, reason = "a signal's disposition can't be set otherwise")]
fn serve_with_sigpipe() -> ! {
    // SAFETY: the default disposition runs no code of this process, and no other thread exists.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.unwrap();
    let done = cli::parse(env::args_os()).unwrap().run();
    exit(i32::from(done.is_err()))
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
    if fault == Fault::NeverCloses {
        thread::sleep(Duration::MAX);
    }
    Ok(())
}
