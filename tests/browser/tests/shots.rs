//! # Shots: pictures of the page, for eyes
//!
//! Problem: no assertion says whether a page is beautiful, or even readable.
//! Idea: its parts as PNG files, in the folder `browser` below Cargo's `target`: two widths, light
//! and dark, screen and paper. Look at them after each change.
//! Leaves out: comparison: two browsers never draw the same.
//! Read before: `tests/browser/tests/page.rs`.
//! Try: `cargo test -p dormouse-browser --test shots -- --ignored`

use dormouse_browser::report;
use dormouse_browser::window::{SHOTS, Window};

#[test]
#[ignore = "pictures for eyes, of a made-up page: half a minute"]
fn the_page_is_kept_as_pictures() {
    let html = report();
    std::fs::create_dir_all(SHOTS).unwrap();
    std::fs::write(format!("{SHOTS}/made_up.html"), &html).unwrap();
    let Some(window) = Window::open(&html, 1280, 900) else { return };
    for (width, height) in [(1280, 900), (360, 740)] {
        window.resize(width, height);
        for scheme in ["light", "dark"] {
            window.emulate(scheme, "screen");
            let shoot = |part: &str, name: &str| {
                window.shoot(part, &format!("{name}-{width}-{scheme}"));
            };
            shoot("header.top", "top");
            shoot("#how", "how");
            for part in
                ["glance", "blocking", "nonblocking", "mio", "async", "uring", "overlay", "charts"]
            {
                shoot(&format!("#{part}"), part);
            }
        }
    }
    window.resize(900, 1200);
    window.emulate("dark", "print");
    window.shoot("#mio", "print-mio");
    window.shoot("#charts", "print-charts");
}

#[test]
#[ignore = "a picture for eyes, of a made-up page"]
fn the_tip_is_kept_as_a_picture() {
    let Some(window) = Window::open(&report(), 1280, 900) else { return };
    for (width, scheme) in [(1280, "light"), (360, "dark")] {
        window.resize(width, 900);
        window.emulate(scheme, "screen");
        window.run("document.querySelector('#async [data-picture=near] svg.timeline').focus()");
        for _ in 0..14 {
            window.press("n");
        }
        window.shoot("#async", &format!("tip-{width}-{scheme}"));
    }
}
