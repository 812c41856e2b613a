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

pub(super) fn serve_async(listener: TcpListener) -> io::Result<()> {
    serve("async", listener)
}

pub(super) fn serve_mio(listener: TcpListener) -> io::Result<()> {
    serve("mio", listener)
}

pub(super) fn serve_uring(listener: TcpListener) -> io::Result<()> {
    serve("uring", listener)
}

pub(super) fn serve_shards(listeners: Vec<TcpListener>) -> io::Result<()> {
    let (counters, stop) = (Arc::new(Counters::new("async", false)), Stop::default());
    shards::serve(listeners, &asked("async")?.options, &counters, &stop)
}

pub(super) fn serve_handed_over(mut listeners: Vec<TcpListener>) -> io::Result<()> {
    let (counters, stop) = (Arc::new(Counters::new("async", false)), Stop::default());
    let options = asked("async")?.options;
    shards::hand_over(listeners.remove(0), 2, &options, &counters, &stop)
}

fn serve(model: &'static str, listener: TcpListener) -> io::Result<()> {
    let asked = asked(model)?;
    let counters = Arc::new(Counters::new(model, false));
    asked.model.serve(listener, &asked.options, &counters, &Stop::default())
}

fn asked(model: &str) -> io::Result<Serve> {
    let buffer = BUFFER.to_string();
    let line = ["dormouse", "serve", model, "--reply", "verbatim", "--buffer", &buffer];
    match parse(line.map(OsString::from)).map_err(io::Error::other)? {
        Command::Serve(asked) => Ok(asked),
        _ => Err(io::Error::other("'serve' serves")),
    }
}
