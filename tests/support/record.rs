//! Compares a record with what is expected of it.

use serde_json::Value;

/// What is wrong with a record, a line for each fact that is not as expected.
pub(crate) fn differences(record: &Value, expected: &[(String, String)]) -> Vec<String> {
    expected
        .iter()
        .filter_map(|(path, want)| {
            let got = at(record, path);
            (!fits(got.as_ref(), want)).then(|| {
                let got = got.map_or_else(|| "nothing".to_owned(), |got| got.to_string());
                format!("{path} is {got}, expected {want}")
            })
        })
        .collect()
}

/// The value at `a.0.b`; `a.len` is the length of a list. `null` is nothing.
fn at(record: &Value, path: &str) -> Option<Value> {
    let mut here = record.clone();
    for step in path.split('.') {
        here = match (&here, step) {
            (Value::Array(list), "len") => Value::from(list.len()),
            (Value::Array(list), step) => list.get(step.parse::<usize>().ok()?)?.clone(),
            (Value::Object(fields), step) => fields.get(step)?.clone(),
            (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => return None,
        };
    }
    (!here.is_null()).then_some(here)
}

/// `absent`, a range of integers, or the value itself.
fn fits(got: Option<&Value>, want: &str) -> bool {
    let Some(got) = got else { return want == "absent" };
    if let Some((low, high)) = want.split_once("..") {
        let number = got.as_i64().unwrap_or(-1);
        let bound = |text: &str| text.parse::<i64>().unwrap_or_else(|_| panic!("range {want}"));
        return (bound(low)..=bound(high)).contains(&number);
    }
    let shown = got.as_str().map_or_else(|| got.to_string(), str::to_owned);
    shown == want
}

#[test]
fn a_fact_is_a_value_a_range_a_length_or_absent() {
    let record = serde_json::json!({ "a": { "b": 7 }, "list": [1, { "c": "x" }], "none": null });
    let holds = |path: &str, want: &str| {
        differences(&record, &[(path.to_owned(), want.to_owned())]).is_empty()
    };
    assert!(holds("a.b", "7") && holds("a.b", "6..8") && holds("list.len", "2"));
    assert!(holds("list.1.c", "x") && holds("none", "absent") && holds("a.z", "absent"));
    assert!(!holds("a.b", "8") && !holds("a.b", "8..9") && !holds("list.len", "1"));
    assert!(!holds("a.b", "absent") && !holds("a.z", "7") && !holds("a.z", "0..9"));
}
