//! JSON documents with dotted paths: how wide configuration and wide answers cross a language
//! border without a new function per field.

use nats_core::{Code, Error, Result};
use serde_json::{Map, Number, Value};

/// How many levels a path may have.
pub const MAX_DEPTH: usize = 64;

/// A JSON document. Members keep their order.
///
/// A path joins member names and array positions with dots, `placement.tags.0`; the empty path is
/// the document itself; `\.` and `\\` stand for the characters in a member name.
#[derive(Clone, Debug, PartialEq)]
pub struct Doc(Value);

impl Doc {
    /// The document `{}`.
    pub fn new() -> Doc {
        Doc(Value::Object(Map::new()))
    }

    /// Reads JSON text.
    ///
    /// # Errors
    /// [`Code::InvalidJson`] with line and column, also for more than 127 levels.
    pub fn parse(json: &str) -> Result<Doc> {
        parse_value(json).map(Doc)
    }

    /// The whole document as text on one line.
    pub fn to_json(&self) -> String {
        self.0.to_string()
    }

    /// The whole document as a value.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The string at `path`.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::WrongType`]; so for all that read.
    pub fn get_str(&self, path: &str) -> Result<&str> {
        self.read(path, "a string", Value::as_str)
    }

    /// The integer at `path`.
    pub fn get_int(&self, path: &str) -> Result<i64> {
        self.read(path, "an integer that fits 64 bits", Value::as_i64)
    }

    /// The truth value at `path`.
    pub fn get_bool(&self, path: &str) -> Result<bool> {
        self.read(path, "true or false", Value::as_bool)
    }

    /// The number at `path`, integers included.
    pub fn get_double(&self, path: &str) -> Result<f64> {
        self.read(path, "a number", Value::as_f64)
    }

    /// A copy of what is at `path`, as a document of its own.
    pub fn get_doc(&self, path: &str) -> Result<Doc> {
        self.read(path, "a value", |value| Some(Doc(value.clone())))
    }

    /// How many elements, members or bytes the array, object or string at `path` has.
    pub fn len(&self, path: &str) -> Result<usize> {
        self.read(path, "an array, an object or a string", |value| match value {
            Value::Array(a) => Some(a.len()),
            Value::Object(o) => Some(o.len()),
            Value::String(s) => Some(s.len()),
            _ => None,
        })
    }

    /// Puts a string at `path`, making the members on the way. An array position may be the one
    /// behind the last.
    ///
    /// # Errors
    /// [`Code::WrongType`] when the path leads through a value without members,
    /// [`Code::NotFound`] for an array position that does not exist, [`Code::InvalidArgument`] for
    /// more than [`MAX_DEPTH`] levels; so for all that write.
    pub fn set_str(&mut self, path: &str, value: &str) -> Result<()> {
        self.set(path, Value::from(value))
    }

    /// Puts an integer at `path`.
    pub fn set_int(&mut self, path: &str, value: i64) -> Result<()> {
        self.set(path, Value::from(value))
    }

    /// Puts a truth value at `path`.
    pub fn set_bool(&mut self, path: &str, value: bool) -> Result<()> {
        self.set(path, Value::from(value))
    }

    /// Puts a number at `path`; infinity and NaN are [`Code::InvalidArgument`].
    pub fn set_double(&mut self, path: &str, value: f64) -> Result<()> {
        let number = Number::from_f64(value).ok_or_else(|| {
            let text = format!("'{path}': JSON has no number for {value}");
            Error::new(Code::InvalidArgument, text)
        })?;
        self.set(path, Value::Number(number))
    }

    /// Puts the value that `json` says at `path`.
    pub fn set_json(&mut self, path: &str, json: &str) -> Result<()> {
        let value = parse_value(json).map_err(|e| e.context(format_args!("'{path}'")))?;
        self.set(path, value)
    }

    /// Puts `value` at `path`.
    pub fn set(&mut self, path: &str, value: Value) -> Result<()> {
        *self.place(path)? = value;
        Ok(())
    }

    /// Appends the value that `json` says to the array at `path`, which is made when there is
    /// nothing.
    pub fn append_json(&mut self, path: &str, json: &str) -> Result<()> {
        let value = parse_value(json).map_err(|e| e.context(format_args!("'{path}'")))?;
        match self.place(path)? {
            Value::Array(array) => array.push(value),
            empty @ Value::Null => *empty = Value::Array(vec![value]),
            other => return Err(wrong_type(path, "an array", other)),
        }
        Ok(())
    }

    /// Removes the value at `path`; later array elements move up.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::InvalidArgument`] for the empty path.
    pub fn remove(&mut self, path: &str) -> Result<()> {
        let mut steps = steps(path)?;
        let Some(last) = steps.pop() else {
            return Err(Error::new(Code::InvalidArgument, "the whole document cannot be removed"));
        };
        let mut parent = &mut self.0;
        for step in &steps {
            parent = member_mut(parent, step).ok_or_else(|| not_found(path))?;
        }
        let removed = match parent {
            Value::Object(object) => object.shift_remove(&last),
            Value::Array(array) => {
                position(&last).filter(|i| *i < array.len()).map(|i| array.remove(i))
            }
            _ => None,
        };
        removed.map(drop).ok_or_else(|| not_found(path))
    }

    fn read<'a, T>(
        &'a self,
        path: &str,
        wanted: &str,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T> {
        let mut value = &self.0;
        for step in &steps(path)? {
            let next = match value {
                Value::Object(object) => object.get(step),
                Value::Array(array) => position(step).and_then(|i| array.get(i)),
                _ => None,
            };
            value = next.ok_or_else(|| not_found(path))?;
        }
        convert(value).ok_or_else(|| wrong_type(path, wanted, value))
    }

    /// The place that `path` names, made (as null) when it does not exist.
    fn place(&mut self, path: &str) -> Result<&mut Value> {
        let mut value = &mut self.0;
        for step in steps(path)? {
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            value = match value {
                Value::Object(object) => object.entry(step).or_insert(Value::Null),
                Value::Array(array) => {
                    let index = position(&step).filter(|i| *i <= array.len());
                    let index = index.ok_or_else(|| not_found(path))?;
                    if index == array.len() {
                        array.push(Value::Null);
                    }
                    &mut array[index]
                }
                other => return Err(wrong_type(path, "an object or array on the way", other)),
            };
        }
        Ok(value)
    }
}

impl Default for Doc {
    fn default() -> Self {
        Doc::new()
    }
}

impl From<Value> for Doc {
    fn from(value: Value) -> Doc {
        Doc(value)
    }
}

/// What kind of value this is, for error texts.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn parse_value(json: &str) -> Result<Value> {
    serde_json::from_str(json).map_err(|e| Error::new(Code::InvalidJson, e.to_string()))
}

fn steps(path: &str) -> Result<Vec<String>> {
    let mut steps = Vec::new();
    if path.is_empty() {
        return Ok(steps);
    }
    let mut step = String::new();
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => step.push(chars.next().unwrap_or('\\')),
            '.' => steps.push(std::mem::take(&mut step)),
            c => step.push(c),
        }
    }
    steps.push(step);
    if steps.len() > MAX_DEPTH {
        let text = format!("a path of {} levels; at most {MAX_DEPTH} are allowed", steps.len());
        return Err(Error::new(Code::InvalidArgument, text));
    }
    Ok(steps)
}

fn position(step: &str) -> Option<usize> {
    // No sign and no leading zeros: one text per position.
    step.parse().ok().filter(|i: &usize| i.to_string() == step)
}

fn member_mut<'a>(value: &'a mut Value, step: &str) -> Option<&'a mut Value> {
    match value {
        Value::Object(object) => object.get_mut(step),
        Value::Array(array) => position(step).and_then(|i| array.get_mut(i)),
        _ => None,
    }
}

fn not_found(path: &str) -> Error {
    Error::new(Code::NotFound, format!("there is nothing at '{path}'"))
}

fn wrong_type(path: &str, wanted: &str, found: &Value) -> Error {
    let text = format!("'{path}': expected {wanted}, found {}", kind(found));
    Error::new(Code::WrongType, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(result: Result<T>) -> Code {
        result.map(drop).unwrap_err().code()
    }

    #[test]
    fn reads_by_path_and_type() {
        let doc = Doc::parse(r#"{"a":{"b":[1,"x",true,2.5]},"dots.in\\name":"y"}"#).unwrap();
        assert_eq!(doc.get_int("a.b.0").unwrap(), 1);
        assert_eq!(doc.get_str("a.b.1").unwrap(), "x");
        assert!(doc.get_bool("a.b.2").unwrap());
        assert_eq!(doc.get_double("a.b.3").unwrap(), 2.5);
        assert_eq!(doc.get_double("a.b.0").unwrap(), 1.0);
        assert_eq!(doc.get_str(r"dots\.in\\name").unwrap(), "y");
        assert_eq!(doc.get_doc("a.b").unwrap().to_json(), r#"[1,"x",true,2.5]"#);
        assert_eq!(code(doc.get_doc("a.c")), Code::NotFound);
        assert_eq!(doc.len("a.b").unwrap(), 4);
        assert_eq!(doc.len("").unwrap(), 2);
        assert_eq!(code(doc.get_int("a.b.4")), Code::NotFound);
        assert_eq!(code(doc.get_int("a.b.00")), Code::NotFound);
        assert_eq!(code(doc.get_int("a.b.-1")), Code::NotFound);
        assert_eq!(code(doc.get_int("a.b.3")), Code::WrongType);
        assert!(doc.get_int("a.b.1").unwrap_err().text().contains("'a.b.1'"));
    }

    #[test]
    fn writes_make_the_way() {
        let mut doc = Doc::new();
        doc.set_str("a.b.c", "x").unwrap();
        doc.append_json("list", "1").unwrap();
        doc.append_json("list", "[2]").unwrap();
        doc.set_bool("list.2", true).unwrap();
        assert_eq!(doc.to_json(), r#"{"a":{"b":{"c":"x"}},"list":[1,[2],true]}"#);
        assert_eq!(code(doc.set_int("list.9", 1)), Code::NotFound);
        assert_eq!(code(doc.set_int("a.b.c.d", 1)), Code::WrongType);
        assert_eq!(code(doc.append_json("a", "1")), Code::WrongType);
        assert_eq!(code(doc.set_double("n", f64::NAN)), Code::InvalidArgument);
        assert_eq!(code(doc.set_json("n", "{")), Code::InvalidJson);
        doc.remove("list.0").unwrap();
        doc.remove("a").unwrap();
        assert_eq!(doc.to_json(), r#"{"list":[[2],true]}"#);
        assert_eq!(code(doc.remove("a.b")), Code::NotFound);
        assert_eq!(code(doc.remove("")), Code::InvalidArgument);
    }

    #[test]
    fn depth_is_bounded() {
        let deep = vec!["a"; MAX_DEPTH + 1].join(".");
        assert_eq!(code(Doc::new().set_int(&deep, 1)), Code::InvalidArgument);
        assert_eq!(code(Doc::new().get_int(&deep)), Code::InvalidArgument);
        assert_eq!(code(Doc::parse(&"[".repeat(100_000))), Code::InvalidJson);
    }
}
