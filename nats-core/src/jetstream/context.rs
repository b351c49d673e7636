//! The way to the JetStream of an account.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::client::handle::Client;
use crate::error::{Code, Error, Result};
use crate::proto::subject::Subject;

/// Told of each request to the API and of its answer: the subject, and what was sent or came.
pub type ApiTrace = Arc<dyn Fn(&str, &[u8]) + Send + Sync>;

/// How the JetStream API is reached.
#[derive(Clone)]
pub struct JetStreamOptions {
    /// The prefix of the API's subjects. Default `$JS.API`.
    pub api_prefix: String,
    /// The domain (ADR-19) instead of a prefix.
    pub domain: Option<String>,
    /// How long a request to the API may take. Default 5 s.
    pub timeout: Duration,
    /// Told of each request and its answer.
    pub trace: Option<ApiTrace>,
}

impl Default for JetStreamOptions {
    fn default() -> Self {
        JetStreamOptions {
            api_prefix: "$JS.API".into(),
            domain: None,
            timeout: Duration::from_secs(5),
            trace: None,
        }
    }
}

impl fmt::Debug for JetStreamOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStreamOptions")
            .field("api_prefix", &self.api_prefix)
            .field("domain", &self.domain)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The JetStream of an account, by way of a connection. Cheap to clone.
#[derive(Clone)]
pub struct JetStream {
    pub(super) client: Client,
    pub(super) way: Arc<Way>,
}

/// How the API is reached, checked.
pub(super) struct Way {
    /// With a dot at its end.
    pub(super) prefix: String,
    pub(super) timeout: Duration,
    pub(super) trace: Option<ApiTrace>,
}

impl Client {
    /// The JetStream of the connection's account.
    pub fn jetstream(&self) -> JetStream {
        let JetStreamOptions { api_prefix, timeout, trace, .. } = JetStreamOptions::default();
        let way = Way { prefix: api_prefix + ".", timeout, trace };
        JetStream { client: self.clone(), way: Arc::new(way) }
    }

    /// The same with options.
    ///
    /// # Errors
    /// [`Code::InvalidOption`] for a prefix or domain that is no part of a subject, or both.
    pub fn jetstream_with(&self, options: JetStreamOptions) -> Result<JetStream> {
        let JetStreamOptions { api_prefix, domain, timeout, trace } = options;
        let bad = |option: &str| {
            let text = format!("{option}: expected words of a subject, without wildcards");
            Error::new(Code::InvalidOption, text)
        };
        let prefix = match domain {
            Some(domain) => {
                if api_prefix != JetStreamOptions::default().api_prefix {
                    let text = "api_prefix and domain: expected one of them";
                    return Err(Error::new(Code::InvalidOption, text));
                }
                Subject::new(&domain).map_err(|_| bad("domain"))?;
                format!("$JS.{domain}.API.")
            }
            None => {
                let words = api_prefix.strip_suffix('.').unwrap_or(&api_prefix);
                Subject::new(words).map_err(|_| bad("api_prefix"))?;
                format!("{words}.")
            }
        };
        let way = Way { prefix, timeout, trace };
        Ok(JetStream { client: self.clone(), way: Arc::new(way) })
    }
}

impl JetStream {
    /// The connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The prefix of the API's subjects, with a dot at its end.
    pub fn api_prefix(&self) -> &str {
        &self.way.prefix
    }

    /// How long a request to the API may take.
    pub fn timeout(&self) -> Duration {
        self.way.timeout
    }

    pub(crate) fn is_traced(&self) -> bool {
        self.way.trace.is_some()
    }
}

impl fmt::Debug for JetStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStream").field("api_prefix", &self.way.prefix).finish_non_exhaustive()
    }
}
