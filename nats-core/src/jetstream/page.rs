//! Answers that come in pages.

use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::api::{decode, json, unreadable};
use super::config::stream::list;
use super::context::JetStream;
use crate::error::Result;

/// No account has so many streams, nor a stream so many consumers.
const ENDLESS: usize = 10_000_000;

/// Items of the API that come page by page as they are asked for.
#[derive(Debug)]
pub struct Page<T> {
    js: JetStream,
    path: String,
    /// Of the answer, which holds the items.
    member: &'static str,
    request: Map<String, Value>,
    items: VecDeque<Value>,
    /// The first item of the latest page.
    first: Value,
    asked: usize,
    total: Option<usize>,
    missing: Vec<String>,
    offline: BTreeMap<String, String>,
    read: PhantomData<fn() -> T>,
}

#[derive(Deserialize)]
struct Answer {
    total: usize,
    #[serde(default, deserialize_with = "list")]
    missing: Vec<String>,
    offline: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    members: Map<String, Value>,
}

impl<T: DeserializeOwned> Page<T> {
    pub(super) fn new(
        js: &JetStream,
        path: String,
        member: &'static str,
        request: Map<String, Value>,
    ) -> Page<T> {
        Page {
            js: js.clone(),
            path,
            member,
            request,
            items: VecDeque::new(),
            first: Value::Null,
            asked: 0,
            total: None,
            missing: Vec::new(),
            offline: BTreeMap::new(),
            read: PhantomData,
        }
    }

    /// The next item; None: there are no more.
    ///
    /// # Errors
    /// Those of a request to the API.
    pub async fn next(&mut self) -> Result<Option<T>> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return decode(&self.path, item).map(Some);
            }
            if self.total.is_some_and(|total| self.asked >= total) {
                return Ok(None);
            }
            self.more().await?;
        }
    }

    /// All that are left.
    ///
    /// # Errors
    /// As [`Page::next`].
    pub async fn all(&mut self) -> Result<Vec<T>> {
        let mut all = Vec::new();
        while let Some(item) = self.next().await? {
            all.push(item);
        }
        Ok(all)
    }

    /// The names of those, so far, whose servers did not answer.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// The names of those, so far, that no server runs, with the reason (server 2.12).
    pub fn offline(&self) -> &BTreeMap<String, String> {
        &self.offline
    }

    async fn more(&mut self) -> Result<()> {
        self.request.insert("offset".into(), self.asked.into());
        let mut answer: Answer = self.js.call(&self.path, &json(&self.request)?).await?;
        let items = match answer.members.remove(self.member) {
            Some(Value::Array(items)) => items,
            None | Some(Value::Null) => Vec::new(),
            Some(_) => {
                return Err(unreadable(
                    &self.path,
                    format_args!("{}: expected a list", self.member),
                ));
            }
        };
        self.missing.append(&mut answer.missing);
        self.offline.extend(answer.offline.take().unwrap_or_default());
        // Lists are sorted: what the server goes on with is behind all that it has told.
        if let Some(first) = items.first() {
            let first = key(first);
            if *first == self.first || self.asked > ENDLESS {
                return Err(unreadable(&self.path, "the list has no end"));
            }
            self.first = first.clone();
        }
        self.asked += items.len();
        // A page without items is the last one, whatever the total says.
        self.total = Some(if items.is_empty() { self.asked } else { answer.total });
        self.items.extend(items);
        Ok(())
    }
}

/// The name of an item of a list: what else is told of it changes from one answer to the next.
fn key(item: &Value) -> &Value {
    item.get("name").or_else(|| item.pointer("/config/name")).unwrap_or(item)
}
