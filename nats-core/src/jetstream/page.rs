//! Answers that come in pages.

use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::api::json;
use super::config::stream::list;
use super::context::JetStream;
use crate::error::Result;

/// Items of the API that come page by page as they are asked for.
#[derive(Debug)]
pub struct Page<T> {
    js: JetStream,
    path: String,
    /// Of the answer, which holds the items.
    member: &'static str,
    request: Map<String, Value>,
    items: VecDeque<Value>,
    asked: usize,
    total: Option<usize>,
    missing: Vec<String>,
    offline: BTreeMap<String, String>,
    read: PhantomData<fn() -> T>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
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
                let read = serde_json::from_value(item).map_err(|e| {
                    let text = format!("the answer to {} cannot be read: {e}", self.path);
                    crate::Error::new(crate::Code::Protocol, text)
                })?;
                return Ok(Some(read));
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
            _ => Vec::new(),
        };
        self.missing.append(&mut answer.missing);
        self.offline.extend(answer.offline.take().unwrap_or_default());
        self.asked += items.len();
        // A page without items is the last one, whatever the total says.
        self.total = Some(if items.is_empty() { self.asked } else { answer.total });
        self.items.extend(items);
        Ok(())
    }
}
