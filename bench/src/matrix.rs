//! What is measured: which operations, in which cases, against which target.

use crate::case::Case;
use crate::results::{Op, Storage, Target};

const SIZES: [usize; 4] = [16, 128, 1024, 65536];
const STORED_SIZES: [usize; 3] = [16, 128, 1024];

/// Messages to a stream that are under way at a time.
const WINDOW: usize = 256;

/// So many messages are consumed to see whether memory stays flat.
pub(crate) const MILLION: usize = 1_000_000;

/// So many keys are watched.
pub(crate) const WATCHED: usize = 100_000;

/// Every case with its target, without modes; the selection of a quick run has the most telling
/// ones.
pub(crate) fn cases(quick: bool) -> Vec<(Target, Case)> {
    let parts = if quick {
        quick_cases()
    } else {
        [floor_cases(), server_cases(), jetstream_cases(&STORED_SIZES)]
    };
    let targets = [Target::Floor, Target::Server, Target::JetStream];
    let with = |(target, cases): (Target, Vec<Case>)| cases.into_iter().map(move |c| (target, c));
    targets.into_iter().zip(parts).flat_map(with).collect()
}

/// How often a case is measured unless a user says otherwise.
pub(crate) const fn rounds(quick: bool) -> u32 {
    if quick { 3 } else { 5 }
}

fn quick_cases() -> [Vec<Case>; 3] {
    let floor = vec![
        Case::new(Op::Publish),
        Case { size: 65536, ..Case::new(Op::Publish) },
        Case::new(Op::Subscribe),
        Case::new(Op::Request),
        Case { inflight: 64, ..Case::new(Op::Request) },
        Case { conns: 100, ..Case::new(Op::Connect) },
    ];
    let mut jetstream = jetstream_cases(&[128]);
    jetstream.retain(|case| {
        [Op::JsPublish, Op::JsPublishAsync, Op::JsFetch].contains(&case.op)
            && case.storage == Storage::Memory
    });
    [floor, vec![Case { inflight: 64, ..Case::new(Op::Request) }], jetstream]
}

fn floor_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for op in [Op::Publish, Op::Subscribe] {
        cases.extend(sizes(op, &SIZES));
        cases.extend([16, 128].map(|size| Case { size, headers: 3, ..Case::new(op) }));
    }
    cases.extend([100, 10_000].map(|subs| Case { subs, ..Case::new(Op::Subscribe) }));
    cases.extend([100, 1_000].map(|conns| Case { conns, ..Case::new(Op::Publish) }));
    cases.push(Case { threads: 8, ..Case::new(Op::Publish) });
    cases.extend(sizes(Op::Pubsub, &[16, 1024]));
    for inflight in [1, 64] {
        let requests = sizes(Op::Request, &SIZES);
        cases.extend(requests.into_iter().map(|case| Case { inflight, ..case }));
    }
    cases.extend([1, 100, 1_000].map(|conns| Case { conns, ..Case::new(Op::Connect) }));
    cases
}

fn server_cases() -> Vec<Case> {
    let mut cases = sizes(Op::Publish, &SIZES);
    cases.extend(sizes(Op::Subscribe, &[16, 1024]));
    cases.extend(sizes(Op::Pubsub, &[16, 1024]));
    for op in [Op::Request, Op::Service] {
        cases.extend([1, 64].map(|inflight| Case { inflight, ..Case::new(op) }));
    }
    cases
}

/// Cases of one size stand together: streams are filled for a size.
fn jetstream_cases(all: &[usize]) -> Vec<Case> {
    let mut cases = Vec::new();
    for &size in all {
        let usual = stored(size);
        cases.extend(usual);
        if size == 128 {
            let [_, publish, fetch, _, consume] = usual;
            cases.push(Case { fixed: Some(MILLION), ..consume });
            cases.extend([publish, fetch].map(|case| Case { storage: Storage::File, ..case }));
            cases.extend(KEY_VALUE);
            cases.extend(OBJECTS);
        }
    }
    cases
}

/// What is done with a stream of messages of this size.
pub(crate) fn stored(size: usize) -> [Case; 5] {
    let ops = [Op::JsPublish, Op::JsPublishAsync, Op::JsFetch, Op::JsFetchAck, Op::JsConsume];
    ops.map(|op| {
        let inflight = if op == Op::JsPublishAsync { WINDOW } else { 1 };
        Case { size, inflight, ..Case::new(op) }
    })
}

/// What is done with a bucket of keys.
pub(crate) const KEY_VALUE: [Case; 3] = [
    Case { size: 128, ..Case::new(Op::KvPut) },
    Case { size: 128, ..Case::new(Op::KvGet) },
    Case { size: 128, fixed: Some(WATCHED), ..Case::new(Op::KvWatch) },
];

/// Bytes of a chunk of an object, as all clients have them.
const CHUNK: usize = 128 << 10;
/// Chunks of an object: 64 MiB.
pub(crate) const OBJECT_CHUNKS: usize = 512;

/// What is done with an object.
pub(crate) const OBJECTS: [Case; 2] = objects(OBJECT_CHUNKS);

/// The same with one of 1 GiB.
pub(crate) const LARGE_OBJECTS: [Case; 2] = objects(16 * OBJECT_CHUNKS);

const fn objects(chunks: usize) -> [Case; 2] {
    let put = Case { size: CHUNK, fixed: Some(chunks), ..Case::new(Op::ObjectPut) };
    [put, Case { op: Op::ObjectGet, ..put }]
}

fn sizes(op: Op, sizes: &[usize]) -> Vec<Case> {
    sizes.iter().map(|&size| Case { size, ..Case::new(op) }).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::case::name_of;

    #[test]
    fn no_case_comes_twice() {
        for quick in [false, true] {
            let all = cases(quick);
            let distinct: BTreeSet<_> = all.iter().collect();
            assert_eq!(distinct.len(), all.len());
        }
    }

    #[test]
    fn everything_is_measured_that_has_to_be() {
        let all = cases(false);
        let has = |wanted: &dyn Fn(Target, Case) -> bool| {
            all.iter().any(|&(target, case)| wanted(target, case))
        };
        for target in [Target::Floor, Target::Server] {
            for op in [Op::Publish, Op::Subscribe, Op::Pubsub, Op::Request] {
                assert!(has(&|t, case| (t, case.op) == (target, op)), "{target:?} {op:?}");
            }
        }
        for op in Op::ALL.into_iter().filter(|&op| name_of(&op).starts_with("js-")) {
            for size in STORED_SIZES {
                assert!(has(&|target, case| {
                    (target, case.op, case.size) == (Target::JetStream, op, size)
                }));
            }
        }
        for op in Op::ALL.into_iter().filter(|op| op.has_bucket() || op.has_objects()) {
            assert!(has(&|target, case| (target, case.op) == (Target::JetStream, op)), "{op:?}");
        }
        assert!(has(&|target, case| (target, case.op) == (Target::Server, Op::Service)));
        for size in SIZES {
            for op in [Op::Publish, Op::Subscribe, Op::Request] {
                assert!(has(&|_, case| (case.op, case.size) == (op, size)), "{op:?} {size}");
            }
        }
        for number in [1, 100, 10_000] {
            assert!(has(&|_, case| (case.op, case.subs) == (Op::Subscribe, number)));
        }
        for number in [1, 100, 1_000] {
            assert!(has(&|_, case| (case.op, case.conns) == (Op::Connect, number)));
        }
        assert!(has(&|_, case| case.headers == 3) && has(&|_, case| case.threads == 8));
        assert!(has(&|_, case| case.inflight == 64));
        assert!(cases(true).iter().all(|case| all.contains(case)));
    }
}
