use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_graphql::{
    PathSegment, Response, ServerError, ServerResult, ValidationResult, Value,
    extensions::{
        Extension, ExtensionContext, ExtensionFactory, NextExecute, NextPrepareRequest, NextRequest, NextResolve,
        NextValidation, ResolveInfo,
    },
};
use healthbridge_codes::ErrorCode;
use healthbridge_door::{Refusal, first_errors};
use healthbridge_outcome::Fault;
use healthbridge_rights::Caller;

use crate::{
    ScopeRules,
    door::{Door, told as refused},
    marks::{mark, place},
};

/// How long a query may run: less than the router waits for it.
const LONGEST_QUERY: Duration = Duration::from_secs(25);

/// Stands around every field of a subgraph. It refuses what the caller's scopes do not cover, and keeps a field's
/// failure to that field where its type allows null: the library alone would null the parent, and among `_entities`
/// all of them.
pub struct FieldBoundary {
    rules: Arc<ScopeRules>,
    door: Arc<Door>,
}

impl FieldBoundary {
    /// A boundary with the rules and sizes of this SDL.
    ///
    /// # Panics
    /// When the SDL does not parse: it is our own schema's, and a subgraph without rules must not start.
    pub fn new(sdl: &str) -> Self {
        Self { rules: Arc::new(ScopeRules::from_sdl(sdl)), door: Arc::new(Door::new(sdl)) }
    }

    /// What takes the finished schema's SDL, with what federation adds: documents are judged by it.
    pub(crate) fn door(&self) -> Arc<Door> {
        self.door.clone()
    }
}

impl ExtensionFactory for FieldBoundary {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Request {
            rules: self.rules.clone(),
            door: self.door.clone(),
            is_mutation: AtomicBool::default(),
            mistakes: Mutex::default(),
            errors: Mutex::default(),
            refusals: AtomicUsize::default(),
        })
    }
}

/// One request: the library makes an extension for each.
struct Request {
    rules: Arc<ScopeRules>,
    door: Arc<Door>,
    is_mutation: AtomicBool,
    /// What is wrong with the document or its variables.
    mistakes: Mutex<Vec<Refusal>>,
    errors: Mutex<Vec<ServerError>>,
    /// How many `userErrors` the mutations have, under whatever name the client gives the field.
    refusals: AtomicUsize,
}

impl Request {
    fn permits(&self, ctx: &ExtensionContext<'_>, info: &ResolveInfo<'_>) -> bool {
        let caller = ctx.data_opt::<Caller>().unwrap_or(&Caller::Anonymous);
        self.rules.of(info.parent_type, info.name).all(|alternatives| caller.satisfies(alternatives))
    }
}

#[async_trait::async_trait]
impl Extension for Request {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let mut response = next.run(ctx).await;
        // What the library refuses by itself before anything runs is which operation is meant.
        let errors = response.errors.into_iter();
        response.errors = errors.map(|error| coded(error, ErrorCode::OperationResolutionFailure)).collect();
        response
    }

    async fn prepare_request(
        &self,
        ctx: &ExtensionContext<'_>,
        request: async_graphql::Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<async_graphql::Request> {
        let mut request = next.run(ctx, request).await?;
        let admitted = self.door.admit(&mut request)?;
        self.is_mutation.store(admitted.is_mutation, Ordering::Relaxed);
        *self.mistakes.lock().unwrap_or_else(PoisonError::into_inner) = admitted.mistakes;
        Ok(request)
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let mistakes = std::mem::take(&mut *self.mistakes.lock().unwrap_or_else(PoisonError::into_inner));
        let judged =
            if mistakes.is_empty() { next.run(ctx).await } else { Err(mistakes.into_iter().map(refused).collect()) };
        judged.map_err(|errors| {
            let errors = first_errors(&errors, |last| ServerError::new(last, None));
            errors.into_iter().map(|error| coded(error, ErrorCode::GraphqlValidationFailed)).collect()
        })
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let running = next.run(ctx, operation_name);
        let mut response = if self.is_mutation.load(Ordering::Relaxed) {
            running.await
        } else {
            // Whoever asked has gone by then, and the work would be for nobody.
            let late = |_| {
                Response::from_errors(vec![
                    async_graphql::Error::from(Fault::TooSlow).into_server_error(async_graphql::Pos::default()),
                ])
            };
            tokio::time::timeout(LONGEST_QUERY, running).await.unwrap_or_else(late)
        };
        // Beside the data: who looks there alone must not take a refusal for a success.
        match self.refusals.load(Ordering::Relaxed) {
            0 => {}
            count => drop(response.extensions.insert("userErrors".to_owned(), count.into())),
        }
        let mut errors = std::mem::take(&mut *self.errors.lock().unwrap_or_else(PoisonError::into_inner));
        if !errors.is_empty() {
            place(&mut response.data, &mut errors);
            response.errors.append(&mut errors);
        }
        response.errors = response.errors.into_iter().map(told).collect();
        response
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let is_nullable = !info.return_type.ends_with('!');
        let is_refusals = info.name == "userErrors";
        let result = if self.permits(ctx, &info) { next.run(ctx, info).await } else { Err(denied(ctx, &info)) };
        match result {
            Err(error) if is_nullable => {
                let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
                errors.push(error);
                Ok(Some(mark(errors.len() - 1)))
            }
            Ok(Some(Value::List(errors))) if is_refusals => {
                self.refusals.fetch_add(errors.len(), Ordering::Relaxed);
                Ok(Some(Value::List(errors)))
            }
            other => other,
        }
    }
}

fn denied(ctx: &ExtensionContext<'_>, info: &ResolveInfo<'_>) -> ServerError {
    let caller = ctx.data_opt::<Caller>().unwrap_or(&Caller::Anonymous);
    let error = async_graphql::Error::from(Fault::from(caller.denied()));
    let mut error = error.into_server_error(async_graphql::Pos::default());
    let path = serde_json::to_value(info.path_node).ok();
    error.path = path.and_then(|path| serde_json::from_value::<Vec<PathSegment>>(path).ok()).unwrap_or_default();
    error.locations.clear();
    error
}

/// What the caller is told of a field's error. Only [`Fault`]s speak for themselves.
fn told(mut error: ServerError) -> ServerError {
    let fault = match (error.source::<Fault>(), &error.source) {
        (Some(fault), _) => fault.clone(),
        (None, Some(_)) => Fault::internal(std::io::Error::other(error.message.clone())),
        // What the library found wrong by itself while it ran was wrong in the arguments.
        (None, None) => return coded(error, ErrorCode::BadUserInput),
    };
    fault.log();
    error.message = fault.to_string();
    coded(error, fault.code())
}

/// Gives a code to an error that has none.
fn coded(mut error: ServerError, code: ErrorCode) -> ServerError {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", code.text());
    }
    error
}
