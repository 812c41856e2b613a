//! smol's executor of the whole process, on a thread of its own: a process of its own, so one test.
#![cfg(target_os = "linux")]

use std::io;
use std::net::TcpStream;

use asleep_runtimes::{MESSAGE, connection, idle_read_in_process, message_of, spin};
use smol::io::AsyncReadExt;

async fn read(stream: TcpStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; MESSAGE.len()];
    smol::Async::new(stream)?.read_exact(&mut message).await?;
    Ok(message)
}

#[test]
fn all_threads_sleep_until_the_message_and_a_spinner_among_them_is_named() -> io::Result<()> {
    // On the executor's thread, and on this one.
    let (ours, peer) = connection()?;
    smol::block_on(smol::spawn(idle_read_in_process(read(ours), peer)))?;
    let (ours, peer) = connection()?;
    smol::block_on(idle_read_in_process(read(ours), peer))?;

    let spinner = smol::spawn(spin());
    let (ours, peer) = connection()?;
    let message = message_of(|| smol::block_on(idle_read_in_process(read(ours), peer)));
    assert!(message.contains("'smol-1' did not sleep: "), "{message}");

    smol::block_on(spinner.cancel());
    let (ours, peer) = connection()?;
    smol::block_on(idle_read_in_process(read(ours), peer))
}
