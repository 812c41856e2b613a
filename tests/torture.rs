//! A short torture of each model: what rogues do costs no guest a byte, and leaves nothing behind.
//!
//! That a torture finds faults is shown beside its source: clients meet servers that are broken on
//! purpose in `servers/torture/course.rs`; `holdings.rs` and `counted.rs` are told of things left, and
//! of wrong counts.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod support;

use std::process::Command;

use support::DORMOUSE;

fn torture(args: &[&str]) -> (bool, String) {
    let output = Command::new(DORMOUSE).arg("torture").args(args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

macro_rules! each_is_sound {
    ($($model:ident)*) => {$(
        #[test]
        fn $model() {
            let model = stringify!($model).trim_start_matches("r#");
            let (sound, said) = torture(&[model, "--seed", "8", "--duration", "1s"]);
            // Where the kernel refuses io_uring there is no verdict, but the reason.
            let refused = model == "uring" && said.contains("io_uring is not available");
            assert!(sound || refused, "{said}");
            assert!(refused || said.starts_with("seed 8: "), "{said}");
            assert!(refused || said.contains("\n  nothing lost, nothing left: "), "{said}");
            println!("{said}");
        }
    )*};
}

each_is_sound! { blocking threads nonblocking select poll mio signal uring r#async }

#[test]
fn a_seed_is_drawn_and_printed_where_none_is_given() {
    let (sound, said) = torture(&["mio", "--duration", "100ms"]);
    let seed = said.strip_prefix("seed ").and_then(|rest| rest.split_once(':')).unwrap().0;
    assert!(sound && seed.parse::<u64>().is_ok(), "{said}");
}

#[test]
fn too_few_descriptors_are_one_line_that_says_what_to_do() {
    let script = format!("ulimit -n 64 && exec {DORMOUSE} torture mio --duration 100ms");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.lines().count() == 1 && said.contains("ulimit -n"), "{said}");
}
