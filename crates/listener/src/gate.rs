use std::{error::Error, sync::Arc};

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
    Face, Held, Lane, Limits, Part, Room,
    paced::{Keeping, Paced},
    refusal::Refusal,
    serve::refused,
};

/// What the other parts poll: a flood of other questions must not make it stale.
const POLLED: [&str; 2] = ["/revocations", "/.well-known/jwks.json"];

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
    /// What the other parts poll.
    side: Lane,
    room: Room,
    pub(crate) begun: TaskTracker,
}

impl Gate {
    pub(crate) fn new(part: Part, routes: Router, limits: Limits) -> Self {
        let (main, side) = (Lane::new(&limits), Lane::new(&limits));
        let room = Room::new(&limits);
        Self { part, limits, routes, main, side, room, begun: TaskTracker::new() }
    }

    /// Answers a request, or says why not.
    pub(crate) async fn pass(&self, request: Request) -> Response {
        let path = request.uri().path();
        if HEALTH.contains(&path) {
            return self.routes.clone().oneshot(request).await.into_response();
        }
        let lane = if POLLED.contains(&path) { &self.side } else { &self.main };
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

    /// The request with its body in memory, which counts there until the request has run.
    async fn whole(&self, request: Request) -> Result<Request, Refusal> {
        let (head, body) = request.into_parts();
        let collected = tokio::time::timeout(self.limits.body_timeout(), self.collect(body)).await;
        let (bytes, held) = collected.map_err(|_| Refusal::SlowBody)??;
        let mut request = Request::from_parts(head, Body::from(bytes));
        request.extensions_mut().insert(Arc::new(held));
        Ok(request)
    }

    async fn collect(&self, body: Body) -> Result<(Vec<u8>, Held), Refusal> {
        let mut body = Limited::new(body, self.limits.max_body_bytes);
        let (mut bytes, held) = (Vec::new(), self.room.enter());
        while let Some(frame) = body.frame().await {
            let frame = frame
                .map_err(|error| if is_too_large(error.as_ref()) { Refusal::LargeBody } else { Refusal::BrokenBody })?;
            let Ok(data) = frame.into_data() else { continue };
            if !held.grow(data.len()) {
                return Err(Refusal::Overloaded);
            }
            bytes.extend_from_slice(&data);
        }
        Ok((bytes, held))
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
