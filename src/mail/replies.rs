//! The connection to a relay, guarded where the SMTP library trusts the relay: a reply has a
//! bounded length, and nothing that the relay says before it is asked is ever taken for an answer.

use std::{
    fmt,
    io::{Error, ErrorKind, Result},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much a relay may say to one command, the handshake of TLS included. RFC 5321 allows 512
/// bytes a line; certificates take a few thousand.
const MAX_REPLY_BYTES: usize = 64 * 1024;

/// How a TLS client's first record begins; no command of SMTP does.
const TLS_HELLO: [u8; 2] = [0x16, 0x03];

/// A connection on which one line of a reply is handed on at a time.
///
/// The library reads ahead, and keeps what it has read when STARTTLS turns to TLS: a line that
/// somebody put between would then count as said by the relay under TLS. Here it is still in `held`
/// when the next command or TLS's hello is written, which ends the connection.
pub(super) struct Replies<S> {
    inner: S,
    peer: SocketAddr,
    /// Read, and not handed on yet.
    held: Vec<u8>,
    /// How much was read since the last write.
    since_write: usize,
    is_tls: bool,
}

impl<S> Replies<S> {
    pub fn of(inner: S, peer: SocketAddr) -> Self {
        Self { inner, peer, held: Vec::new(), since_write: 0, is_tls: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replies<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        if self.held.is_empty() {
            let mut read = [0; 4096];
            let mut fresh = ReadBuf::new(&mut read);
            ready!(Pin::new(&mut self.inner).poll_read(context, &mut fresh))?;
            self.since_write += fresh.filled().len();
            if self.since_write > MAX_REPLY_BYTES {
                return Poll::Ready(Err(Error::new(
                    ErrorKind::InvalidData,
                    "its answer had no end",
                )));
            }
            self.held.extend_from_slice(fresh.filled());
        }
        let line = self.held.iter().position(|byte| *byte == b'\n').filter(|_| !self.is_tls);
        let bytes = line.map_or(self.held.len(), |end| end + 1).min(buffer.remaining());
        buffer.put_slice(self.held.get(..bytes).unwrap_or_default());
        self.held.drain(..bytes);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replies<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        if !self.is_tls {
            if !self.held.is_empty() {
                return Poll::Ready(Err(Error::new(
                    ErrorKind::InvalidData,
                    "it answered before it was asked",
                )));
            }
            self.is_tls = bytes.starts_with(&TLS_HELLO);
        }
        self.since_write = 0;
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Without the peer or what was said.
impl<S> fmt::Debug for Replies<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replies(…)")
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> AsyncTokioStream for Replies<S> {
    fn peer_addr(&self) -> Result<SocketAddr> {
        Ok(self.peer)
    }
}
