//! Messages that are published later, once or again and again (ADR-51, server 2.12).

use std::time::Duration;

use super::context::JetStream;
use super::level;
use super::pub_ack::PubAck;
use super::publish::PublishOptions;
use super::stream::PurgeOptions;
use crate::client::publish::Publish;
use crate::error::{Code, Error, Result};
use crate::proto::Headers;
use crate::proto::subject::Subject;

/// When a message is published, and how. The message that has the schedule is kept under a subject of
/// its own, and the last one of that subject counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// `@at ` and a time in RFC 3339; `@every ` and an interval of at least a second, as `5m` or
    /// `1h30m`; `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`; or the six fields of a cron table:
    /// second, minute, hour, day of the month, month, day of the week. Server 2.12 knows `@at`, 2.14 all.
    pub when: String,
    /// The subject that is published to; one of the same stream, and not the schedule's own.
    pub target: String,
    /// Publish what was last stored under this subject, instead of the schedule's payload (server 2.14).
    pub source: Option<String>,
    /// How long the stream keeps what is published, in whole seconds; the stream must have
    /// `allow_msg_ttl`.
    pub ttl: Option<Duration>,
    /// The time zone of cron fields, as `Europe/Berlin`; None: UTC (server 2.14).
    pub time_zone: Option<String>,
    /// What is published replaces what was published to the target before (server 2.14); the stream must
    /// have `allow_rollup_hdrs`.
    pub rollup: bool,
}

/// The names of schedules that the server knows.
const NAMED: [&str; 7] =
    ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
/// The units of intervals, in nanoseconds.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

impl Schedule {
    /// Once, at a time in RFC 3339; one that has passed means at once.
    pub fn at(time: &str, target: impl Into<String>) -> Schedule {
        Schedule { when: format!("@at {time}"), target: target.into(), ..Schedule::default() }
    }

    /// Again and again, beginning with the first interval's end.
    pub fn every(interval: Duration, target: impl Into<String>) -> Schedule {
        let when = format!("@every {}ms", interval.as_millis());
        Schedule { when, target: target.into(), ..Schedule::default() }
    }

    /// By the six fields of a cron table, or a name as `@hourly`.
    pub fn cron(pattern: impl Into<String>, target: impl Into<String>) -> Schedule {
        Schedule { when: pattern.into(), target: target.into(), ..Schedule::default() }
    }

    /// The headers that make a message a schedule, beside those of its own.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a schedule that servers do not take; [`Code::InvalidSubject`].
    pub fn headers(&self, own: Option<&Headers>) -> Result<Headers> {
        self.check()?;
        let mut headers = own.cloned().unwrap_or_default();
        headers.set("Nats-Schedule", &self.when)?;
        headers.set("Nats-Schedule-Target", &self.target)?;
        if let Some(source) = &self.source {
            headers.set("Nats-Schedule-Source", source)?;
        }
        if let Some(ttl) = self.ttl {
            headers.set("Nats-Schedule-TTL", &format!("{}s", ttl.as_secs()))?;
        }
        if let Some(time_zone) = &self.time_zone {
            headers.set("Nats-Schedule-Time-Zone", time_zone)?;
        }
        if self.rollup {
            headers.set("Nats-Schedule-Rollup", "sub")?;
        }
        Ok(headers)
    }

    fn check(&self) -> Result<()> {
        let fields = !self.when.starts_with('@');
        let right = match self.when.split_once(' ') {
            Some(("@at", time)) => is_time(time),
            Some(("@every", interval)) => nanos(interval).is_some_and(|nanos| nanos >= 1e9),
            _ if fields => are_fields(&self.when),
            _ => NAMED.contains(&self.when.as_str()),
        };
        if !right {
            let shown: String = self.when.chars().take(64).collect();
            let text = format!(
                "schedule \"{}\": expected @at and a time in RFC 3339, @every and at least one \
                 second, @hourly or its like, or six fields of a cron table",
                shown.escape_debug()
            );
            return Err(Error::new(Code::InvalidArgument, text));
        }
        Subject::new(&self.target).map_err(|error| error.context("target"))?;
        if let Some(source) = &self.source {
            Subject::new(source).map_err(|error| error.context("source"))?;
        }
        if self.ttl.is_some_and(|ttl| ttl.as_secs() == 0) {
            return Err(Error::new(Code::InvalidArgument, "ttl: expected at least one second"));
        }
        if self.time_zone.is_some() && !fields {
            let text = "time_zone: expected with the fields of a cron table only";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        Ok(())
    }
}

impl JetStream {
    /// Stores a message that is a schedule; the stream that has the subject must have
    /// `allow_msg_schedules`. An earlier schedule of the same subject is replaced.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a schedule that servers do not take, or whose target is its own
    /// subject; [`Code::InvalidSubject`]; [`Code::Unsupported`]; those of [`JetStream::publish_with`].
    pub async fn schedule(
        &self,
        publish: &Publish<'_>,
        schedule: &Schedule,
        options: &PublishOptions,
    ) -> Result<PubAck> {
        let headers = schedule.headers(publish.headers)?;
        let Schedule { target, source, time_zone, rollup, .. } = schedule;
        if publish.subject == target || source.as_deref() == Some(publish.subject) {
            let text = "target and source: expected others than the schedule's own subject";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        level::of_operation("a schedule", (2, 12), &self.client)?;
        // That is all that the first servers with schedules have.
        let simple =
            schedule.when.starts_with("@at ") && source.is_none() && time_zone.is_none() && !rollup;
        if !simple {
            let text = "a schedule that repeats, or with source, time_zone or rollup,";
            level::of_operation(text, (2, 14), &self.client)?;
        }
        self.publish_with(&publish.headers(&headers), options).await
    }

    /// Removes the schedule of a subject; whether there was one.
    ///
    /// # Errors
    /// [`Code::InvalidSubject`]; those of [`JetStream::purge_stream`].
    pub async fn cancel_schedule(&self, stream: &str, subject: &str) -> Result<bool> {
        // With wildcards it would be all of them.
        Subject::new(subject)?;
        let options = PurgeOptions { filter: Some(subject.to_owned()), ..PurgeOptions::default() };
        Ok(self.purge_stream(stream, &options).await? > 0)
    }
}

/// Whether it looks like a time in RFC 3339; the server knows the calendar.
fn is_time(text: &str) -> bool {
    let shape = b"0000-00-00T00:00:00";
    let (Some(head), Some(tail)) = (text.get(..shape.len()), text.get(shape.len()..)) else {
        return false;
    };
    let same = |(byte, like): (u8, &u8)| match like {
        b'0' => byte.is_ascii_digit(),
        _ => byte == *like,
    };
    let zone = tail.strip_prefix('.').map_or(tail, |rest| {
        let zone = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if zone.len() == rest.len() { "" } else { zone }
    });
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let offset = |text: &str| text.split_once(':').is_some_and(|(h, m)| digits(h) && digits(m));
    let zoned = zone == "Z" || zone.strip_prefix(['+', '-']).is_some_and(offset);
    zoned && head.bytes().zip(shape).all(same)
}

/// The length of an interval as Go writes it.
fn nanos(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let unit = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..unit].parse().ok()?;
        let end = rest[unit..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |i| unit + i);
        let (_, nanos) = UNITS.iter().find(|(name, _)| *name == &rest[unit..end])?;
        sum += number * nanos;
        rest = &rest[end..];
    }
    (!text.is_empty()).then_some(sum)
}

fn are_fields(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "*,/-?".contains(c);
    text.split(' ').filter(|field| !field.is_empty()).count() == 6
        && text.chars().all(|c| plain(c) || c == ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_become_headers() {
        let schedule = Schedule {
            source: Some("in".into()),
            ttl: Some(Duration::from_secs(300)),
            time_zone: Some("Europe/Berlin".into()),
            rollup: true,
            ..Schedule::cron("0 30 5 * jan-mar mon,wed", "out")
        };
        let headers = schedule.headers(None).unwrap();
        assert_eq!(
            headers.iter().collect::<Vec<_>>(),
            [
                ("Nats-Schedule", "0 30 5 * jan-mar mon,wed"),
                ("Nats-Schedule-Target", "out"),
                ("Nats-Schedule-Source", "in"),
                ("Nats-Schedule-TTL", "300s"),
                ("Nats-Schedule-Time-Zone", "Europe/Berlin"),
                ("Nats-Schedule-Rollup", "sub"),
            ]
        );
        let every = Schedule::every(Duration::from_millis(1500), "out").headers(None).unwrap();
        assert_eq!(every.get("Nats-Schedule"), Some("@every 1500ms"));
    }

    #[test]
    fn schedules_that_servers_refuse_are_refused() {
        for good in [
            "@at 2030-01-01T00:00:00Z",
            "@at 2030-01-01T00:00:00.5+01:00",
            "@every 1h30m",
            "@every 1.5s",
            "@midnight",
            "*/5 * * * * *",
        ] {
            assert!(Schedule::cron(good, "t").headers(None).is_ok(), "{good}");
        }
        for bad in [
            "",
            "@at",
            "@at tomorrow",
            "@at 2030-01-01 00:00:00Z",
            "@at 2030-01-01T00:00:00",
            "@at 2030-01-01T00:00:00.Z",
            "@at 2030-01-01T00:00:00+1:0",
            "@every 999ms",
            "@every 5",
            "@every 5x",
            "@every",
            "@sometimes",
            "* * * * *",
            "* * * * * * *",
            "0 0 0 1 1 \n",
        ] {
            let error = Schedule::cron(bad, "t").headers(None).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument, "{bad}");
        }
        let code = |schedule: Schedule| schedule.headers(None).unwrap_err().code();
        assert_eq!(code(Schedule::cron("@daily", "t.*")), Code::InvalidSubject);
        let source = Schedule { source: Some(">".into()), ..Schedule::cron("@daily", "t") };
        assert_eq!(code(source), Code::InvalidSubject);
        let zone = Schedule { time_zone: Some("UTC".into()), ..Schedule::cron("@daily", "t") };
        assert_eq!(code(zone), Code::InvalidArgument);
        let ttl = Schedule { ttl: Some(Duration::ZERO), ..Schedule::cron("@daily", "t") };
        assert_eq!(code(ttl), Code::InvalidArgument);
    }
}
