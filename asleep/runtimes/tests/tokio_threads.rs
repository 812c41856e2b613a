//! tokio with several threads: a process of its own, so one test.
#![cfg(target_os = "linux")]

use std::io;
use std::net::TcpStream;

use asleep_runtimes::{MESSAGE, connection, idle_read_in_process, message_of, spin};
use tokio::io::AsyncReadExt;
use tokio::runtime::Builder;

async fn read(stream: TcpStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; MESSAGE.len()];
    tokio::net::TcpStream::from_std(stream)?.read_exact(&mut message).await?;
    Ok(message)
}

#[test]
fn all_threads_sleep_until_the_message_and_a_spinner_among_them_is_named() -> io::Result<()> {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).thread_name("worker").enable_all().build()?;
    // On a worker, and on this thread.
    let (ours, peer) = connection()?;
    runtime.block_on(runtime.spawn(idle_read_in_process(read(ours), peer)))??;
    let (ours, peer) = connection()?;
    runtime.block_on(idle_read_in_process(read(ours), peer))?;

    let spinner = runtime.spawn(spin());
    let (ours, peer) = connection()?;
    let message = message_of(|| runtime.block_on(idle_read_in_process(read(ours), peer)));
    assert!(message.contains("'worker' did not sleep: "), "{message}");

    spinner.abort();
    assert!(runtime.block_on(spinner).expect_err("it never ends by itself").is_cancelled());
    let (ours, peer) = connection()?;
    runtime.block_on(idle_read_in_process(read(ours), peer))
}
