//! The machine: its clocks, its CPUs, and what a table must say about it.

use std::io;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

use crate::options::Effort;

/// CPU time of this process so far, all threads, user and kernel.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("CPU time is not negative")
}

/// The numbers of two CPUs that this process may use; the same one twice where it has one only.
pub fn two_cpus() -> io::Result<(usize, usize)> {
    let allowed = sched_getaffinity(None)?;
    let mut cpus = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
    let first = cpus.next().unwrap_or(0);
    Ok((first, cpus.next().unwrap_or(first)))
}

/// Keeps this thread on `cpu`, and the threads and processes that it starts.
pub fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

/// Prints what was asked for, and what it ran on: figures without it mean nothing.
pub fn describe(effort: Effort, rounds: usize) {
    if effort == Effort::Smoke {
        println!("only whether it runs: these figures mean nothing (`cargo bench` measures)");
    }
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args = if args.is_empty() { String::new() } else { format!(" -- {}", args.join(" ")) };
    // Said by Cargo: other packages bring benchmarks, too.
    let package = std::env::var("CARGO_PKG_NAME");
    let package = package.as_deref().unwrap_or(env!("CARGO_PKG_NAME"));
    println!("$ cargo bench -p {package}{}{args}", bench());
    let system = rustix::system::uname();
    let (name, release) = (system.sysname().to_string_lossy(), system.release().to_string_lossy());
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let versions = ["tokio", "smol", "async-io", "async-executor", "mio", "hyper"]
        .map(|package| format!("{package} {}", version(package)));
    println!("{name} {release}, {cpus} CPUs; {}", versions.join(", "));
    println!("median (least–greatest) of {rounds} rounds; all take turns within each round");
}

/// Which of the benchmarks this process is: Cargo adds a hash to the name of the file.
fn bench() -> String {
    let path = std::env::args().next().unwrap_or_default();
    let name = path.rsplit(['/', '\\']).next().and_then(|file| file.rsplit_once('-'));
    name.map_or(String::new(), |(name, _)| format!(" --bench {name}"))
}

/// The version of `package` in this workspace's lock file.
fn version(package: &str) -> &'static str {
    let lock = include_str!("../../../Cargo.lock");
    let entry = format!("name = \"{package}\"\nversion = \"");
    let version = lock.split_once(&entry).and_then(|(_, rest)| rest.split_once('"'));
    version.map_or("?", |(version, _)| version)
}
