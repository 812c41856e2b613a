//! # Embed: data inside a page, that can't end the element around it
//!
//! Problem: in a script element the first `</script` ends it, wherever it stands; and a nonblocking
//! server asks 200,000 times in a scene, each with a time of eight digits.
//! Idea: in JSON the dangerous characters stand only in strings, where an escape says the same; and
//! a time is written as its distance from the one before.
//! Of very many calls, only the first keep their times, and the pictures say so.
//! Leaves out: compression: the page stays text that a person can search.
//! Read next: `study/page.rs`.
//! Try: `cargo test embed`

use std::io;

use serde_json::Value;

/// So many times of single calls has a scene: at five digits each, less than a megabyte. A call
/// that comes later is only counted.
const TIMES: usize = 150_000;

/// The elements of the list `name`; none if there is no such list.
pub(super) fn each<'a>(value: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    value.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

/// `page` as JSON for a script element: the `at` of each event as `steps`.
pub(super) fn script(mut page: Value) -> io::Result<String> {
    for scene in each(&mut page, "scenes") {
        keep_the_first(scene, TIMES);
        for event in each(scene, "events") {
            let Some(event) = event.as_object_mut() else { continue };
            if let Some(times) = event.remove("at") {
                event.insert("steps".into(), steps(&times));
            }
        }
    }
    Ok(escaped(&serde_json::to_string(&page)?))
}

/// Takes away the times of all calls but the first `most`.
///
/// They are the first in time, not in the list: a server asks its sockets in turn, and a moment is
/// drawn call by call only where the times of all of them are there.
fn keep_the_first(scene: &mut Value, most: usize) {
    let mut all: Vec<i64> = each(scene, "events").flat_map(|event| moments(event)).collect();
    if all.len() <= most {
        return;
    }
    let (_, end, _) = all.select_nth_unstable(most);
    for event in each(scene, "events") {
        let kept = moments(event).into_iter().filter(|moment| moment < end).count();
        if let Some(times) = event.get_mut("at").and_then(Value::as_array_mut) {
            times.truncate(kept);
        }
    }
}

/// When the calls of an event began that have a time of their own.
fn moments(event: &Value) -> Vec<i64> {
    let begin = event["begin"].as_i64().unwrap_or_default();
    let times = event["at"].as_array().into_iter().flatten().filter_map(Value::as_i64);
    times.map(|time| begin + time).collect()
}

/// Each time as its distance from the one before.
fn steps(times: &Value) -> Value {
    let mut before = 0;
    let times = times.as_array().into_iter().flatten().filter_map(Value::as_i64);
    times.map(|time| time - std::mem::replace(&mut before, time)).collect()
}

fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            plain => text.push(plain),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn embedded_data_says_the_same_and_has_no_markup() {
        let data = json!({ "text": "</script> & \u{2028}\u{2029} <!-- \\ \" é" });
        let text = script(data.clone()).unwrap();
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), data);
    }

    #[test]
    fn embedded_times_are_distances() {
        let data = json!({ "scenes": [{ "events": [{ "at": [812, 1650] }, {}] }] });
        let text = script(data).unwrap();
        assert_eq!(text, r#"{"scenes":[{"events":[{"steps":[812,838]},{}]}]}"#);
    }

    #[test]
    fn of_very_many_times_the_first_of_all_sockets_are_kept() {
        let run = |begin: i64| json!({ "begin": begin, "at": [10, 20, 30, 40], "count": 5 });
        let mut scene = json!({ "events": [run(100), { "begin": 102 }, run(105)] });
        keep_the_first(&mut scene, 5);
        assert_eq!(scene["events"][0], json!({ "begin": 100, "at": [10, 20, 30], "count": 5 }));
        assert_eq!(scene["events"][1], json!({ "begin": 102 }));
        assert_eq!(scene["events"][2], json!({ "begin": 105, "at": [10, 20], "count": 5 }));
    }

    #[test]
    fn a_server_that_asks_a_million_times_fits_into_the_page() {
        let at: Vec<u32> = (1..1_000_000).map(|n| n * 1_234).collect();
        let event = json!({ "begin": 0, "count": 1_000_000, "at": at });
        let text = script(json!({ "scenes": [{ "events": [event] }] })).unwrap();
        assert!(text.len() < 1_000_000, "{} bytes", text.len());
        let data: Value = serde_json::from_str(&text).unwrap();
        let event = &data["scenes"][0]["events"][0];
        assert_eq!(event["count"], 1_000_000, "those without a time are counted");
        assert_eq!(event["steps"].as_array().unwrap().len(), TIMES);
    }
}
