//! An option of the command line as it is sent from afar: its name, its schema, its values.

use clap::{Arg, ArgAction};
use serde_json::{Value, json};
use std::any::TypeId;

/// The longest value of an option, in characters.
const LONGEST_VALUE: usize = 1_000;
/// Values of one option.
const MOST_VALUES: usize = 200;

/// The name in JSON.
pub(super) fn key(argument: &Arg) -> String {
    argument.get_long().unwrap_or(argument.get_id().as_str()).replace('-', "_")
}

pub(super) fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}

fn is_list(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Append)
        || argument.get_num_args().is_some_and(|range| range.max_values() > 1)
        || argument.get_value_delimiter().is_some()
}

fn is_number(argument: &Arg) -> bool {
    let parsed = argument.get_value_parser().type_id();
    [TypeId::of::<u32>(), TypeId::of::<u64>(), TypeId::of::<usize>()]
        .into_iter()
        .any(|number| parsed == number)
}

pub(super) fn schema_of(argument: &Arg) -> Value {
    let about = argument.get_help().map(ToString::to_string).unwrap_or_default();
    if !takes_value(argument) {
        return json!({ "type": "boolean", "description": about });
    }
    let possible: Vec<String> =
        argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let one = match (possible.is_empty(), is_number(argument)) {
        (false, _) => json!({ "type": "string", "enum": possible }),
        (true, true) => json!({ "type": "integer", "minimum": 0 }),
        (true, false) => json!({ "type": "string", "maxLength": LONGEST_VALUE }),
    };
    let mut schema = if is_list(argument) {
        json!({ "type": "array", "items": one, "maxItems": MOST_VALUES })
    } else {
        one
    };
    schema["description"] = about.into();
    schema
}

/// The same for an option that may be left out: `null` means that it is.
pub(super) fn or_null(mut schema: Value) -> Value {
    schema["type"] = json!([schema["type"], "null"]);
    if let Some(possible) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        possible.push(Value::Null);
    }
    schema
}

/// The values of an option as they are typed; of a switch, something when it is on.
pub(super) fn values_of(argument: &Arg, value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(values) if is_list(argument) && values.len() <= MOST_VALUES => {
            values.iter().map(one_value).collect()
        }
        Value::Null => Ok(Vec::new()),
        Value::Bool(is_on) if !takes_value(argument) => Ok(Vec::from_iter(is_on.then(String::new))),
        // In an address everything is text.
        Value::String(word) if !takes_value(argument) => match word.as_str() {
            "true" | "" => Ok(vec![String::new()]),
            "false" => Ok(Vec::new()),
            _ => Err("is true or false".to_owned()),
        },
        _ if !takes_value(argument) => Err("is true or false".to_owned()),
        _ => one_value(value).map(|value| vec![value]),
    }
}

fn one_value(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) if text.contains('\0') => Err("has a NUL in it".to_owned()),
        Value::String(text) if text.chars().count() <= LONGEST_VALUE => Ok(text.clone()),
        Value::String(_) => Err(format!("is longer than {LONGEST_VALUE} characters")),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err("is a text or a number".to_owned()),
    }
}
