//! The listener: actix's HTTP on connections that each have a clock, so that none is held without a
//! request, an answer or progress.
//!
//! actix's own timers cover the head of a connection's first request, and the silence between two
//! requests. They stop at the first byte of a later request, and there is none for a body, for what
//! a handler leaves unread of it, and for answers that are not read.

mod watch;

use std::{
    fmt,
    future::Future,
    net::TcpListener,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_http::{HttpService, Request, Response, error::DispatchError};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, map_config,
};
use actix_web::{
    HttpMessage as _,
    body::{BodySize, MessageBody},
    dev::{AppConfig, Payload, Server, ServiceRequest, ServiceResponse},
    error::PayloadError,
    middleware::Next,
    rt::net::TcpStream,
    web::Bytes,
};
use futures_util::Stream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep_until},
};

use self::watch::{ConnectionWatch, Crowd, Patience, SLOWEST_SENDER, Stall};

/// What a listener may use of the machine.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub workers: usize,
    /// Connections that are open at once; further ones wait until one ends. From three quarters on,
    /// silent ones have to go.
    pub connections: usize,
    /// How long requests go on after the server was told to stop.
    pub shutdown_seconds: u64,
}

/// Time for a client to hear an answer to a request that it is still sending.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A server for `app` on `listener`; it runs when it is awaited or spawned. `app` has [`observe`]
/// as its outermost layer.
pub fn serve<F, I, S, B>(listener: TcpListener, bounds: Bounds, app: F) -> std::io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let Bounds { workers, connections, shutdown_seconds } = bounds;
    let (patience, crowd) = (Patience::now(), Arc::new(Crowd::new(connections / 4 * 3)));
    let builder = Server::build()
        .workers(workers)
        .max_concurrent_connections((connections / workers).max(1))
        .shutdown_timeout(shutdown_seconds)
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let builder = builder.listen("http", listener, move || {
        let (crowd, stopping) = (Arc::clone(&crowd), stopping.clone());
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .client_request_timeout(patience.head)
            .keep_alive(patience.idle)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            // A client that has closed its side is gone: its request is dropped, and leaves the
            // queue that it waits in. What has begun runs to its end.
            .h1_allow_half_closed(false)
            .on_connect_ext(|io: &ClientConnection, data| {
                data.insert(Rc::clone(&io.watch));
            })
            .h1(map_config(app, |()| AppConfig::default()));
        apply_fn_factory(http, move |io: TcpStream, http| {
            let (watch, peer) = (ConnectionWatch::new(patience, &crowd), io.peer_addr().ok());
            let serving = http.call((ClientConnection { io, watch: Rc::clone(&watch) }, peer));
            async move {
                tokio::select! {
                    biased;
                    ended = serving => note(ended),
                    () = watch.is_overdue() => tracing::debug!("a connection that kept the server \
                        waiting, or sent too much ahead, was closed"),
                }
                Ok(())
            }
        })
    })?;
    Ok(builder.run())
}

/// Anybody can send bytes that are no request, or go away: that is worth a line only to somebody
/// who looks for it.
fn note(ended: Result<(), DispatchError>) {
    use DispatchError::{Body, InternalError, Service, Upgrade};
    match ended {
        Ok(()) => {}
        Err(error @ (Service(_) | Body(_) | Upgrade | InternalError)) => {
            tracing::error!(%error, "a connection did not end well");
        }
        Err(error) => tracing::debug!(%error, "a client broke off, or sent what is no request"),
    }
}

/// A socket with its clock.
struct ClientConnection {
    io: TcpStream,
    watch: Rc<ConnectionWatch>,
}

impl AsyncRead for ClientConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.watch.is_read();
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.watch.has_read();
        }
        read
    }
}

impl AsyncWrite for ClientConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        match &written {
            Poll::Ready(Ok(bytes)) => self.watch.has_sent(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.watch.is_unread(),
        }
        written
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

/// Middleware, the outermost: tells the connection's clock when a request begins, how its body
/// comes, and when it is answered.
pub async fn observe(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let watch = request.request().conn_data::<Rc<ConnectionWatch>>().cloned();
    let answering = watch.map(|watch| {
        let payload = request.take_payload();
        watch.has_request(!matches!(payload, Payload::None));
        request.set_payload(match payload {
            Payload::None => Payload::None,
            inner => Payload::Stream {
                payload: Box::pin(Body {
                    inner,
                    watch: Rc::clone(&watch),
                    stall: Stall::default(),
                    alarm: None,
                }),
            },
        });
        Answering(watch)
    });
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| AnswerBody { body: Box::pin(body), _answering: answering }))
}

/// Whether the body of the connection's request did not come in time.
pub fn was_too_slow(request: &actix_web::HttpRequest) -> bool {
    request.conn_data::<Rc<ConnectionWatch>>().is_some_and(|watch| watch.was_too_slow())
}

/// A request that is being answered, until its answer's body is complete, or nobody waits for it
/// any more.
struct Answering(Rc<ConnectionWatch>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.has_answered();
    }
}

/// An answer's body.
struct AnswerBody<B> {
    body: Pin<Box<B>>,
    _answering: Option<Answering>,
}

impl<B: MessageBody> MessageBody for AnswerBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_mut().poll_next(context)
    }
}

/// A request's body: its silences are bounded, on whatever path it is read.
struct Body {
    inner: Payload,
    watch: Rc<ConnectionWatch>,
    stall: Stall,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Body {
    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let patience = self.watch.patience().for_body();
        let Some(deadline) = self.stall.deadline(patience, SLOWEST_SENDER) else {
            return Poll::Pending;
        };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(context)
    }
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = Pin::new(&mut self.inner).poll_next(context);
        self.watch.waits_for_body(piece.is_pending());
        match piece {
            Poll::Ready(piece) => {
                self.stall.end(
                    piece.as_ref().and_then(|piece| piece.as_ref().ok()).map_or(0, Bytes::len),
                );
                if piece.is_none() {
                    self.watch.has_body();
                }
                Poll::Ready(piece)
            }
            Poll::Pending => {
                self.stall.begin();
                ready!(self.poll_alarm(context));
                self.watch.gives_up_body();
                Poll::Ready(Some(Err(PayloadError::Io(std::io::ErrorKind::TimedOut.into()))))
            }
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.watch.leaves_body();
    }
}
