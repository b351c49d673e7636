//! How many messages make a run of the right length.

use crate::case::{Case, FETCHED};
use crate::matrix::OBJECT_CHUNKS;
use crate::results::Op;

/// What may pile up in a client that receives more slowly than it is sent to, or before it.
const RECEIVED_BYTES: usize = 512 << 20;
const LOOPED_BYTES: usize = 256 << 20;
const PUBLISHED_BYTES: usize = 2 << 30;
const FIRST_BYTES: usize = 64 << 20;
/// What streams may hold, and what the server needs for a message besides its payload.
const STORED_BYTES: usize = 512 << 20;
const STORED_OVERHEAD: usize = 64;
const MOST: usize = 20_000_000;

/// Messages to many connections. Each connection is flushed, which has to weigh the same in every
/// client.
const OVER_MANY_CONNECTIONS: usize = 400_000;

/// A first guess, small enough for the slowest client.
pub(crate) fn first(case: Case) -> usize {
    if let Some(count) = case.fixed {
        return count;
    }
    let messages = match case.op {
        Op::Connect => return case.conns,
        Op::Publish if case.conns > 1 => return bounded(case, OVER_MANY_CONNECTIONS),
        Op::Request | Op::Service if case.inflight == 1 => 300,
        Op::JsPublish | Op::KvPut | Op::KvGet => 300,
        Op::Request | Op::Service | Op::JsPublishAsync => 2_000,
        Op::JsFetch | Op::JsFetchAck | Op::JsConsume | Op::KvWatch => 4_000,
        Op::Publish | Op::Subscribe | Op::Pubsub => 10_000,
        Op::ObjectPut | Op::ObjectGet => OBJECT_CHUNKS,
    };
    bounded(case, messages.min(FIRST_BYTES / case.size.max(1)))
}

/// What takes about the wanted time, if so many took that time; none when the count is good as it
/// is.
pub(crate) fn better(case: Case, count: usize, seconds: f64, wanted: f64) -> Option<usize> {
    let given = case.fixed.is_some() || case.conns > 1 || case.op == Op::Connect;
    if given || seconds > wanted * 0.6 {
        return None;
    }
    // A short run is mostly start-up, so that its speed is not to be trusted for far.
    let factor = (wanted / seconds.max(1e-9)).min(30.0);
    let next = bounded(case, (count as f64 * factor) as usize);
    (next > count).then_some(next)
}

fn bounded(case: Case, messages: usize) -> usize {
    let (bytes, each) = match case.op {
        Op::Subscribe => (RECEIVED_BYTES, case.size),
        Op::Pubsub => (LOOPED_BYTES, case.size),
        Op::Publish | Op::Request | Op::Service | Op::Connect => (PUBLISHED_BYTES, case.size),
        Op::JsPublish | Op::JsPublishAsync | Op::JsFetch | Op::JsFetchAck | Op::JsConsume => {
            (STORED_BYTES, case.size + STORED_OVERHEAD)
        }
        Op::ObjectPut | Op::ObjectGet => (STORED_BYTES, case.size + STORED_OVERHEAD),
        // A key has one value.
        Op::KvPut | Op::KvGet => (PUBLISHED_BYTES, case.size),
        Op::KvWatch => (STORED_BYTES, case.size + STORED_OVERHEAD),
    };
    let messages = messages.min(MOST.min(bytes / each.max(1)));
    if case.op.takes_stored() {
        // Few different numbers, so that clients take from the same streams.
        return FETCHED << (messages / FETCHED).max(1).ilog2();
    }
    messages.next_multiple_of(case.step())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_grow_until_the_time_is_right() {
        let case = Case::new(Op::Publish);
        assert_eq!(first(case), 10_000);
        assert_eq!(better(case, 10_000, 0.001, 0.5), Some(300_000));
        assert_eq!(better(case, 300_000, 0.1, 0.5), Some(1_500_000));
        assert_eq!(better(case, 1_500_000, 0.4, 0.5), None);
        assert_eq!(better(case, MOST, 0.1, 0.5), None);
    }

    #[test]
    fn counts_suit_the_case() {
        let fan_out = Case { subs: 10_000, ..Case::new(Op::Subscribe) };
        assert_eq!(better(fan_out, 10_000, 0.2, 0.5), Some(30_000));
        let large = Case { size: 65536, ..Case::new(Op::Subscribe) };
        assert_eq!(first(large), 1024);
        assert_eq!(better(large, 4096, 0.01, 0.5), Some(8192));
        let fetch = Case { size: 128, ..Case::new(Op::JsFetch) };
        assert_eq!(first(fetch), 4_000);
        assert_eq!(better(fetch, 4_000, 0.01, 0.5), Some(64_000));
        assert_eq!(better(fetch, 2_048_000, 0.1, 0.5), None);
        let million = Case { fixed: Some(1_000_000), ..Case::new(Op::JsConsume) };
        assert_eq!((first(million), better(million, 1_000_000, 0.1, 0.5)), (1_000_000, None));
        for (op, count) in [(Op::Connect, 100), (Op::Publish, OVER_MANY_CONNECTIONS)] {
            let connections = Case { conns: 100, ..Case::new(op) };
            assert_eq!(first(connections), count);
            assert_eq!(better(connections, count, 0.001, 0.5), None);
        }
    }
}
