//! # Answer: what the HTTP servers answer
//!
//! Problem: the examples and the benchmark must serve the same, or their figures mean nothing.
//! Idea: one function for all, that knows no runtime.
//! Leaves out: anything that a router would do.
//! Read before: `for_hyper.rs`.
//! Try: `cargo bench -p dormouse-ecosystem --bench hyper -- --quick`

use std::convert::Infallible;
use std::future::{Ready, ready};

use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};

/// A body of bytes that are there, or of those that still come.
type Body = Either<Full<Bytes>, Incoming>;

/// Says hello at `/`, sends back at `/echo` what it is sent, while it comes, and knows no more.
///
/// It has nothing to wait for; one that has is an `async fn`.
///
/// # Errors
///
/// None.
pub fn answer(request: Request<Incoming>) -> Ready<Result<Response<Body>, Infallible>> {
    ready(Ok(match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => Response::new(text("hello from a dormouse\n")),
        (&Method::POST, "/echo") => Response::new(Either::Right(request.into_body())),
        _ => {
            let mut response = Response::new(text("there is GET / and POST /echo\n"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }))
}

fn text(text: &'static str) -> Body {
    Either::Left(Full::new(Bytes::from_static(text.as_bytes())))
}
