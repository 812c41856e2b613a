//! The examples that work together with other threads: `blocking` and `channels`.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use crate::example::run;

#[test]
fn blocking_alone() {
    let printed = run("blocking", &[]);
    let size = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml").metadata().unwrap().len();
    assert!(printed.starts_with("localhost:"), "{printed}");
    assert!(printed.ends_with(&format!("\n{size} bytes came\n")), "{printed}");
}

/// Two megabytes from a file to a peer of std that was found by name.
#[test]
fn blocking_sends_a_file_to_std() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("localhost:{}", listener.local_addr().unwrap().port());
    let content: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 251) as u8).collect();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("content");
    std::fs::write(&file, &content).unwrap();
    let peer = thread::spawn(move || {
        let mut came = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut came).unwrap();
        came
    });
    let printed = run("blocking", &[&host, file.to_str().unwrap()]);
    assert!(printed.contains("2000000 bytes of "), "{printed}");
    assert!(peer.join().unwrap() == content);
}

#[test]
fn channels_alone() {
    let printed = run("channels", &[]);
    assert!(printed.ends_with(" taken, 3000 in all, their sum is 1501500\n"), "{printed}");
    // None of the tasks had all of it.
    let taken = printed[1..].split(']').next().unwrap().split(", ");
    assert!(taken.map(|n| n.parse::<u32>().unwrap()).all(|n| n > 0), "{printed}");
}
