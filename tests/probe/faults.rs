//! Everything that can be wrong with an answer, whoever asked.

use std::time::Duration;

use chrono::{DateTime, Utc};
use shipgate::probe::{Client, ClientOptions};

use crate::server::{Behaviour, answer};

/// A secret that is in every question and must be in no message.
pub const TOKEN: &str = "hunter2-token";

/// One second.
pub const SECOND: Duration = Duration::from_secs(1);

/// The instant of all tests whose clock stands still.
pub fn now() -> DateTime<Utc> {
    "2026-01-05T12:00:00Z".parse().unwrap()
}

/// A client of its own.
pub fn client() -> Client {
    Client::new(ClientOptions {
        ca_file: None,
        user_agent: "shipgate/test".to_owned(),
    })
}

/// The faults, each with a name. Where there is a JSON text, it is the good one.
pub fn faults(good: &str) -> Vec<(&'static str, Behaviour)> {
    let redirect = "location: http://127.0.0.1:1/\r\n";
    let Behaviour::Bytes(whole) = answer(200, "", good) else {
        unreachable!("an answer is bytes");
    };
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let broken_chunks = [chunked.as_slice(), b"5\r\n{\"sta\r\nZZ\r\n"].concat();
    let spaces = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
    let header = b"HTTP/1.1 200 OK\r\n".to_vec();
    let odd_encoding = "content-encoding: gzip\r\n";
    vec![
        ("closed", Behaviour::Close),
        ("hanging", Behaviour::Hang),
        ("dripping", Behaviour::Drip(whole.clone())),
        ("endless", Behaviour::Endless(chunked, spaces)),
        (
            "endless headers",
            Behaviour::Endless(header, b"a: b\r\n".repeat(999)),
        ),
        (
            "cut off",
            Behaviour::Bytes(whole[..whole.len() - 9].to_vec()),
        ),
        ("broken chunks", Behaviour::Bytes(broken_chunks)),
        (
            "not HTTP",
            Behaviour::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        ),
        ("301", answer(301, redirect, good)),
        ("302", answer(302, redirect, good)),
        ("307", answer(307, redirect, good)),
        ("401", answer(401, "", "Unauthorized")),
        ("403", answer(403, "", good)),
        ("404", answer(404, "", "404 page not found")),
        ("429", answer(429, "retry-after: 1\r\n", good)),
        ("500", answer(500, "", good)),
        ("502", answer(502, "", good)),
        ("503", answer(503, "retry-after: 9999\r\n", good)),
        ("504", answer(504, "", good)),
        ("204", answer(204, "", "")),
        ("206", answer(206, "content-range: bytes 0-9/999\r\n", good)),
        ("empty", answer(200, "", "")),
        ("null", answer(200, "", "null")),
        ("a list", answer(200, "", "[]")),
        ("a text", answer(200, "", "\"success\"")),
        ("HTML", answer(200, "", "<html>ok</html>")),
        (
            "half of a JSON text",
            answer(200, "", &good[..good.len() / 2]),
        ),
        ("two JSON texts", answer(200, "", format!("{good}{good}"))),
        ("deep", answer(200, "", "[".repeat(30_000))),
        ("large", answer(200, "", vec![b' '; 9 << 20])),
        ("a bomb", answer(200, odd_encoding, bomb())),
        ("no gzip", answer(200, odd_encoding, good)),
        ("not UTF-8", answer(200, "", b"{\"status\":\"\xff\xfe\"}")),
    ]
}

/// Time to answer: short where it is used up, long where a slow machine must not use it up.
pub fn patience(behaviour: &Behaviour) -> Duration {
    match behaviour {
        Behaviour::Hang | Behaviour::Drip(_) => SECOND / 2,
        _ => SECOND * 30,
    }
}

/// 64 MiB of spaces that travel as less than half a MiB: gzip (RFC 1952) around one block of fixed
/// codes (RFC 1951, section 3.2.6) that writes a space and copies it 258 times over, again and again.
fn bomb() -> Vec<u8> {
    let bits = format!("11001010000{}", "1100010100000".repeat((64 << 20) / 258));
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    bytes.extend(bits.as_bytes().chunks(8).map(|eight| {
        eight
            .iter()
            .rev()
            .fold(0_u8, |byte, bit| byte << 1 | (bit & 1))
    }));
    bytes
}
