//! # Source: where a client connects from
//!
//! Problem: a connection is named by two addresses and two ports. Towards one server, one address
//! of ours has some 28,000 ports (`ip_local_port_range`, ip(7)), and each stays taken for a minute
//! after its connection.
//! Idea: on Linux all of 127.0.0.0/8 is this machine: every so many connections, use the next.
//! Leaves out: other systems and networks, where the default source has to do.
//! Read before: `load/plan.rs`. Read next: `load/lane.rs`.
//! Try: `cargo run -- load --addr 127.0.0.1:12345 --pattern churn`

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use dormouse::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

/// Connects to `addr`, as connection `number` of this process.
///
/// From the second source address on the connection may still be on its way: its first write waits
/// for it, and has its error (connect(2), `EINPROGRESS`).
///
/// # Errors
///
/// Named with the address, and with what to do.
pub(crate) async fn connect(addr: SocketAddr, number: usize) -> io::Result<TcpStream> {
    let stream = match source(addr.ip(), number) {
        None => TcpStream::connect(addr).await,
        from => open(addr, from)
            .and_then(|socket| begin(socket, addr))
            .map_err(|e| named(&e, addr, from)),
    };
    stream.map_err(|e| {
        let hint = "start a server there with `dormouse serve`, or choose another with --addr";
        io::Error::new(e.kind(), format!("{e}; {hint}"))
    })
}

/// The same in segments of at most `mss` bytes, towards both ends: the kernel sets aside for what
/// is unsent, and unread, many times that (`TCP_MAXSEG`, tcp(7)). It has connected.
///
/// # Errors
///
/// Named with the address.
#[cfg(target_os = "linux")]
pub(crate) async fn connect_narrow(
    addr: SocketAddr,
    number: usize,
    mss: u32,
) -> io::Result<TcpStream> {
    let from = source(addr.ip(), number);
    let connect = async {
        let socket = open(addr, from)?;
        socket.set_tcp_mss(mss)?;
        let mut stream = begin(socket, addr)?;
        stream.writable().await?;
        let refused = socket2::SockRef::from(&stream).take_error()?;
        refused.map_or(Ok(stream), Err)
    };
    connect.await.map_err(|e| named(&e, addr, from))
}

/// The address to connect from. `None`: the system's choice.
fn source(target: IpAddr, number: usize) -> Option<Ipv4Addr> {
    const CONNECTIONS_PER_ADDRESS: usize = 16_384;
    if !cfg!(target_os = "linux") || !target.is_loopback() || target.is_ipv6() {
        return None;
    }
    // 127.1.0.0 and up; after 127.255.255.255 it begins again.
    let turn = number / CONNECTIONS_PER_ADDRESS;
    let offset = u32::try_from(turn.checked_sub(1)? % 0x00ff_0000).expect("it is below 2^24");
    Some(Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 0).to_bits() + offset))
}

/// A socket towards `addr`, at the address that it is to connect from.
fn open(addr: SocketAddr, from: Option<Ipv4Addr>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if let Some(from) = from {
        // The port is then chosen by the connect, which may share it between different servers.
        #[cfg(target_os = "linux")]
        nix::sys::socket::setsockopt(
            &socket,
            nix::sys::socket::sockopt::IpBindAddressNoPort,
            &true,
        )?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
    }
    Ok(socket)
}

fn begin(socket: Socket, addr: SocketAddr) -> io::Result<TcpStream> {
    socket.set_nonblocking(true)?;
    match socket.connect(&addr.into()) {
        Ok(()) => {}
        Err(e) if is_in_progress(&e) => {}
        Err(e) => return Err(e),
    }
    TcpStream::from_std(socket.into())
}

fn named(error: &io::Error, addr: SocketAddr, from: Option<Ipv4Addr>) -> io::Error {
    let from = from.map(|from| format!(" from {from}")).unwrap_or_default();
    io::Error::new(error.kind(), format!("connect {addr}{from}: {error}"))
}

#[cfg(unix)]
fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(nix::errno::Errno::EINPROGRESS as i32)
}

#[cfg(not(unix))]
fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_first_connections_come_from_the_systems_choice_and_others_from_their_own_loopback() {
        let local = IpAddr::from(Ipv4Addr::LOCALHOST);
        assert_eq!(source(local, 0), None);
        assert_eq!(source(local, 16_383), None);
        assert_eq!(source(local, 16_384), Some(Ipv4Addr::new(127, 1, 0, 0)));
        assert_eq!(source(local, 16_384 * 257), Some(Ipv4Addr::new(127, 1, 1, 0)));
        assert!(source(local, usize::MAX).is_some_and(|source| source.is_loopback()));
        assert_eq!(source(IpAddr::from(Ipv4Addr::new(192, 0, 2, 1)), 1 << 20), None);
    }

    #[test]
    fn a_connection_from_another_source_is_a_connection() {
        use futures_lite::{AsyncReadExt, AsyncWriteExt};

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, peer) = listener.accept().unwrap();
            io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap();
            peer
        });
        dormouse::block_on(async {
            let mut stream = connect(addr, 16_384).await.unwrap();
            stream.write_all(b"HELLO").await.unwrap();
            let mut echo = [0; 5];
            stream.read_exact(&mut echo).await.unwrap();
            assert_eq!(&echo, b"HELLO");
        });
        assert_eq!(server.join().unwrap().ip(), Ipv4Addr::new(127, 1, 0, 0));
    }

    #[test]
    fn nobody_there_is_one_line_that_names_the_address_and_what_to_do() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = dormouse::block_on(connect(free, 0)).unwrap_err();
        let said = error.to_string();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(said.contains(&free.to_string()) && said.contains("dormouse serve"), "{said}");
    }
}
