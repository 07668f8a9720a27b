//! Connections that can be cut: before the first byte of an answer, or in the middle of its body.
//!
//! hyper can't cut off an answer on purpose, so the cut is made below it: every accepted socket is a
//! [`CuttableStream`] with a [`CutSwitch`], which the handler reaches through axum's `ConnectInfo`. The stream
//! does not support vectored writes, so hyper flattens head and body into one buffer, and the end of the head is
//! in the first write of an answer.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// The part of an answer that is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Transmission {
    #[default]
    Whole,
    /// The head and half of the body.
    Half,
    Nothing,
}

/// The switch of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct CutSwitch(Arc<Mutex<Transmission>>);

impl CutSwitch {
    pub(super) fn set(&self, ending: Transmission) {
        *self.0.lock() = ending;
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for CutSwitch {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().cut.clone()
    }
}

/// Accepts sockets as [`CuttableStream`]s.
pub(super) struct CuttableListener(pub(super) TcpListener);

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableStream, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        // Small answers must not wait for the client's acknowledgement. If this fails, they are only slower.
        let _ = stream.set_nodelay(true);
        let wire = CuttableStream {
            stream,
            cut: CutSwitch::default(),
        };
        (wire, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A socket with a [`CutSwitch`].
pub(super) struct CuttableStream {
    stream: TcpStream,
    cut: CutSwitch,
}

/// Number of bytes that are sent if an answer is cut in half: the head and half of the body.
fn kept_bytes(answer: &[u8]) -> usize {
    let head = memchr::memmem::find(answer, b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    head + (answer.len() - head) / 2
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        answer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let ending = *self.cut.0.lock();
        match ending {
            Transmission::Whole => Pin::new(&mut self.stream).poll_write(cx, answer),
            Transmission::Half => {
                let kept = &answer[..kept_bytes(answer)];
                let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, kept))?;
                // The next write, with the rest, will fail.
                self.cut.set(Transmission::Nothing);
                Poll::Ready(Ok(sent))
            }
            Transmission::Nothing => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}
