//! Tests of the handle table.

use std::sync::Barrier;
use std::sync::atomic::AtomicBool;

use nats_bridge::doc::Doc;

use super::*;

fn document() -> *mut nats_doc {
    insert(Document::new(Doc::parse(r#"{"a":1}"#).unwrap())).unwrap()
}

fn code<T>(result: Result<T>) -> Code {
    result.map(|_| ()).unwrap_err().code()
}

#[test]
fn a_handle_leads_to_its_object_until_freed() {
    let doc = document();
    assert!(get::<Document>(doc).is_ok());
    free::<Document>(doc).unwrap();
    assert_eq!(code(get::<Document>(doc)), Code::InvalidHandle);
    assert_eq!(code(free::<Document>(doc)), Code::InvalidHandle);
}

#[test]
fn a_reused_slot_does_not_revive_old_handles() {
    let mut seen = vec![document()];
    for _ in 0..100 {
        free::<Document>(seen[seen.len() - 1]).unwrap();
        let next = document();
        for old in &seen {
            assert_ne!(*old, next);
            assert_eq!(code(get::<Document>(*old)), Code::InvalidHandle);
        }
        seen.push(next);
    }
    free::<Document>(seen[seen.len() - 1]).unwrap();
}

#[test]
fn other_kinds_null_and_noise_are_refused() {
    let doc = document();
    assert_eq!(code(get::<Error>(doc.cast())), Code::InvalidHandle);
    assert_eq!(code(free::<Error>(doc.cast())), Code::InvalidHandle);
    assert_eq!(code(get::<Document>(std::ptr::null())), Code::InvalidHandle);
    free::<Document>(std::ptr::null_mut()).unwrap();
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..10_000 {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        let found = get::<Document>(noise as usize as *const nats_doc);
        assert!(matches!(code(found), Code::InvalidHandle | Code::Forked));
    }
    free::<Document>(doc).unwrap();
}

#[test]
fn many_handles_reach_into_later_chunks() {
    let all: Vec<_> = (0..5_000).map(|_| document()).collect();
    for doc in &all {
        assert!(get::<Document>(*doc).is_ok());
    }
    for doc in all {
        free::<Document>(doc).unwrap();
    }
}

#[test]
fn freeing_while_in_use_is_deferred() {
    let queue = insert(Events::default()).unwrap();
    let using = get::<Events>(queue).unwrap();
    free::<Events>(queue).unwrap();
    assert_eq!(code(get::<Events>(queue)), Code::InvalidHandle);
    assert!(using.is_open(), "the object lives as long as it is used");
}

#[test]
fn threads_that_use_and_free_agree_on_one_winner() {
    for _ in 0..200 {
        let doc = document() as usize;
        let (barrier, stop) = (Barrier::new(4), AtomicBool::new(false));
        let freed: usize = std::thread::scope(|scope| {
            let users: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        while !stop.load(Ordering::Relaxed) {
                            if get::<Document>(doc as *const nats_doc).is_err() {
                                break;
                            }
                        }
                    })
                })
                .collect();
            let freers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        usize::from(free::<Document>(doc as *mut nats_doc).is_ok())
                    })
                })
                .collect();
            let freed = freers.into_iter().map(|t| t.join().unwrap()).sum();
            stop.store(true, Ordering::Relaxed);
            users.into_iter().for_each(|t| t.join().unwrap());
            freed
        });
        assert_eq!(freed, 1);
    }
}

#[test]
fn handles_of_an_earlier_epoch_say_so() {
    let doc = document();
    // A child process sees its parent's handles with an epoch below its own; the reverse, a
    // handle from a future epoch, is only noise.
    let future = (doc as usize | 0x3f << 6) as *const nats_doc;
    assert_eq!(code(get::<Document>(future)), Code::InvalidHandle);
    free::<Document>(doc).unwrap();
}
