//! Every message of a stream once and in order, whatever happens to consumers and servers (ADR-17).

use std::collections::BTreeMap;
use std::time::Duration;

use super::config::consumer::{AckPolicy, ConsumerConfig, DeliverPolicy, ReplayPolicy};
use super::consume::{ConsumeOptions, Messages};
use super::context::JetStream;
use super::ordering::{Extra, Ordering};
use crate::client::subscription::Subscription;
use crate::conn::nuid::nuid;
use crate::error::{Code, Error, Result};

/// For how long the server keeps a consumer that nobody uses.
const INACTIVE: Duration = Duration::from_secs(300);
/// How often the server says that it is there while it has nothing to push.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Messages of an ordered consumer are not acknowledged: they never wait for it.
const NO_ACK: Duration = Duration::from_secs(22 * 3600);

/// Which messages of a stream are taken, and how.
#[derive(Clone, Debug)]
pub struct OrderedOptions {
    /// Only these subjects; empty: all.
    pub filter_subjects: Vec<String>,
    /// The first message.
    pub deliver_policy: DeliverPolicy,
    /// With [`DeliverPolicy::ByStartSequence`].
    pub opt_start_seq: u64,
    /// With [`DeliverPolicy::ByStartTime`], in RFC 3339.
    pub opt_start_time: String,
    /// How fast they come.
    pub replay_policy: ReplayPolicy,
    /// Without payloads.
    pub headers_only: bool,
    /// For how long the server keeps a consumer that nobody uses. Default 5 min.
    pub inactive_threshold: Duration,
    /// What the names of the consumers begin with; empty: they are made up as a whole.
    pub name_prefix: String,
    /// What the program wants to have noted of the consumers (ADR-33).
    pub metadata: BTreeMap<String, String>,
    /// After how many attempts in a row to have a consumer of use the messages end; None: never.
    pub max_reset_attempts: Option<u32>,
    /// The server pushes them; otherwise they are pulled.
    pub push: bool,
    /// How they are taken. Of those that are pushed, `heartbeat` (5 s by default) and `events` count;
    /// they wait within the connection's pending limits.
    pub consume: ConsumeOptions,
}

impl Default for OrderedOptions {
    fn default() -> Self {
        OrderedOptions {
            filter_subjects: Vec::new(),
            deliver_policy: DeliverPolicy::All,
            opt_start_seq: 0,
            opt_start_time: String::new(),
            replay_policy: ReplayPolicy::Instant,
            headers_only: false,
            inactive_threshold: INACTIVE,
            name_prefix: String::new(),
            metadata: BTreeMap::new(),
            max_reset_attempts: None,
            push: false,
            consume: ConsumeOptions::default(),
        }
    }
}

impl OrderedOptions {
    /// The heartbeat, and the threshold of those that are pulled, once all is checked.
    pub(super) fn checked(&self) -> Result<(Duration, usize)> {
        let bad = |text: &'static str| Err(Error::new(Code::InvalidArgument, text));
        let ConsumeOptions { group, min_pending, min_ack_pending, priority, .. } = &self.consume;
        if !group.is_empty() || *min_pending > 0 || *min_ack_pending > 0 || *priority > 0 {
            return bad("group: an ordered consumer has none");
        }
        if self.max_reset_attempts == Some(0) {
            return bad("max_reset_attempts: expected at least 1");
        }
        if !self.push {
            return self.consume.checked();
        }
        let heartbeat = self.consume.heartbeat.unwrap_or(HEARTBEAT);
        // The server's least.
        if heartbeat < Duration::from_millis(100) {
            return bad("heartbeat: expected at least 100 ms");
        }
        Ok((heartbeat, 0))
    }

    /// A consumer that begins behind the last message that was taken, when there was one.
    pub(super) fn consumer(
        &self,
        last: Option<u64>,
        heartbeat: Duration,
        deliver_subject: &str,
    ) -> Result<ConsumerConfig> {
        let made_up = nuid()?;
        let name = match self.name_prefix.as_str() {
            "" => made_up,
            prefix => format!("{prefix}_{made_up}"),
        };
        let mut config = ConsumerConfig {
            name,
            deliver_policy: self.deliver_policy.clone(),
            opt_start_seq: self.opt_start_seq,
            opt_start_time: self.opt_start_time.clone(),
            replay_policy: self.replay_policy.clone(),
            headers_only: self.headers_only,
            inactive_threshold: self.inactive_threshold,
            metadata: self.metadata.clone(),
            ack_policy: AckPolicy::None,
            num_replicas: 1,
            mem_storage: true,
            ..ConsumerConfig::default()
        };
        // A single one is told in the member that all servers know, and that permissions can name.
        match self.filter_subjects.as_slice() {
            [single] => config.filter_subject.clone_from(single),
            several => config.filter_subjects = several.to_vec(),
        }
        if let Some(last) = last {
            config.deliver_policy = DeliverPolicy::ByStartSequence;
            config.opt_start_seq = last + 1;
            config.opt_start_time.clear();
        }
        if self.push {
            config.deliver_subject = deliver_subject.to_owned();
            config.flow_control = true;
            config.idle_heartbeat = heartbeat;
            config.max_deliver = 1;
            config.ack_wait = NO_ACK;
        }
        Ok(config)
    }
}

impl JetStream {
    /// Takes the messages of a stream, each once and in order, by consumers of its own that need no
    /// acknowledgements. When one is gone, has left something out or is not heard, when its leader
    /// changes or the connection is lost, another one goes on behind the last message that was taken;
    /// each time is told by [`ConsumeEvent::Reset`](super::ConsumeEvent) and
    /// [`Event::Consumer`](crate::Event).
    ///
    /// The messages end with [`Code::StreamNotFound`] when the stream is gone.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`], also outside a tokio runtime; those of
    /// [`JetStream::create_consumer`].
    pub async fn ordered(&self, stream: &str, options: &OrderedOptions) -> Result<Messages> {
        let (subscription, source) =
            Ordering::start(self, stream, options, Extra::default()).await?;
        Ok(Messages::new(subscription, source))
    }

    /// The same as a subscription.
    ///
    /// # Errors
    /// As [`JetStream::ordered`].
    pub async fn subscribe_ordered(
        &self,
        stream: &str,
        options: &OrderedOptions,
    ) -> Result<Subscription> {
        self.subscribe_in_order(stream, options, Extra::default()).await
    }

    pub(crate) async fn subscribe_in_order(
        &self,
        stream: &str,
        options: &OrderedOptions,
        extra: Extra,
    ) -> Result<Subscription> {
        Ok(Ordering::start(self, stream, options, extra).await?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_make_no_sense_are_named() {
        let base = OrderedOptions::default();
        let consume = ConsumeOptions { group: "g".into(), ..ConsumeOptions::default() };
        let often = Some(Duration::from_millis(50));
        let often = ConsumeOptions { heartbeat: often, ..ConsumeOptions::default() };
        for (options, part) in [
            (OrderedOptions { consume, ..base.clone() }, "group"),
            (OrderedOptions { max_reset_attempts: Some(0), ..base.clone() }, "max_reset_attempts"),
            (OrderedOptions { push: true, consume: often, ..base.clone() }, "heartbeat"),
        ] {
            let error = options.checked().unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.text().starts_with(part), "{error}");
        }
        assert_eq!(base.checked().unwrap().1, 250);
        let pushed = OrderedOptions { push: true, ..base };
        assert_eq!(pushed.checked().unwrap().0, HEARTBEAT);
    }

    #[test]
    fn another_consumer_begins_behind_the_last_message() {
        let options = OrderedOptions {
            filter_subjects: vec!["a.>".into()],
            deliver_policy: DeliverPolicy::ByStartTime,
            opt_start_time: "2030-01-01T00:00:00Z".into(),
            name_prefix: "mine".into(),
            ..OrderedOptions::default()
        };
        let first = options.consumer(None, HEARTBEAT, "").unwrap();
        assert_eq!(first.deliver_policy, DeliverPolicy::ByStartTime);
        assert_eq!(first.filter_subject, "a.>");
        assert!(first.name.starts_with("mine_"), "{}", first.name);
        assert!(first.deliver_subject.is_empty() && !first.flow_control);
        let pushed = OrderedOptions { push: true, ..options };
        let next = pushed.consumer(Some(7), HEARTBEAT, "in.1").unwrap();
        assert_eq!(next.deliver_policy, DeliverPolicy::ByStartSequence);
        assert_eq!((next.opt_start_seq, next.opt_start_time.as_str()), (8, ""));
        assert_eq!((next.deliver_subject.as_str(), next.flow_control), ("in.1", true));
        assert_ne!(first.name, next.name);
    }
}
