//! How each command of the prose is shown to do what the text says, if no rule of `cover.rs` does.

use crate::table::How::{self, Beside, Ci, Exempt, Same, Test};
use crate::table::{
    End, Row, Typed, beside, endless, ends, fails, filled, other, quick, row, serves,
};

/// The client as most texts have it: it goes on.
const CLIENT: &[Typed] = &[endless("cargo run -- client", &["HELLO\nHELLO"])];

/// A message for a server that is stopped waits in its queue of signals.
const QUEUED: &str = "kill -STOP {pid} && (cargo run --quiet -- client --count 1; \
    grep -E 'SigQ|SigPnd' /proc/{pid}/status; kill -CONT {pid})";

/// Not here: a toolchain of its own, and a build of everything.
const NIGHTLY: How = Exempt("it needs nightly; .ci/run has it, where that is installed");

pub(crate) const ROWS: &[Row] = &[
    // The pages.
    ends("cargo run --release", &["model", "blocking", "async", "CPU %", "report.html"]),
    filled(
        "cargo doc --no-deps --open",
        "cargo doc --no-deps",
        &["target/doc/dormouse/index.html"],
    ),
    filled(
        "cargo install --path . --locked",
        "cargo install --path . --locked --root target/installed && target/installed/bin/dormouse models",
        &["blocking", "async"],
    ),
    ends(
        "grep -rn \"// IDEA:\" servers runtime asleep",
        &["servers/models/mio.rs", "runtime/src/reactor.rs", "asleep/src/"],
    ),
    fails("diff servers/models/select.rs servers/models/poll.rs", 1, &["< ", "> "]),
    fails("diff examples/12_future.rs examples/13_spinning_block_on.rs", 1, &["< ", "> "]),
    fails(
        "diff examples/13_spinning_block_on.rs examples/14_sleeping_block_on.rs",
        1,
        &["< ", "> "],
    ),
    fails("diff examples/14_sleeping_block_on.rs examples/15_reactor.rs", 1, &["< ", "> "]),
    fails("diff examples/15_reactor.rs examples/16_run_queue.rs", 1, &["< ", "> "]),
    ends("cargo run --release -p dormouse --example idle_without_buffer", &["idle connections: "]),
    filled(
        "cargo test -p dormouse NAME",
        "cargo test -p dormouse a_thousand_wakes_are_one_poll",
        &["1 passed", "test result: ok"],
    ),
    ends("cargo test -p dormouse --test laws -- --nocapture spinners", &["test result: ok"]),
    // Benchmarks, with `--quick` where they take more than half a minute.
    row("cargo bench -p dormouse-bench", Exempt("6 minutes and more; each of its parts has a row")),
    filled(
        "cargo bench -p dormouse-bench --bench timers",
        "cargo bench -p dormouse-bench --bench timers -- --quick",
        &["fired, 10k, CPU ns each"],
    ),
    quick(
        "cargo bench -p dormouse-bench --bench shards",
        "cargo bench -p dormouse-bench --bench shards -- --quick",
    ),
    ends("cargo bench -p dormouse-bench --bench record", &["a vain read, ns"]),
    row(
        "cargo bench -p dormouse-ecosystem --bench hyper",
        Exempt("a minute, most of it for building hyper and tokio once more, optimized"),
    ),
    row(
        "cargo bench -p dormouse-ecosystem --bench hyper -- --quick",
        Same("cargo bench -p dormouse-ecosystem --bench hyper"),
    ),
    quick(
        "cargo bench -p dormouse-bench --bench echo -- c=64",
        "cargo bench -p dormouse-bench --bench echo -- c=64 --quick",
    ),
    quick(
        "cargo bench -p dormouse-bench --bench runtime -- yield",
        "cargo bench -p dormouse-bench --bench runtime -- yield --quick",
    ),
    quick(
        "cargo bench -p dormouse-bench --bench fairness -- swallowed",
        "cargo bench -p dormouse-bench --bench fairness -- swallowed --quick",
    ),
    quick(
        "cargo bench -p dormouse-bench --bench memory -- dormouse tokio",
        "cargo bench -p dormouse-bench --bench memory -- dormouse tokio --quick",
    ),
    quick(
        "cargo bench -p dormouse-bench --bench resident -- dormouse tokio",
        "cargo bench -p dormouse-bench --bench resident -- dormouse tokio --quick",
    ),
    quick(
        "cargo bench -p dormouse-bench --bench timers -- fired",
        "cargo bench -p dormouse-bench --bench timers -- fired --quick",
    ),
    row("bash .ci/run", Exempt("it is what runs this")),
    row("cargo +nightly miri test -p dormouse --lib --test tasks", NIGHTLY),
    row("rustup toolchain install nightly --component miri,rust-src", NIGHTLY),
    row(
        "RUSTFLAGS=\"-Zsanitizer=address\" CARGO_TARGET_DIR=target/asan cargo +nightly test -p dormouse-study --target x86_64-unknown-linux-gnu --test uring -- --skip hidden",
        NIGHTLY,
    ),
    row(
        "RUSTFLAGS=\"-Zsanitizer=address\" CARGO_TARGET_DIR=target/asan cargo +nightly test -p dormouse-study --target x86_64-unknown-linux-gnu --lib --test conformance uring -- --skip costs_no_memory --skip churn",
        NIGHTLY,
    ),
    row(
        "cargo mutants -p dormouse --config runtime/mutants.toml",
        Exempt("hours of work for the machine"),
    ),
    row("cargo install cargo-mutants --locked", Exempt("two minutes, and for mutants only")),
    row("cargo deny check bans", Ci("cargo deny check bans")),
    row("cargo check --target x86_64-pc-windows-gnu", Ci("cargo check --target \"$target\"")),
    row("cargo run -- audit -- COMMAND", Same("cargo run -- audit -- sleep 60")),
    row("cargo run -- audit --pid N", Beside("cargo run -- audit --pid {pid}")),
    row("dormouse models", Same("cargo run -- models")),
    row("dormouse study", Same("cargo run --release")),
    row(
        "dormouse study --json FILE",
        Same("cargo run --release -- study --duration 1s --json figures.json"),
    ),
    row("dormouse serve MODEL", Same("cargo run -- serve mio")),
    row("dormouse serve … --stats", Same("cargo run -- serve mio --stats")),
    row(
        "dormouse serve MODEL --record FILE",
        Same("cargo run -- serve mio --record target/mio.json"),
    ),
    row("dormouse serve … --record FILE", Same("cargo run -- serve mio --record target/mio.json")),
    row("dormouse serve async --shards", Same("cargo run -- serve async --shards auto")),
    row("dormouse client", Same("cargo run -- client")),
    row("dormouse load", Same("cargo run -- load --addr 127.0.0.1:12345")),
    row("dormouse load … --json", Same("cargo run -- load --addr 127.0.0.1:12345 --json")),
    row("dormouse load --json", Same("cargo run -- load --addr 127.0.0.1:12345 --json")),
    row("dormouse audit", Same("cargo run -- audit -- sleep 60")),
    row("dormouse audit -- COMMAND", Same("cargo run -- audit -- sleep 60")),
    row("dormouse audit --pid N", Beside("cargo run -- audit --pid {pid}")),
    row("dormouse audit … --json", Same("cargo run -- audit --json -- sleep 60")),
    // The exercises are red until they are mended.
    row(
        "cargo test -p dormouse-exercises --test exercises NAME",
        How::Typed(Typed {
            line: "cargo test -p dormouse-exercises --test exercises block_on",
            says: &["4 would do", "test result: FAILED"],
            end: End::Status(101),
        }),
    ),
    fails(
        "diff examples/exercises/src/01_block_on.rs examples/exercises/src/mended/01_block_on.rs",
        1,
        &["< ", "> "],
    ),
    // A server in one terminal, and who talks to it in another.
    serves(
        "RUST_LOG=trace cargo run -- serve async",
        &["(1) task 1.2: polled", "(9) source 1.2: read of 5 bytes"],
        &[other("cargo run -- client --message hello --count 3", &["HELLO\nHELLO\nHELLO"])],
    ),
    beside("cargo run -- client --message hello --count 3"),
    beside("cargo run -- client"),
    serves(
        "cargo run --release -- serve async",
        &["listening on"],
        &[other(
            "cargo run -- client --message hello --every 500ms --count 3",
            &["HELLO\nHELLO\nHELLO"],
        )],
    ),
    beside("cargo run -- client --message hello --every 500ms --count 3"),
    serves("RUST_LOG=dormouse=trace cargo run -- serve async", &["(5) park", "(6) source"], CLIENT),
    serves(
        "RUST_LOG=trace cargo run -- serve async --stats",
        &["(9) source", "\"model\":\"async\""],
        &[other("cargo run -- client --count 1", &["HELLO"])],
    ),
    beside("cargo run -- client --count 1"),
    serves("RUST_LOG=trace cargo run -- serve mio --stats", &["wait", "\"model\":\"mio\""], CLIENT),
    serves("RUST_LOG=trace cargo run -- serve select --stats", &["\"model\":\"select\""], CLIENT),
    serves(
        "RUST_LOG=trace cargo run -- serve signal --stats",
        &["\"model\":\"signal\""],
        &[endless("cargo run -- client", &["HELLO\nHELLO"]), other(QUEUED, &["SigQ:", "SigPnd:"])],
    ),
    serves("RUST_LOG=trace cargo run -- serve uring --stats", &["\"model\":\"uring\""], CLIENT),
    serves("cargo run -- serve blocking --print", &["hello"], CLIENT),
    serves("cargo run -- serve threads --max-connections 2", &["listening on"], CLIENT),
    serves(
        "cargo run -- serve poll --buffer 7",
        &["listening on"],
        &[other(
            "cargo run -- client --count 1 --message 'longer than the buffer'",
            &["LONGER THAN THE BUFFER"],
        )],
    ),
    serves(
        "cargo run -- serve mio --buffer 16 --stats",
        &["\"bytes_in\":59", "\"writes\":4"],
        &[other(
            "cargo run -- client --count 1 --message 'one long message, of sixty bytes, in four reads and a short'",
            &["SHORT"],
        )],
    ),
    serves(
        "cargo run -- serve nonblocking --stats",
        &["\"model\":\"nonblocking\"", "\"vain_reads\":"],
        CLIENT,
    ),
    serves("cargo run -- serve nonblocking --buffer 7 --every 1ms", &["listening on"], CLIENT),
    serves(
        "cargo run -- serve blocking --reply verbatim",
        &["listening on"],
        &[other("cargo run -- client --count 1", &["hello"])],
    ),
    serves("cargo run -- serve blocking --addr 127.0.0.1:0", &["listening on 127.0.0.1:"], &[]),
    serves("cargo run -- serve mio --stats", &["\"model\":\"mio\""], &[]),
    serves(
        "cargo run -- serve async",
        &["tasks: 1; sources: 1; no deadline"],
        &[other("cargo run -- audit --pid {pid}", &["asleep"]), other("kill -USR1 {pid}", &[])],
    ),
    row("pkill -USR1 dormouse", Beside("kill -USR1 {pid}")),
    serves(
        "cargo run -- serve async --shards auto",
        &["listening on"],
        &[other("cargo run -- load --addr 127.0.0.1:12345", &["messages"])],
    ),
    beside("cargo run -- load --addr 127.0.0.1:12345"),
    serves(
        "cargo run -- serve mio",
        &["listening on"],
        &[
            other("cargo run --release -- load --addr 127.0.0.1:12345 --rate 1000", &["messages"]),
            other("cargo run -- load --addr 127.0.0.1:12345 --rate 1000", &["messages"]),
            other("cargo run -- load --addr 127.0.0.1:12345 --rate 5000", &["messages"]),
            other("cargo run -- load --addr 127.0.0.1:12345 --duration 1s", &["messages"]),
            other(
                "cargo run -- load --addr 127.0.0.1:12345 --json",
                &["\"schema\":\"dormouse-load/1\""],
            ),
            other("cargo run -- load --addr 127.0.0.1:12345 --pattern churn", &["messages"]),
            other("cargo run -- load --addr 127.0.0.1:12345 --pattern pipeline", &["messages"]),
        ],
    ),
    beside("cargo run --release -- load --addr 127.0.0.1:12345 --rate 1000"),
    beside("cargo run -- load --addr 127.0.0.1:12345 --rate 1000"),
    beside("cargo run -- load --addr 127.0.0.1:12345 --rate 5000"),
    beside("cargo run -- load --addr 127.0.0.1:12345 --duration 1s"),
    beside("cargo run -- load --addr 127.0.0.1:12345 --json"),
    beside("cargo run -- load --addr 127.0.0.1:12345 --pattern churn"),
    beside("cargo run -- load --addr 127.0.0.1:12345 --pattern pipeline"),
    serves(
        "cargo run -- serve mio --idle-timeout 2s",
        &["is dropped: nothing moved for 2s"],
        &[
            Typed {
                line: "cargo run -- client --every 4s --count 1",
                says: &["HELLO", "left"],
                end: End::Status(1),
            },
            other("sleep 4 | nc 127.0.0.1 12345", &[]),
        ],
    ),
    row("nc 127.0.0.1 12345", Beside("sleep 4 | nc 127.0.0.1 12345")),
    serves("ulimit -Sn 64; cargo run -- serve mio", &["listening on"], CLIENT),
    serves(
        "ulimit -n 20; cargo run -- serve mio",
        &["Too many open files"],
        &[other("cargo run -- load --addr 127.0.0.1:12345 --pattern idle", &["queued"])],
    ),
    serves("strace -e fcntl cargo run -- serve signal", &["F_SETSIG", "F_SETOWN_EX"], CLIENT),
    row("grep -E 'SigQ|SigPnd' /proc/PID/status", Beside(QUEUED)),
    row("kill -STOP", Beside(QUEUED)),
    // The rest ends by itself.
    ends("cargo run -- models", &["blocking", "nonblocking", "async"]),
    ends("cargo run -- load --help", &["--pattern", "--rate"]),
    serves("RUST_LOG=debug cargo run -- serve mio --print", &["is told"], CLIENT),
    serves("cargo run -- serve mio --record target/mio.json", &["listening on"], CLIENT),
    serves("cargo run -- serve async --record target/async.json", &["listening on"], CLIENT),
    serves(
        "cargo run -- serve nonblocking --record target/spin.json --stats",
        &["vain_reads"],
        CLIENT,
    ),
    ends(
        "cargo run --release -- study --models mio,async --duration 1s",
        &["Pictures and charts: ", "report.html"],
    ),
    ends("cargo run -- timeline blocking", &["client A", "for B", "as A"]),
    ends("cargo run -- timeline nonblocking", &["asks in vain", "It never sleeps"]),
    ends("cargo run -- timeline poll", &["sleeps in the kernel", "waking up"]),
    ends("cargo run -- timeline mio", &["sleeps in the kernel", "copying"]),
    ends("cargo run -- timeline async", &["run queue", "The runtime parks"]),
    ends("cargo run -- timeline mio --trace target/trace.json", &["mio"]),
    row("dormouse timeline MODEL", Same("cargo run -- timeline mio")),
    ends("cargo run -- timeline mio --json target/scene.json", &["mio"]),
    row(
        "dormouse timeline MODEL --json FILE",
        Same("cargo run -- timeline mio --json target/scene.json"),
    ),
    row(
        "dormouse timeline MODEL --trace FILE",
        Same("cargo run -- timeline mio --trace target/trace.json"),
    ),
    row(
        "cargo run --release -- torture",
        Ci("cargo run --release -- torture \"$model\" --seed 8 --duration 20s"),
    ),
    row("dormouse torture MODEL", Same("cargo run -- torture mio --duration 2s")),
    ends("cargo run -- torture mio --duration 2s", &["mio: ", "nothing lost, nothing left"]),
    ends("cargo run -- torture async --seed 7 --duration 1s", &["seed 7", "nothing left"]),
    fails("cargo run -- serve mio --buffer 0", 2, &["--buffer"]),
    ends(
        "cargo run -- serve blocking --addr 192.0.2.1:12345; echo $?",
        &["192.0.2.1:12345", "\n1\n"],
    ),
    ends("cargo run -- audit -- sleep 60", &["sleep", "asleep"]),
    ends(
        "cargo run -- audit --json -- sleep 60",
        &["\"schema\":\"dormouse-audit/1\"", "\"verdict\":\"asleep\""],
    ),
    ends("cargo run -- audit -- sh -c 'sleep 60 & sleep 60'", &["All 3 threads slept"]),
    ends("cargo run -- audit -- cargo run -- serve async --shards 4", &["4 ×  shard …"]),
    ends("cargo run -- audit -- cargo run -- serve nonblocking --stats", &["spinning"]),
    ends("cargo run -- audit --pid 1", &["verdict"]),
    ends("perf stat -p 1 -e raw_syscalls:sys_exit -- sleep 1", &["raw_syscalls:sys_exit"]),
    ends("cat /proc/self/status", &["voluntary_ctxt_switches"]),
    ends("grep ctxt /proc/self/status", &["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"]),
    filled(
        "watch -n 0.1 cat /proc/PID/status",
        "cat /proc/$$/status",
        &["voluntary_ctxt_switches"],
    ),
    row(
        "cargo run --release -- study --duration 1s",
        Same("cargo run --release -- study --duration 1s --json figures.json"),
    ),
    filled(
        "cargo run --release -- study --duration 1s --json figures.json",
        "cargo run --release -- study --duration 1s --json figures.json && cat figures.json && rm figures.json",
        &["\"schema\": \"dormouse-study/2\"", "\"growth\""],
    ),
    filled(
        "cargo run --release -- study --compare figures.json",
        "cargo run --release -- study --models mio --duration 1s --json figures.json && cargo run --release -- study --models mio --duration 1s --compare figures.json && rm figures.json",
        &["differ by more than the noise"],
    ),
    row(
        "dormouse study --compare OLD.json",
        Same("cargo run --release -- study --compare figures.json"),
    ),
    ends("cargo run --release -- study --models mio --duration 2s", &["mio"]),
    ends("cargo run --release -- study --models nonblocking", &["nonblocking"]),
    row("cargo run --release -- study", Same("cargo run --release")),
    row(
        "cargo run --release -- study --json figures.json",
        Same("cargo run --release -- study --duration 1s --json figures.json"),
    ),
    row("cargo run -- study", Test("tests/study.rs", "a_signal_ends_the_study_and_its_server")),
    row(
        "sudo sysctl kernel.io_uring_disabled=2; cargo run -- serve uring",
        Test("tests/uring.rs", "where_io_uring_is_hidden_one_line_says_so"),
    ),
    // What runs on the runtime: with a foreign peer, or with what the reader has.
    ends("cargo run --release -p dormouse-ecosystem --example timerfd", &["deadlines"]),
    row(
        "cargo run -p dormouse-ecosystem --example http1 -- --serve",
        Test("examples/ecosystem/tests/run/http.rs", "http1_serves_curl"),
    ),
    row(
        "cargo run -p dormouse-ecosystem --example http2 -- --serve",
        Test("examples/ecosystem/tests/run/http.rs", "http2_serves_curl"),
    ),
    row(
        "curl --http2-prior-knowledge",
        Test("examples/ecosystem/tests/run/http.rs", "http2_serves_curl"),
    ),
    row(
        "cargo run -p dormouse-ecosystem --example websocket -- --serve",
        Test("examples/ecosystem/tests/run/streams.rs", "websocket_serves_tungstenite"),
    ),
    row("new WebSocket(\"ws://…\").onmessage = …", Exempt("it is for the console of a browser")),
    row(
        "cargo run -p dormouse-ecosystem --example inotify -- FOLDER",
        Test("examples/ecosystem/tests/run/system.rs", "inotify_sees_what_others_write"),
    ),
    row("kill -TERM", Test("examples/ecosystem/tests/run/system.rs", "signals_of_another_process")),
    row("kill -USR1", Test("examples/ecosystem/tests/run/system.rs", "signals_of_another_process")),
];
