//! The control plane of JetStream as methods in TypeScript.

use std::fmt::Write;

use nats_bridge::ops::{ALL, Op, Run};
use nats_core::Code;

use super::{NOTE, camel, class, paragraph};

/// What the documents of operations are: the parameter, and the result. Those that are not here take
/// and yield a document whose members are not declared.
const TYPES: &[(&str, &str, &str)] = &[
    ("account_info", "", "AccountInfo"),
    ("stream_create", "input: StreamConfig", "StreamInfo"),
    ("stream_update", "input: StreamConfig", "StreamInfo"),
    ("stream_create_or_update", "input: StreamConfig", "StreamInfo"),
    (
        "stream_info",
        "input: { stream: string; subjects_filter?: string; deleted_details?: boolean }",
        "StreamInfo",
    ),
    ("stream_names", "input: { subject?: string } = {}", "{ streams: string[] }"),
    ("stream_list", "input: { subject?: string } = {}", "{ streams: StreamInfo[] }"),
    ("stream_by_subject", "input: { subject: string }", "{ stream: string }"),
    (
        "stream_purge",
        "input: { stream: string; filter?: string; seq?: number; keep?: number }",
        "{ purged: number }",
    ),
    ("stream_delete", "input: { stream: string }", "{}"),
    (
        "stream_get_message",
        "input: { stream: string; seq?: number; last_by_subj?: string; next_by_subj?: string; \
         no_hdr?: boolean; direct?: boolean }",
        "StoredMessage",
    ),
    ("stream_delete_message", "input: { stream: string; seq: number; no_erase?: boolean }", "{}"),
    ("consumer_create", CONFIGURED, "ConsumerInfo"),
    ("consumer_update", CONFIGURED, "ConsumerInfo"),
    ("consumer_create_or_update", CONFIGURED, "ConsumerInfo"),
    ("consumer_info", NAMED, "ConsumerInfo"),
    ("consumer_names", "input: { stream: string }", "{ consumers: string[] }"),
    ("consumer_list", "input: { stream: string }", "{ consumers: ConsumerInfo[] }"),
    (
        "consumer_pause",
        "input: { stream: string; consumer: string; pause_until: string }",
        "PauseState",
    ),
    ("consumer_resume", NAMED, "PauseState"),
    ("consumer_reset", "input: { stream: string; consumer: string; seq?: number }", "ConsumerInfo"),
    ("consumer_unpin", "input: { stream: string; consumer: string; group: string }", "{}"),
    ("consumer_delete", NAMED, "{}"),
];

const CONFIGURED: &str = "input: { stream: string; config: ConsumerConfig }";
const NAMED: &str = "input: { stream: string; consumer: string }";

const HEAD: &str = r#"
import type * as documents from "./documents";

/**
 * The control plane of JetStream, a method for each operation. It takes a document and resolves to
 * one, both under the server's own names. All reject with TypeError for an argument that is no
 * object.
 */
export abstract class Operations {
  /** @internal Runs an operation by its name. */
  protected abstract operate(name: string, input: object): Promise<any>;
"#;

/// The text of `lib/operations_gen.ts`.
pub(super) fn operations() -> Result<String, String> {
    let mut out = format!("{NOTE}{HEAD}");
    for op in ALL.iter().filter(|op| matches!(op.run, Run::JetStream(_))) {
        method(&mut out, op).map_err(|e| e.to_string())?;
    }
    out.push_str("}\n");
    Ok(out)
}

fn method(out: &mut String, op: &Op) -> std::fmt::Result {
    let undeclared = match op.input {
        Some(_) => "input: Document",
        None => "",
    };
    let types = TYPES.iter().find(|(name, ..)| *name == op.name);
    let (parameter, result) = types.map_or((undeclared, "Document"), |(_, p, r)| (*p, *r));
    let [parameter, result] = [parameter, result].map(qualified);
    let argument = if op.input.is_some() { "input" } else { "{}" };
    let mut text = vec![in_script(op.doc)];
    text.extend(op.input.map(|input| format!("Takes {}.", in_script(input))));
    text.push(format!("Resolves to {}.", in_script(op.output)));
    let classes: Vec<_> = op.errors.iter().filter_map(|name| class_named(name)).collect();
    text.push(format!("Rejects with {}.", classes.join(", ")));
    writeln!(out, "\n  /**")?;
    for (index, text) in text.iter().enumerate() {
        if index > 0 {
            writeln!(out, "   *")?;
        }
        paragraph(out, "  ", text)?;
    }
    writeln!(out, "   */")?;
    let name = camel(op.name);
    let head = format!("  {name}({parameter}): Promise<{result}> {{");
    if head.len() <= 100 {
        writeln!(out, "{head}")?;
    } else {
        // One member a line.
        let parameter = parameter.replace("{ ", "{\n      ").replace(" }", ";\n    }");
        let parameter = parameter.replace("; ", ";\n      ");
        writeln!(out, "  {name}(\n    {parameter},\n  ): Promise<{result}> {{")?;
    }
    writeln!(out, "    return this.operate(\"{}\", {argument});\n  }}", op.name)
}

/// The text with functions under their names here.
fn in_script(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, name)) = rest.split_once("nats_") {
        let end = name.find("()").unwrap_or(0);
        out += before;
        out += &camel(&name[..end]);
        rest = &name[end..];
    }
    out + rest
}

/// Types with the module that declares them.
fn qualified(types: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for letter in types.chars() {
        if letter.is_ascii_uppercase() && !before.is_alphanumeric() {
            out += "documents.";
        }
        out.push(letter);
        before = letter;
    }
    out
}

fn class_named(code: &str) -> Option<&'static str> {
    Code::ALL.iter().find(|known| known.name() == code).and_then(|code| class(*code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_operations_that_are_there() {
        for (name, parameter, _) in TYPES {
            let op = ALL.iter().find(|op| op.name == *name);
            let op = op.unwrap_or_else(|| panic!("{name} is no operation"));
            assert!(matches!(op.run, Run::JetStream(_)), "{name}");
            assert_eq!(op.input.is_none(), parameter.is_empty(), "{name}");
        }
    }

    #[test]
    fn every_operation_on_a_jetstream_is_a_method() {
        let text = operations().unwrap();
        for op in ALL {
            let called = text.contains(&format!("this.operate(\"{}\", ", op.name));
            assert_eq!(called, matches!(op.run, Run::JetStream(_)), "{}", op.name);
        }
        assert!(text.contains("  accountInfo(): Promise<documents.AccountInfo> {\n"));
        assert!(text.contains("what streamInfo() tells of each"));
        assert!(!text.contains("nats_"));
    }

    #[test]
    fn one_without_types_takes_any_document() {
        let op = Op { name: "thing_do_it", ..nats_bridge::ops::STREAM_DELETE };
        let mut text = String::new();
        method(&mut text, &op).unwrap();
        let expected = "  thingDoIt(input: documents.Document): Promise<documents.Document> {\n    \
                        return this.operate(\"thing_do_it\", input);\n";
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("   * Rejects with InvalidJsonError, InvalidNameError, "), "{text}");
    }
}
