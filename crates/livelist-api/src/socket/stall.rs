//! A stream that fails if a write makes no progress: peers that do not read are dropped.

use std::future::{Future, Pending, pending};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Timeout, timeout};

/// `inner`, of which a write that waits longer than `longest` for room is an error.
pub(super) struct Stalling<T> {
    inner: T,
    longest: Duration,
    waiting: Option<Pin<Box<Timeout<Pending<()>>>>>,
}

impl<T: AsyncWrite + Unpin> Stalling<T> {
    pub(super) fn new(inner: T, longest: Duration) -> Self {
        Stalling {
            inner,
            longest,
            waiting: None,
        }
    }

    fn watched(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let longest = self.longest;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(timeout(longest, pending())));
        match waiting.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the peer does not read",
            ))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Stalling<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Stalling<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watched(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, pieces);
        self.watched(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use livelist_store::{Clock, SystemClock};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Time is the runtime's: it passes as soon as everybody waits.
    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_is_served_and_who_stops_is_given_up() {
        let longest = Duration::from_secs(30);
        let (server, mut peer) = duplex(64);
        let mut server = Stalling::new(server, longest);
        let writing = tokio::spawn(async move { server.write_all(&[7; 1_000]).await });
        let mut piece = [0; 16];
        for _ in 0..50 {
            SystemClock.sleep(Duration::from_secs(29)).await;
            assert_eq!(peer.read(&mut piece).await.unwrap(), 16);
            assert!(!writing.is_finished());
        }
        SystemClock.sleep(Duration::from_secs(31)).await;
        let ended = writing.await.unwrap().unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
    }
}
