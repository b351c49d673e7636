//! The operations on a JetStream as Python methods, for both APIs.

use std::fmt::Write;

use nats_bridge::ops::{ALL, Op, Run};
use nats_core::Code;

use super::{class, wrapped_at};

/// The module of the asynchronous API.
pub(super) fn awaited() -> Result<String, String> {
    module(&AWAITED)
}

/// The module of the blocking API.
pub(super) fn blocking() -> Result<String, String> {
    module(&BLOCKING)
}

/// What is different in the two.
struct Flavour {
    before_def: &'static str,
    before_call: &'static str,
}

const AWAITED: Flavour = Flavour { before_def: "async ", before_call: "await " };
const BLOCKING: Flavour = Flavour { before_def: "", before_call: "" };

/// A member of an operation's document: its name, and what is said of it.
type Member<'a> = (&'a str, &'a str);

/// Members that every document with them has to have; of the others the library says when one lacks.
const REQUIRED: &[&str] = &["stream", "consumer", "config", "bucket"];

fn module(flavour: &Flavour) -> Result<String, String> {
    let mut out = String::new();
    let operate = format!(
        "\n\nclass Operations(ABC):\n    \"\"\"A method for each.\"\"\"\n\n    @abstractmethod\n    \
         {}def _operate(self, name: str, members: Mapping[str, Any]) -> dict[str, Any]:\n        \
         \"\"\"Runs the operation `name`.\"\"\"\n",
        flavour.before_def
    );
    out.push_str(&operate);
    for op in ALL.iter().filter(|op| matches!(op.run, Run::JetStream(_))) {
        method(&mut out, op, flavour).map_err(|e| e.to_string())?;
    }
    let names = if out.contains("Sequence[") { "Mapping, Sequence" } else { "Mapping" };
    Ok(HEAD.replace("NAMES", names) + &out)
}

fn method(out: &mut String, op: &Op, flavour: &Flavour) -> std::fmt::Result {
    let (name, Flavour { before_def, before_call }) = (op.name, flavour);
    let members = op.input.and_then(members);
    let mut parameters = String::new();
    let mut document = String::from("{}");
    match (&members, op.input) {
        (Some(members), _) => {
            parameters.push_str(", *");
            for (member, said) in required_first(members) {
                let kind = annotation(said);
                let parameter = match REQUIRED.contains(&member) {
                    true => format!(", {member}: {kind}"),
                    false => format!(", {member}: {kind} | None = None"),
                };
                parameters.push_str(&parameter.replace("Any | None", "Any"));
            }
            let pairs: Vec<_> = members.iter().map(|(m, _)| format!("\"{m}\": {m}")).collect();
            document = format!("{{{}}}", pairs.join(", "));
        }
        (None, Some(_)) => {
            parameters.push_str(", /, **config: Any");
            document = "config".into();
        }
        (None, None) => {}
    }
    let signature = format!("    {before_def}def {name}(self{parameters}) -> dict[str, Any]:");
    writeln!(out, "\n{}", broken(&signature))?;
    docstring(out, op)?;
    let call = format!("        return {before_call}self._operate(\"{name}\", {document})");
    writeln!(out, "{}", broken(&call))
}

fn docstring(out: &mut String, op: &Op) -> std::fmt::Result {
    let plain = |text: &str| in_python(text);
    writeln!(out, "        \"\"\"{}\n", wrapped_at(&plain(op.doc), 8, 11))?;
    if let Some(input) = op.input {
        writeln!(out, "        {}\n", wrapped_at(&format!("Takes {}.", plain(input)), 8, 8))?;
    }
    let output = format!("Returns {}.", plain(op.output));
    writeln!(out, "        {}\n", wrapped_at(&output, 8, 8))?;
    let classes = op.errors.iter().filter_map(|name| {
        let code = Code::ALL.iter().find(|code| code.name() == *name)?;
        class(*code).map(|class| format!("`{class}`"))
    });
    let raises = format!("Raises {}.", classes.collect::<Vec<_>>().join(", "));
    writeln!(out, "        {}\n        \"\"\"", wrapped_at(&raises, 8, 8))
}

/// The members that a document is said to have; none when that is said in words alone.
fn members(input: &str) -> Option<Vec<Member<'_>>> {
    let mut rest = input.strip_prefix('{')?.strip_suffix('}')?;
    let mut members = Vec::new();
    while let Some((name, after)) = member(rest) {
        let (mut depth, mut end) = (0, after.len());
        for (at, letter) in after.char_indices() {
            match letter {
                '{' | '[' | '(' => depth += 1,
                '}' | ']' | ')' => depth -= 1,
                // What is said may have commas and quotes of its own.
                ',' if depth == 0 && after[at..].strip_prefix(", ").is_some_and(begins_one) => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        members.push((name, &after[..end]));
        rest = after[end..].trim_start_matches(", ");
    }
    Some(members)
}

/// The name of the member that the text begins with, and what is behind it.
fn member(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('"')?.split_once("\": ")?;
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some((name, after))
}

fn begins_one(text: &str) -> bool {
    member(text).is_some()
}

/// Those that must be given before those that may be.
fn required_first<'a>(members: &[Member<'a>]) -> Vec<Member<'a>> {
    let mut sorted = members.to_vec();
    sorted.sort_by_key(|(name, _)| !REQUIRED.contains(name));
    sorted
}

/// The type of a member by what is said of it; what is not known here may be anything.
fn annotation(said: &str) -> &'static str {
    match said {
        "bool" => "bool",
        "n" | "how many stay" | "only those before it" => "int",
        "name" | "subject" | "subjects" | "text" | "RFC 3339" => "str",
        "subjects to count" | "only those that have it" => "str",
        _ if said.starts_with('{') || said.contains("configuration") => "Mapping[str, Any]",
        _ if said.starts_with('[') => "Sequence[Any]",
        _ => "Any",
    }
}

/// A text for users of C, for users of Python.
fn in_python(text: &str) -> String {
    let mut text = text.to_owned();
    for op in ALL {
        text = text.replace(&format!("nats_{}()", op.name), &format!("`{}`", op.name));
    }
    text.replace('\\', "\\\\")
}

/// A line of code whose parenthesised list has lines of its own when it is too long.
fn broken(line: &str) -> String {
    let (Some(open), Some(close)) = (line.find('('), line.rfind(')')) else { return line.into() };
    if line.len() <= 100 {
        return line.into();
    }
    let indent = " ".repeat(line.len() - line.trim_start().len());
    let (head, inner, tail) = (&line[..=open], &line[open + 1..close], &line[close..]);
    let one = format!("{head}\n{indent}    {inner}\n{indent}{tail}");
    if one.lines().all(|line| line.len() <= 100) {
        return one;
    }
    let lines = |list, indent: &str| -> String {
        items(list).iter().map(|item| format!("\n{indent}    {item},")).collect()
    };
    let within = format!("{indent}    ");
    let short = |item: &str| within.len() + item.len() < 100;
    let mut out = head.to_owned();
    for item in items(inner) {
        match item.strip_prefix('{').and_then(|item| item.strip_suffix('}')) {
            Some(members) if !short(item) => {
                out += &format!("\n{within}{{{}\n{within}}},", lines(members, &within));
            }
            _ => out += &format!("\n{within}{item},"),
        }
    }
    format!("{out}\n{indent}{tail}")
}

/// The parts between the outer commas.
fn items(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, letter) in list.char_indices() {
        match letter {
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth -= 1,
            ',' if depth == 0 => {
                items.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(list[start..].trim());
    items
}

const HEAD: &str = r#""""The operations on a JetStream: its control plane.

Generated by `cargo xtask gen`; do not edit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import NAMES
from typing import Any
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(op: &Op, flavour: &Flavour) -> String {
        let mut out = String::new();
        method(&mut out, op, flavour).unwrap();
        out
    }

    #[test]
    fn members_of_documents_are_found() {
        let input = r#"{"stream": name, "seq": n, or none, "config": {"a": [1, 2], "b": x}}"#;
        let expected =
            [("stream", "name"), ("seq", "n, or none"), ("config", r#"{"a": [1, 2], "b": x}"#)];
        assert_eq!(members(input).unwrap(), expected);
        let input = r#"{"when": "@at ...", "@every ..." or "x": six, "target": subject}"#;
        let expected = [("when", r#""@at ...", "@every ..." or "x": six"#), ("target", "subject")];
        assert_eq!(members(input).unwrap(), expected);
        assert!(members("a configuration").is_none());
    }

    #[test]
    fn members_are_keyword_arguments() {
        let method = text(&nats_bridge::ops::STREAM_PURGE, &AWAITED);
        assert!(method.contains("    async def stream_purge(\n"), "{method}");
        for part in ["*", "stream: str", "seq: int | None = None", "keep: int | None = None"] {
            assert!(method.contains(part), "{method}");
        }
        assert!(method.contains("return await self._operate("), "{method}");
        assert!(method.contains("`StreamNotFoundError`"), "{method}");
        let method = text(&nats_bridge::ops::STREAM_CREATE, &BLOCKING);
        assert!(method.contains("    def stream_create(self, /, **config: Any) ->"), "{method}");
        assert!(method.contains("return self._operate(\"stream_create\", config)"), "{method}");
        let method = text(&nats_bridge::ops::ACCOUNT_INFO, &BLOCKING);
        assert!(method.contains("    def account_info(self) -> dict[str, Any]:"), "{method}");
    }
}
