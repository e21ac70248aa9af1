//! One request from its arrival to its answer.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response};
use serde_json::Value;
use thiserror::Error;

use super::calls::Calls;
use super::ec2::Ec2Model;
use super::holds::Holds;
use super::identify::{self, Protocol, Target, access_key, identify};
use super::passthrough::Passthrough;
use super::respond;
use super::rights;
use super::rules::{Action, Rule, Rules};
use super::violations::Violations;
use crate::ec2::Ec2;
use crate::lightsail::{ApiError, Exception, Lightsail, OperationFault, ReadFault, Request as Call};
use crate::model::{Finding, Model, Problem};
use crate::rds::Rds;
use crate::settings::Settings;

/// Larger than any request of a JSON or query service.
pub(super) const MAX_BODY: usize = 4 * 1024 * 1024;

/// The connection is to be closed without an answer.
#[derive(Debug, Error)]
pub enum Dropped {
    #[error("a rule drops the connection")]
    ByRule,
    #[error("the request's body did not arrive")]
    Body(#[source] axum::Error),
}

/// Everything that requests are answered from.
pub struct Gate {
    pub lightsail: Arc<Lightsail>,
    pub ec2: Arc<Ec2>,
    pub passthrough: Passthrough,
    /// None without MiniStack.
    pub rds: Option<Arc<Rds>>,
    pub settings: Arc<RwLock<Settings>>,
    /// Lightsail's.
    pub model: Option<Model>,
    pub ec2_model: Ec2Model,
    pub rules: Rules,
    pub holds: Holds,
    pub calls: Calls,
    pub violations: Violations,
    pub sample_every: Duration,
}

impl Gate {
    pub async fn handle(&self, request: Request<Body>) -> Result<Response<Body>, Dropped> {
        let (target, request) = self.identify(request).await?;
        self.calls.count(&target);
        let result = self.spoil(&target, request).await;
        match &result {
            Ok(response) if !response.status().is_success() => {
                self.calls.count_error(&target, response.status().as_u16())
            }
            Ok(_) => {}
            Err(_) => self.calls.count_error(&target, 0),
        }
        result
    }

    /// Reads the body of a form, because it names the operation; leaves other bodies to stream.
    async fn identify(&self, request: Request<Body>) -> Result<(Target, Request<Body>), Dropped> {
        let (parts, body) = request.into_parts();
        if !identify::is_form(&parts.headers) {
            let target = identify(&parts.method, &parts.uri, &parts.headers, None);
            return Ok((target, Request::from_parts(parts, body)));
        }
        let form = to_bytes(body, MAX_BODY).await.map_err(Dropped::Body)?;
        let target = identify(&parts.method, &parts.uri, &parts.headers, Some(&form));
        Ok((target, Request::from_parts(parts, Body::from(form))))
    }

    async fn spoil(&self, target: &Target, mut request: Request<Body>) -> Result<Response<Body>, Dropped> {
        let latency = self.settings.read().map(|settings| settings.latency_ms).unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(latency)).await;
        let key = access_key(request.headers());
        if let Some(action) = self.denied(&key, target) {
            self.violations.denied(&action);
            return Ok(rights::refusal(target, &key, &action));
        }
        let rule = self.rules.decide(target);
        let action = rule.as_ref().map(|rule| rule.action);
        if let Some(refusal) = rule.as_ref().and_then(|rule| refuse(target, rule)) {
            return Ok(refusal);
        }
        match action {
            Some(Action::DropBefore) => return Err(Dropped::ByRule),
            Some(Action::HoldBefore) => {
                request = arrived(request).await?;
                self.holds.wait(target, false).await;
            }
            _ => {}
        }
        let response = self.answer(target, rule.as_ref(), request).await?;
        match action {
            Some(Action::DropAfter) => return Err(Dropped::ByRule),
            Some(Action::HoldAfter) => self.holds.wait(target, true).await,
            _ => {}
        }
        Ok(response)
    }

    fn denied(&self, key: &str, target: &Target) -> Option<String> {
        rights::denied(&self.settings.read().unwrap_or_else(PoisonError::into_inner), key, target)
    }

    async fn answer(
        &self,
        target: &Target,
        rule: Option<&Rule>,
        request: Request<Body>,
    ) -> Result<Response<Body>, Dropped> {
        if target.service == "ec2" || target.service == "ssm" {
            return self.answer_ec2(target, rule, request).await;
        }
        if target.service != "lightsail" {
            return Ok(match &self.rds {
                Some(rds) => rds.answer(target, request, &self.passthrough).await,
                None => self.passthrough.forward(target, request).await,
            });
        }
        let body = to_bytes(request.into_body(), MAX_BODY).await.map_err(Dropped::Body)?;
        let answer = match self.read(target, &body) {
            Ok(body) => self.lightsail.call(call(target, rule, body)).await,
            Err(refusal) => Err(refusal),
        };
        if let Some(rds) = &self.rds {
            rds.notice(target);
        }
        Ok(match answer {
            Ok(answer) => {
                if let Some(model) = &self.model {
                    self.violations.responses(&target.operation, &model.check_response(&target.operation, &answer));
                }
                respond::json(200, &answer)
            }
            Err(error) => respond::lightsail_error(&error),
        })
    }

    /// The request's body, if AWS would accept it.
    fn read(&self, target: &Target, body: &Bytes) -> Result<Value, ApiError> {
        if !target.signed {
            let message = "Missing Authentication Token";
            return Err(ApiError::new(Exception::MissingAuthenticationToken, "MissingAuthenticationToken", message));
        }
        let empty = body.iter().all(u8::is_ascii_whitespace);
        let parsed = if empty { Ok(serde_json::json!({})) } else { serde_json::from_slice(body) };
        let body: Value = parsed.map_err(|error| serialization(format!("The request is not JSON: {error}")))?;
        let Some(model) = &self.model else { return Ok(body) };
        if !model.knows(&target.operation) {
            let message = format!("Lightsail has no operation {}", target.operation);
            return Err(ApiError::new(Exception::UnknownOperation, "UnknownOperation", message));
        }
        let findings = model.check_request(&target.operation, &body);
        self.violations.requests(&target.operation, &findings);
        findings.iter().find_map(refusal).map_or(Ok(body), Err)
    }
}

/// The request with its whole body. Only then is it noticed when its client goes away.
async fn arrived(request: Request<Body>) -> Result<Request<Body>, Dropped> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await.map_err(Dropped::Body)?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// The error that a rule answers with instead of the service.
fn refuse(target: &Target, rule: &Rule) -> Option<Response<Body>> {
    let (status, code, message) = match rule.action {
        Action::Throttle if target.protocol == Protocol::Ec2 => {
            (503, "RequestLimitExceeded", "Request limit exceeded.")
        }
        Action::Error500 if target.protocol == Protocol::Ec2 => {
            (500, "InternalError", "An internal error has occurred")
        }
        Action::Throttle => (400, Exception::Throttling.name(), "Rate exceeded"),
        Action::Error500 => (500, Exception::Service.name(), "An internal error has occurred"),
        Action::Refuse => (
            400,
            rule.error_code.as_deref().unwrap_or(Exception::OperationFailure.name()),
            rule.error_details.as_deref().unwrap_or("A rule of the lab refuses this request"),
        ),
        _ => return None,
    };
    Some(respond::error(target.protocol, status, code, message))
}

fn serialization(message: String) -> ApiError {
    ApiError::new(Exception::Serialization, "SerializationException", message)
}

/// What AWS answers to a request that breaks the model. Members that it does not know, it ignores.
fn refusal(finding: &Finding) -> Option<ApiError> {
    let Finding { path, problem, message } = finding;
    match problem {
        Problem::Unknown => None,
        Problem::Type => Some(serialization(format!("{path}: {message}"))),
        Problem::Missing => Some(ApiError::invalid(format!("The request must contain the parameter {path}"))),
        Problem::Constraint => Some(ApiError::invalid(format!(
            "1 validation error detected: Value at '{path}' failed to satisfy constraint: {message}"
        ))),
    }
}

fn call(target: &Target, rule: Option<&Rule>, body: Value) -> Call {
    let operation_fault = rule.and_then(|rule| match rule.action {
        Action::FailOperation => Some(OperationFault::Fail {
            code: rule.error_code.clone().unwrap_or_else(|| "InternalFailure".into()),
            details: rule.error_details.clone().unwrap_or_else(|| "The operation failed because a rule says so".into()),
        }),
        Action::NeverEnds => Some(OperationFault::NeverEnds),
        _ => None,
    });
    let read_fault = rule.and_then(|rule| match rule.action {
        Action::StaleRead => Some(ReadFault::Stale),
        Action::EmptyHostKeys => Some(ReadFault::EmptyHostKeys),
        _ => None,
    });
    Call { region: target.region.clone(), operation: target.operation.clone(), body, operation_fault, read_fault }
}
