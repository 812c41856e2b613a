//! Runtimes that run a future on the thread that calls `block_on`: a thread per test.

use std::io;
use std::net::TcpStream;

use asleep_runtimes::{
    MESSAGE, connection, idle_read, message_costs_two_polls, spin, spinner_is_not_idle,
    spinner_takes_more_polls,
};

mod tokio_current_thread {
    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(future)
    }

    async fn read(stream: TcpStream) -> io::Result<Vec<u8>> {
        use tokio::io::AsyncReadExt;
        let mut message = vec![0; MESSAGE.len()];
        tokio::net::TcpStream::from_std(stream)?.read_exact(&mut message).await?;
        Ok(message)
    }

    #[test]
    fn an_idle_read_is_idle_and_then_answers() -> io::Result<()> {
        let (ours, peer) = connection()?;
        run(idle_read(read(ours), peer))
    }

    #[test]
    fn a_message_costs_two_polls() -> io::Result<()> {
        let (ours, peer) = connection()?;
        run(message_costs_two_polls(read(ours), peer))
    }

    #[test]
    #[cfg_attr(target_os = "linux", should_panic(expected = "did not sleep"))]
    #[cfg_attr(not(target_os = "linux"), should_panic(expected = "the future was polled"))]
    fn a_spinner_is_not_idle() {
        run(spinner_is_not_idle());
    }

    #[test]
    #[should_panic(expected = "still pending after 1000 polls")]
    fn a_spinner_takes_more_polls() {
        run(spinner_takes_more_polls());
    }

    #[test]
    #[cfg_attr(target_os = "linux", should_panic(expected = "did not sleep"))]
    fn a_spinner_beside_an_idle_read_is_caught() {
        let (ours, peer) = connection().expect("a connection");
        run(async {
            tokio::spawn(spin());
            idle_read(read(ours), peer).await.expect("a message");
        });
    }
}

mod smol_block_on {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// One test at a time: the reactor is one for all threads of the process, so that who waits in
    /// it is woken for the sockets of others, too.
    fn run<T>(future: impl Future<Output = T>) -> T {
        static TURN: Mutex<()> = Mutex::new(());
        // Poisoned by each test that panics, as it should.
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        smol::block_on(future)
    }

    async fn read(stream: TcpStream) -> io::Result<Vec<u8>> {
        use smol::io::AsyncReadExt;
        let mut message = vec![0; MESSAGE.len()];
        smol::Async::new(stream)?.read_exact(&mut message).await?;
        Ok(message)
    }

    #[test]
    fn an_idle_read_is_idle_and_then_answers() -> io::Result<()> {
        let (ours, peer) = connection()?;
        run(idle_read(read(ours), peer))
    }

    #[test]
    fn a_message_costs_two_polls() -> io::Result<()> {
        let (ours, peer) = connection()?;
        run(message_costs_two_polls(read(ours), peer))
    }

    #[test]
    #[cfg_attr(target_os = "linux", should_panic(expected = "did not sleep"))]
    #[cfg_attr(not(target_os = "linux"), should_panic(expected = "the future was polled"))]
    fn a_spinner_is_not_idle() {
        run(spinner_is_not_idle());
    }

    #[test]
    #[should_panic(expected = "still pending after 1000 polls")]
    fn a_spinner_takes_more_polls() {
        run(spinner_takes_more_polls());
    }

    #[test]
    #[cfg_attr(target_os = "linux", should_panic(expected = "did not sleep"))]
    fn a_spinner_beside_an_idle_read_is_caught() {
        let (ours, peer) = connection().expect("a connection");
        let executor = smol::LocalExecutor::new();
        let _spinner = executor.spawn(spin());
        let idle = executor.run(idle_read(read(ours), peer));
        run(idle).expect("a message");
    }
}

mod dormouse_block_on {
    use super::*;

    async fn read(stream: TcpStream) -> io::Result<Vec<u8>> {
        use futures_lite::AsyncReadExt;
        let mut message = vec![0; MESSAGE.len()];
        dormouse::net::TcpStream::from_std(stream)?.read_exact(&mut message).await?;
        Ok(message)
    }

    #[test]
    fn an_idle_read_is_idle_and_then_answers() -> io::Result<()> {
        let (ours, peer) = connection()?;
        dormouse::block_on(idle_read(read(ours), peer))
    }

    #[test]
    fn a_message_costs_two_polls() -> io::Result<()> {
        let (ours, peer) = connection()?;
        dormouse::block_on(message_costs_two_polls(read(ours), peer))
    }

    #[test]
    #[cfg_attr(target_os = "linux", should_panic(expected = "did not sleep"))]
    #[cfg_attr(not(target_os = "linux"), should_panic(expected = "the future was polled"))]
    fn a_spinner_is_not_idle() {
        dormouse::block_on(spinner_is_not_idle());
    }

    #[test]
    #[should_panic(expected = "still pending after 1000 polls")]
    fn a_spinner_takes_more_polls() {
        dormouse::block_on(spinner_takes_more_polls());
    }

    #[test]
    #[cfg_attr(target_os = "linux", should_panic(expected = "did not sleep"))]
    fn a_spinner_beside_an_idle_read_is_caught() {
        let (ours, peer) = connection().expect("a connection");
        dormouse::block_on(async {
            dormouse::spawn(spin());
            idle_read(read(ours), peer).await.expect("a message");
        });
    }
}
