//! # Listen: the socket that takes connections
//!
//! Problem: a server must start again at once after it stopped, and take a thousand connections
//! that come in one burst.
//! Idea: set what the kernel offers for that on the listener, the same for every model.
//! Leaves out: several listeners on one port (`SO_REUSEPORT`).
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
    open(addr).map_err(|e| io::Error::new(e.kind(), format!("bind {addr}: {e}{}", hint(e.kind()))))
}

fn open(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of a server that just ended keep the port for a minute (TIME_WAIT, tcp(7)).
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit it: the tail of an answer never waits for the peer's delayed ACK.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&addr.into())?;
    // The kernel cuts it to what it allows (net.core.somaxconn, listen(2)).
    socket.listen(i32::MAX)?;
    Ok(socket.into())
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
    fn a_port_in_use_is_named_and_the_kind_kept() {
        let first = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let addr = first.local_addr().unwrap();
        let error = bind(addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&addr.to_string()), "{error}");
        assert!(error.to_string().contains("--addr"), "{error}");
    }
}
