//! # Listen: the socket that takes connections
//!
//! Problem: a server must start again at once after it stopped, and take a thousand connections
//! that come in one burst.
//! Idea: set what the kernel offers for that on the listener, the same for every model. Shards want
//! a listener each, and on one port: the kernel then spreads the connections over them.
//! Leaves out: connections that a listener leaves in its queue when it closes: they are reset.
//! Read next: `models/blocking.rs`.
//! Try: `cargo run -- serve blocking --addr 127.0.0.1:0`

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Listens on `addr`; port 0 takes any free one.
///
/// # Errors
///
/// Keeps the kind of the kernel's error, and names the address and what to do.
pub fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    open(addr).map_err(named(addr))
}

/// Whether this system spreads connections over all listeners that share a port.
///
/// Others have the option too, and give all connections to one of the listeners, as macOS does.
pub const SPREADS: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Listens so many times on `addr`, for shards; 1 is [`bind`].
///
/// # Errors
///
/// As [`bind`]. A port that others share among themselves is in use, too.
pub fn bind_shared(addr: SocketAddr, listeners: usize) -> io::Result<Vec<TcpListener>> {
    if listeners == 1 {
        return Ok(vec![bind(addr)?]);
    }
    // A socket that shares the port would be let in beside any other that does, of the same user.
    // A plain one is not, and so shows that the port is free: it keeps it until ours listen.
    let plain = socket(addr).and_then(|socket| bound(socket, addr)).map_err(named(addr))?;
    let addr = plain.local_addr()?.as_socket().unwrap_or(addr);
    let shared = || socket(addr).and_then(share).and_then(|socket| bound(socket, addr));
    let all = (0..listeners).map(|_| shared()).collect::<io::Result<Vec<_>>>();
    let all = all.and_then(|all| all.into_iter().map(listening).collect());
    all.map_err(|e| {
        let why = format!("bind {addr} {listeners} times: {e}; ask for fewer with --shards");
        io::Error::new(e.kind(), why)
    })
}

fn open(addr: SocketAddr) -> io::Result<TcpListener> {
    listening(bound(socket(addr)?, addr)?)
}

fn socket(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of a server that just ended keep the port for a minute (TIME_WAIT, tcp(7)).
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit it: the tail of an answer never waits for the peer's delayed ACK.
    socket.set_tcp_nodelay(true)?;
    Ok(socket)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn share(socket: Socket) -> io::Result<Socket> {
    socket.set_reuse_port(true)?;
    Ok(socket)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn share(_: Socket) -> io::Result<Socket> {
    Err(io::Error::new(ErrorKind::Unsupported, "this system does not spread connections"))
}

fn bound(socket: Socket, addr: SocketAddr) -> io::Result<Socket> {
    socket.bind(&addr.into())?;
    Ok(socket)
}

fn listening(socket: Socket) -> io::Result<TcpListener> {
    // The kernel cuts it to what it allows (net.core.somaxconn, listen(2)).
    socket.listen(i32::MAX)?;
    Ok(socket.into())
}

/// Adds what was tried, and what to do.
fn named(addr: SocketAddr) -> impl Fn(io::Error) -> io::Error {
    move |e| io::Error::new(e.kind(), format!("bind {addr}: {e}{}", hint(e.kind())))
}

fn hint(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::AddrInUse => {
            "; another program listens there: choose another port with --addr, 0 for any free one"
        }
        ErrorKind::PermissionDenied => {
            "; ports below 1024 need privileges: choose a higher one with --addr"
        }
        ErrorKind::AddrNotAvailable => {
            "; no interface of this machine has this address: choose another with --addr"
        }
        _ => "; choose another address with --addr",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_zero_picks_a_free_port() {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        assert_ne!(listener.local_addr().unwrap().port(), 0);
    }

    #[test]
    fn shards_share_a_port_with_each_other_and_with_nobody_else() {
        if !SPREADS {
            println!("skipped: this system does not spread connections");
            return;
        }
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let shards = bind_shared(any, 3).unwrap();
        let addr = shards[0].local_addr().unwrap();
        assert!(shards.iter().all(|shard| shard.local_addr().unwrap() == addr));
        for listeners in [1, 2] {
            let error = bind_shared(addr, listeners).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse, "{error}");
            assert!(error.to_string().contains("another program"), "{error}");
        }
        // And they don't come in beside one that does not share.
        let alone = bind(any).unwrap();
        let error = bind_shared(alone.local_addr().unwrap(), 2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse, "{error}");
    }

    #[test]
    fn a_port_in_use_is_named_and_the_kind_kept() {
        let first = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let addr = first.local_addr().unwrap();
        let error = bind(addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&addr.to_string()), "{error}");
        assert!(error.to_string().contains("--addr"), "{error}");
    }
}
