//! The study's own servers, asked as its command line asks them.

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use dormouse_study::cli::{Command, parse};
use dormouse_study::counters::Counters;
use dormouse_study::models::shards;
use dormouse_study::serve::Serve;
use dormouse_study::stop::Stop;

use super::BUFFER;

pub(super) fn serve_async(listener: TcpListener, buffer: usize) -> io::Result<()> {
    serve("async", listener, buffer)
}

pub(super) fn serve_mio(listener: TcpListener, buffer: usize) -> io::Result<()> {
    serve("mio", listener, buffer)
}

pub(super) fn serve_uring(listener: TcpListener, buffer: usize) -> io::Result<()> {
    serve("uring", listener, buffer)
}

pub(super) fn serve_shards(listeners: Vec<TcpListener>) -> io::Result<()> {
    let (counters, stop) = (Arc::new(Counters::new("async", false)), Stop::default());
    shards::serve(listeners, &asked("async", BUFFER)?.options, &counters, &stop)
}

pub(super) fn serve_handed_over(mut listeners: Vec<TcpListener>) -> io::Result<()> {
    let (counters, stop) = (Arc::new(Counters::new("async", false)), Stop::default());
    let options = asked("async", BUFFER)?.options;
    shards::hand_over(listeners.remove(0), 2, &options, &counters, &stop)
}

fn serve(model: &'static str, listener: TcpListener, buffer: usize) -> io::Result<()> {
    let asked = asked(model, buffer)?;
    let counters = Arc::new(Counters::new(model, false));
    asked.model.serve(listener, &asked.options, &counters, &Stop::default())
}

fn asked(model: &str, buffer: usize) -> io::Result<Serve> {
    let buffer = buffer.to_string();
    let line = ["dormouse", "serve", model, "--reply", "verbatim", "--buffer", &buffer];
    match parse(line.map(OsString::from)).map_err(io::Error::other)? {
        Command::Serve(asked) => Ok(asked),
        _ => Err(io::Error::other("'serve' serves")),
    }
}
