//! The world's one HTTP server: health, versions, metrics and git, on a thread and runtime of its
//! own, so that it answers even while the caller's thread is blocked.

use std::{
    convert::Infallible,
    io::{self, Read},
    net::TcpListener,
    sync::Arc,
    thread::JoinHandle,
};

use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{
        AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE,
    },
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// Largest request body, packed or unpacked: a push of a whole history fits.
const LARGEST_BODY: usize = 256 << 20;

/// One request with its body.
pub(super) struct Question {
    /// POST, else GET or HEAD.
    pub(super) is_post: bool,
    /// Path of the address.
    pub(super) path: String,
    /// What follows the question mark.
    pub(super) query: String,
    /// The `Authorization` header.
    pub(super) authorization: Option<String>,
    /// The body, unpacked.
    pub(super) body: Vec<u8>,
}

/// One response.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
}

impl Answer {
    /// Answers with a JSON value.
    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self {
            status,
            content_type: "application/json",
            body: value.to_string().into_bytes(),
        }
    }

    /// Answers `{"status": …}`.
    pub(super) fn status(status: u16, word: &str) -> Self {
        Self::json(status, &json!({"status": word}))
    }

    /// Answers with a line of text.
    pub(super) fn text(status: u16, text: &str) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: format!("{text}\n").into_bytes(),
        }
    }

    /// Answers a git client.
    pub(super) fn git(content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            status: 200,
            content_type,
            body,
        }
    }

    /// Asks for a name and a token.
    pub(super) fn unauthorized() -> Self {
        Self::text(401, "a token is needed")
    }

    /// Returns status, type and body.
    pub(super) fn into_parts(self) -> (u16, &'static str, Vec<u8>) {
        (self.status, self.content_type, self.body)
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let unauthorized = self.status == 401;
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if unauthorized {
            let realm = HeaderValue::from_static("Basic realm=\"git\"");
            headers.insert(WWW_AUTHENTICATE, realm);
        }
        response
    }
}

/// A server that runs until it is dropped.
pub(super) struct Server {
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves a listening socket. `answer` returns none to drop the connection without a word.
    ///
    /// # Errors
    /// No thread or runtime could be had.
    pub(super) fn start<F>(listener: TcpListener, answer: F) -> io::Result<Self>
    where
        F: Fn(Question) -> Option<Answer> + Send + Sync + 'static,
    {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let answer = Arc::new(answer);
        let thread = std::thread::Builder::new()
            .name("shipgate-world".to_owned())
            .spawn(move || runtime.block_on(serve(listener, answer, stopped)))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported where it happened.
            let _ = thread.join();
        }
    }
}

async fn serve<F>(listener: TcpListener, answer: Arc<F>, stopped: oneshot::Receiver<Infallible>)
where
    F: Fn(Question) -> Option<Answer> + Send + Sync + 'static,
{
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let accept = async {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::task::yield_now().await;
                continue;
            };
            // Without it small answers may wait for the client's delayed acknowledgement.
            let _ = stream.set_nodelay(true);
            let answer = Arc::clone(&answer);
            let service = service_fn(move |request| {
                let answer = Arc::clone(&answer);
                async move {
                    let question = question(request).await?;
                    answer(question)
                        .map(Answer::into_response)
                        .ok_or_else(|| io::Error::other("the answer gets lost on purpose"))
                }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move {
                // A connection that breaks, on purpose or not, is the client's to notice.
                let _ = connection.await;
            });
        }
    };
    tokio::select! {
        () = accept => {}
        _ = stopped => {}
    }
}

async fn question(request: Request<Incoming>) -> io::Result<Question> {
    let header = |name| {
        let value: &HeaderValue = request.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let authorization = header(AUTHORIZATION);
    let packed = header(CONTENT_ENCODING).is_some_and(|encoding| encoding.contains("gzip"));
    let is_post = request.method() == hyper::Method::POST;
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = Limited::new(request.into_body(), LARGEST_BODY)
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes();
    let mut unpacked = body.to_vec();
    if packed {
        unpacked.clear();
        GzDecoder::new(&body[..])
            .take(LARGEST_BODY as u64)
            .read_to_end(&mut unpacked)?;
    }
    Ok(Question {
        is_post,
        path,
        query,
        authorization,
        body: unpacked,
    })
}
