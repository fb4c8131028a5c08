use std::error::Error;

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::{
    Face, Lane, Limits, Part,
    paced::{Keeping, Paced},
    refusal::Refusal,
    serve::refused,
};

/// What is asked to know whether the part lives: never refused, never waited for.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// Stands before a part's routes: takes the body in, lets a bounded number of requests through, and brings what has begun to
/// its end, whether or not the client stays.
pub(crate) struct Gate {
    part: Part,
    limits: Limits,
    routes: Router,
    /// Whatever clients ask.
    main: Lane,
    /// What the other parts poll, keys and revocations: a flood of questions must not make them stale.
    side: Lane,
    pub(crate) begun: TaskTracker,
}

impl Gate {
    pub(crate) fn new(part: Part, routes: Router, limits: Limits) -> Self {
        let (main, side) = (Lane::new(&limits), Lane::new(&limits));
        Self { part, limits, routes, main, side, begun: TaskTracker::new() }
    }

    /// Answers a request, or says why not.
    pub(crate) async fn pass(&self, request: Request) -> Response {
        let path = request.uri().path();
        if HEALTH.contains(&path) {
            return self.routes.clone().oneshot(request).await.into_response();
        }
        let lane = if self.part.face == Face::Graphql && path != "/graphql" { &self.side } else { &self.main };
        // A body that drips takes nobody's turn: it is read before.
        let arrived = match self.part.face {
            Face::Graphql => self.whole(request).await,
            Face::Objects => Ok(request.map(|body| Body::new(Paced::new(body, &self.limits, ())))),
        };
        let request = match arrived {
            Ok(request) => request,
            Err(refusal) => return self.refuse(refusal),
        };
        let Some(turn) = lane.turn(&self.limits).await else { return self.refuse(Refusal::Overloaded) };
        // A task of its own: a client that goes drops this future, and must not stop a change between two of its statements.
        let routes = self.routes.clone();
        let task = self.begun.spawn(async move { (routes.oneshot(request).await.into_response(), turn) });
        let Ok((response, turn)) = task.await else { return self.refuse(Refusal::Fault) };
        match self.part.face {
            Face::Graphql => response,
            Face::Objects => response.map(|body| Body::new(Paced::new(body, &self.limits, turn))),
        }
    }

    async fn whole(&self, request: Request) -> Result<Request, Refusal> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, self.limits.max_body_bytes).collect();
        match tokio::time::timeout(self.limits.body_timeout(), body).await {
            Ok(Ok(body)) => Ok(Request::from_parts(head, Body::from(body.to_bytes()))),
            Ok(Err(error)) if is_too_large(error.as_ref()) => Err(Refusal::LargeBody),
            Ok(Err(_)) => Err(Refusal::BrokenBody),
            Err(_) => Err(Refusal::SlowBody),
        }
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        refused(self.part.name, refusal.reason());
        refusal.answer(self.part.face)
    }
}

fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_large)
}

/// Keeps something until a response's body has ended.
pub(crate) fn keep<K: Send + Unpin + 'static>(response: Response, keeps: K) -> Response {
    response.map(|body| Body::new(Keeping::new(body, keeps)))
}
