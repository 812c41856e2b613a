//! # Embed: data inside a page, that can't end the element around it
//!
//! Problem: in a script element the first `</script` ends it, wherever it stands; and a nonblocking
//! server asks 200,000 times in a scene, each with a time of eight digits.
//! Idea: in JSON the dangerous characters stand only in strings, where an escape says the same; and
//! a time is written as its distance from the one before.
//! Leaves out: compression: the page stays text that a person can search.
//! Read next: `study/page.rs`.
//! Try: `cargo test embed`

use std::io;

use serde_json::Value;

/// The elements of the list `name`; none if there is no such list.
pub(super) fn each<'a>(value: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    value.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

/// `page` as JSON for a script element: the `at` of each event as `steps`.
pub(super) fn script(mut page: Value) -> io::Result<String> {
    for scene in each(&mut page, "scenes") {
        for event in each(scene, "events") {
            let Some(event) = event.as_object_mut() else { continue };
            if let Some(times) = event.remove("at") {
                event.insert("steps".into(), steps(&times));
            }
        }
    }
    Ok(escaped(&serde_json::to_string(&page)?))
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
        let data = json!({ "scenes": [{ "events": [{ "at": [0, 812, 1650] }, {}] }] });
        let text = script(data).unwrap();
        assert_eq!(text, r#"{"scenes":[{"events":[{"steps":[0,812,838]},{}]}]}"#);
    }
}
