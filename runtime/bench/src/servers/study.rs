//! The study's own servers, asked as its command line asks them.

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use dormouse_study::cli::{Command, parse};
use dormouse_study::counters::Counters;
use dormouse_study::stop::Stop;

pub(super) fn serve_async(listener: TcpListener, buffer: usize) -> io::Result<()> {
    serve("async", listener, buffer)
}

pub(super) fn serve_mio(listener: TcpListener, buffer: usize) -> io::Result<()> {
    serve("mio", listener, buffer)
}

pub(super) fn serve_uring(listener: TcpListener, buffer: usize) -> io::Result<()> {
    serve("uring", listener, buffer)
}

fn serve(model: &'static str, listener: TcpListener, buffer: usize) -> io::Result<()> {
    let buffer = buffer.to_string();
    let line = ["dormouse", "serve", model, "--reply", "verbatim", "--buffer", &buffer];
    let Command::Serve(asked) = parse(line.map(OsString::from)).map_err(io::Error::other)? else {
        return Err(io::Error::other("'serve' serves"));
    };
    let counters = Arc::new(Counters::new(model, false));
    asked.model.serve(listener, &asked.options, &counters, &Stop::default())
}
