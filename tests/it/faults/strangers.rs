//! What port scanners send leaves the server as it was, and its log readable.

use std::time::Instant;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::installation::Installation;
use crate::support::{Engine, TestDb, block_on};

const EACH: usize = 25;

#[test]
fn requests_that_are_none_do_not_fill_the_log() {
    block_on(async {
        let house = Installation::new(TestDb::new(Engine::Sqlite), 1, 1, "file:mails");
        let server = house.serve();
        let address = server.url.trim_start_matches("http://").to_owned();
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(200_000));
        let strange: [&[u8]; 7] = [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x00\x01\x02\x03\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: many\r\n\r\n",
            b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: \
                chunked\r\n\r\nzz\r\n",
            b"GET /sign-in HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
            long.as_bytes(),
        ];
        for bytes in strange {
            for _ in 0..EACH {
                let mut line = TcpStream::connect(&address).await.unwrap();
                let _ = line.write_all(bytes).await;
                let _ = line.shutdown().await;
                let _ = line.read_to_end(&mut vec![]).await;
            }
        }
        server.terminate();
        assert_eq!(server.ended(Instant::now()).0, Some(0));
        let said: Vec<String> = house.said().iter().map(ToString::to_string).collect();
        let about_them: Vec<&String> = said
            .iter()
            .filter(|line| line.contains("actix_http") || !line.contains(r#""level":"INFO""#))
            .collect();
        assert!(about_them.is_empty() && said.len() < EACH, "{} lines: {about_them:?}", said.len());
    });
}
