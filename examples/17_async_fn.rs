//! # 17 Async fn: the blocking server's shape again, at about the cost of `mio.rs`
//!
//! Problem: a machine written by hand says in states what step 1 said in a loop.
//! Idea: on a runtime, write the loop again, with `.await` where step 1 slept. There the waker is
//! left, and the thread goes on with another task. The compiler writes the states.
//! Leaves out: what can't wait behind an `.await`: step 19.
//! Try: `cargo run --example 17_async_fn`
//!
//! You should see, with figures of your own:
//!
//!     mio:   3 calls a message, 8 others; 8.1 µs of CPU time each
//!     async: 3 calls a message, 6 others; 9.6 µs of CPU time each
//!     async took 1.19 times the CPU time of mio
//!
//! The one before was a page, with a future written by hand; here the runtime is dormouse, and
//! `serve` and `echo` are what you write. Beside it, under the same load of 5000 messages, runs the
//! hand-written `servers/models/mio.rs`. Both make three system calls for each: wait, read, write.
//!
//! Break it: put `[0; 64]` in place of `[0; 4096]`. Who has filled his buffer reads again, in vain.
//!
//! Read next: `accept_all` and `talk` in `servers/models/async.rs`. Run next:
//! `cargo run --example 18_timers`.

mod support;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use dormouse::{Runtime, net, spawn};
use dormouse_study::counters::Counters;
use dormouse_study::options::Options;
use dormouse_study::reply::Reply;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use nix::time::{ClockId, clock_gettime};

const MESSAGES: u32 = 5000;

fn main() -> io::Result<()> {
    let mut times = Vec::new();
    for (name, (calls, cpu)) in [("mio:  ", by_hand()?), ("async:", compiled()?)] {
        let (each, others) = (calls / u64::from(MESSAGES), calls % u64::from(MESSAGES));
        let cpu = (cpu / MESSAGES).as_secs_f64() * 1e6;
        println!("{name} {each} calls a message, {others} others; {cpu:.1} µs of CPU time each");
        assert_eq!(each, 3, "a message costs a wait, a read and a write");
        assert!(others <= 20, "and there are some for each client to come and go");
        times.push(cpu);
    }
    println!("async took {:.2} times the CPU time of mio", times[1] / times[0]);
    assert!(times[1] < 3.0 * times[0], "what the compiler writes costs about as much");
    support::next(include_str!("17_async_fn.rs"));
    Ok(())
}

/// The blocking server, but for `spawn` and `.await`. It ends when two clients have left, and
/// returns how many of its calls were not in vain.
async fn serve(listener: TcpListener) -> io::Result<u64> {
    let mut listener = net::TcpListener::from_std(listener)?;
    let (mut tasks, mut calls) = (Vec::new(), 2);
    for _ in 0..2 {
        let (stream, _peer) = listener.accept().await?;
        tasks.push(spawn(echo(stream)));
    }
    for task in tasks {
        calls += task.await.expect("an echo does not panic")?;
    }
    Ok(calls)
}

async fn echo(mut stream: net::TcpStream) -> io::Result<u64> {
    let (mut buffer, mut calls) = ([0; 4096], 0);
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(calls + 1),
            n => stream.write_all(&buffer[..n]).await?,
        }
        calls += 2;
    }
}

/// The future above, on a runtime, which knows the other calls.
fn compiled() -> io::Result<(u64, Duration)> {
    let (cpu, server) = drive(|listener| {
        let runtime = Runtime::new()?;
        let (calls, did) = (runtime.block_on(serve(listener))?, runtime.metrics());
        let vain = did.vain_accepts + did.vain_reads + did.vain_writes;
        Ok(calls + vain + did.parks + did.polls_nowait)
    })?;
    Ok((server.join().expect("the server does not panic")?, cpu))
}

/// The study's server. It serves for ever: the process ends around it, and around its counters.
fn by_hand() -> io::Result<(u64, Duration)> {
    let counters: &Counters = Box::leak(Box::new(Counters::new("mio", false)));
    let (cpu, _server) = drive(move |listener| {
        let (reply, buffer) = (Reply::Verbatim, 4096);
        let (max_connections, idle_timeout, every) = (None, None, None);
        let options = Options { reply, buffer, max_connections, idle_timeout, every };
        dormouse_study::models::mio::serve(listener, &options, counters).map(|never| match never {})
    })?;
    let Counters { accepts, reads, writes, waits, .. } = counters;
    Ok(([accepts, reads, writes, waits].iter().map(|calls| calls.load(Relaxed)).sum(), cpu))
}

type Driven = io::Result<(Duration, JoinHandle<io::Result<u64>>)>;

/// Has two clients talk to `server`, in turn. Returns its CPU time, and its thread.
fn drive(server: impl FnOnce(TcpListener) -> io::Result<u64> + Send + 'static) -> Driven {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    // CPU time of all threads but this one.
    let others = || {
        let all = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
        nix::Result::Ok(all - clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?)
    };
    let before = others()?;
    let server = thread::spawn(move || server(listener));
    let clients = [TcpStream::connect(address)?, TcpStream::connect(address)?];
    let (message, mut answer) = ([b'x'; 64], [0; 64]);
    for mut client in clients.iter().cycle().take(MESSAGES as usize) {
        client.write_all(&message)?;
        client.read_exact(&mut answer)?;
    }
    for mut client in &clients {
        client.shutdown(Shutdown::Write)?;
        assert_eq!(client.read(&mut answer)?, 0, "the server has seen the end");
    }
    Ok(((others()? - before).into(), server))
}
