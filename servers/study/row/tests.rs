//! Figures of what nobody measured.

use std::time::Duration;

use super::*;
use crate::study::made_up::row;
use crate::study::sample::Usage;

fn measured(change: impl FnOnce(&mut Measured)) -> Findings {
    let Some(Phases { full, .. }) = row("mio", |_| {}).phases else { unreachable!() };
    let cpu = Some((Duration::from_millis(300), Source::ProcessClock));
    let mut measured = Measured {
        load: Report { connections: 1000, served: 1000, ..full.load },
        usage: Usage { time: Duration::from_secs(2), cpu, switches: Some(50) },
        slices: Vec::new(),
        memory: Some((1 << 20, (1 << 20) + 4_096_000)),
        stats: Some(Stats { bytes_in: 64 * 100, vain_reads: 250, reads: 350, ..Stats::default() }),
    };
    change(&mut measured);
    Findings::new(measured)
}

#[test]
fn figures_are_counts_over_their_own_time() {
    let findings = measured(|_| {});
    assert_eq!(findings.cpu_percent, Figure::Is(15.0));
    assert_eq!(findings.cpu_us_per_message, Figure::Is(6.0));
    assert_eq!(findings.switches_per_second, Figure::Is(25.0));
    assert_eq!(findings.memory_per_connection, Figure::Is(4096.0));
    let calls = (findings.calls_per_message, findings.vain_per_message);
    assert_eq!(calls, (Figure::Is(3.5), Figure::Is(2.5)));
}

#[test]
fn without_an_account_or_a_message_there_is_a_reason_and_no_number() {
    let findings = measured(|measured| {
        measured.usage.cpu = None;
        measured.usage.switches = None;
        measured.load.served = 1;
        measured.load.latency_us = None;
        measured.load.messages = 0;
        measured.stats = None;
    });
    let missing = [
        &findings.cpu_percent,
        &findings.cpu_us_per_message,
        &findings.switches_per_second,
        &findings.calls_per_message,
        &findings.vain_per_message,
        &findings.memory_per_connection,
        &findings.messages_per_second(),
        &findings.latency(|latency| latency.p50),
    ];
    assert!(missing.iter().all(|figure| figure.get().is_none()), "{missing:?}");
    let json = serde_json::to_value(&findings.memory_per_connection).unwrap();
    assert_eq!(json, serde_json::json!({"missing": "1 of 1000 clients served"}));
}

#[test]
fn a_figure_is_a_number_in_json_and_an_unmeasured_model_has_none() {
    let json = serde_json::to_value(row("mio", |_| {})).unwrap();
    assert_eq!(json["rate"]["vain_per_message"], 1.0);
    assert_eq!(json["unavailable"], serde_json::Value::Null);
    let json = serde_json::to_value(crate::study::made_up::unavailable("uring", "no")).unwrap();
    assert_eq!(json, serde_json::json!({"model": "uring", "unavailable": "no"}));
}
