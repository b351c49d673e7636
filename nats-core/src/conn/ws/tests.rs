use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;
use crate::conn::transport::Foreign;

const FIN_BINARY: u8 = 0x82;

/// A WebSocket and the server's end of what it goes over.
fn pair(compression: bool) -> (WebSocket<Foreign>, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    (WebSocket::new(Foreign(Box::new(ours)), compression), theirs)
}

/// A frame as a server sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, 126];
    bytes.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Takes one frame of a client's apart: its first byte and its payload.
async fn sent(server: &mut DuplexStream) -> (u8, Vec<u8>) {
    let first = server.read_u8().await.unwrap();
    let len = match server.read_u8().await.unwrap() & 0x7f {
        126 => usize::from(server.read_u16().await.unwrap()),
        127 => server.read_u64().await.unwrap() as usize,
        len => usize::from(len),
    };
    let mut mask = [0; 4];
    server.read_exact(&mut mask).await.unwrap();
    let mut payload = vec![0; len];
    server.read_exact(&mut payload).await.unwrap();
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    (first, payload)
}

#[tokio::test]
async fn reads_whatever_the_size_of_frames_and_reads() {
    let payload: Vec<u8> = (0..50_000u32).map(|n| (n % 251) as u8).collect();
    for size in [1, 100, 8192, 65_536] {
        let (mut client, mut server) = pair(false);
        for part in payload.chunks(25_000) {
            server.write_all(&frame(FIN_BINARY, part)).await.unwrap();
        }
        let (mut read, mut room) = (Vec::new(), vec![0; size]);
        while read.len() < payload.len() {
            let count = client.read(&mut room).await.unwrap();
            read.extend_from_slice(&room[..count]);
        }
        assert_eq!(read, payload, "reads of {size}");
    }
}

#[tokio::test]
async fn pings_are_answered_and_a_close_comes_behind_the_data() {
    let (mut client, mut server) = pair(false);
    server.write_all(&[0x89, 2, b'h', b'i']).await.unwrap();
    server.write_all(&frame(FIN_BINARY, b"PONG\r\n")).await.unwrap();
    server.write_all(&[0x88, 6, 0x03, 0xe9, b'd', b'o', b'w', b'n']).await.unwrap();
    let mut room = [0; 64];
    assert_eq!(client.read(&mut room).await.unwrap(), 6);
    let error = client.read(&mut room).await.unwrap_err();
    assert!(error.to_string().contains("1001 down"), "{error}");
    client.shutdown().await.unwrap();
    assert_eq!(sent(&mut server).await, (0x8a, b"hi".to_vec()));
    assert_eq!(sent(&mut server).await, (0x88, NORMAL.to_vec()));
}

#[tokio::test]
async fn compressed_both_ways() {
    let (mut client, mut server) = pair(true);
    let text = b"MSG subject 1 5\r\nhello\r\n".repeat(200);
    client.write_all(&text).await.unwrap();
    client.flush().await.unwrap();
    let (first, packed) = sent(&mut server).await;
    assert_eq!(first, FIN_BINARY | 0x40);
    assert!(packed.len() < text.len() / 10);
    // What one side packs, the other unpacks.
    server.write_all(&frame(first, &packed)).await.unwrap();
    server.write_all(&frame(FIN_BINARY, b"plain")).await.unwrap();
    let mut read = vec![0; text.len() + 5];
    client.read_exact(&mut read).await.unwrap();
    assert!(read.starts_with(&text) && read.ends_with(b"plain"));
}

#[tokio::test]
async fn a_bomb_fills_no_memory_of_its_own() {
    let (mut client, mut server) = pair(true);
    let mut bomb = flate2::Compress::new(flate2::Compression::best(), false);
    let mut packed = Vec::with_capacity(1 << 20);
    let zeros = vec![0; 16 << 20];
    bomb.compress_vec(&zeros, &mut packed, flate2::FlushCompress::Sync).unwrap();
    for (at, part) in packed.chunks(60_000).enumerate() {
        server.write_all(&frame(if at == 0 { 0x42 } else { 0 }, part)).await.unwrap();
    }
    let mut room = [0; 4096];
    let mut total = 0;
    while total < zeros.len() - 4096 {
        total += client.read(&mut room).await.unwrap();
    }
    assert!(client.raw.capacity() <= 2 * READ_SIZE, "{}", client.raw.capacity());
}

#[tokio::test]
async fn a_violation_ends_it() {
    let (mut client, mut server) = pair(false);
    server.write_all(&[0x83, 0]).await.unwrap();
    let error = client.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}
