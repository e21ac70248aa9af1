//! EC2 at the gateway: forms become documents, documents XML, and both are compared with botocore's model.

use std::path::PathBuf;
use std::sync::OnceLock;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, Response};
use serde_json::Value;

use super::dispatch::{Dropped, Gate, MAX_BODY};
use super::identify::{Target, access_key};
use super::respond;
use super::rules::{Action, Rule};
use crate::behind::Caller;
use crate::ec2::{self, ApiError, Fault, OPERATIONS, ReadFault};
use crate::form::Form;
use crate::model::{Asked, Finding, Model, Problem};

/// The model is large: it is read when EC2 is first asked.
pub struct Ec2Model {
    file: Option<PathBuf>,
    read: OnceLock<Result<Model, String>>,
}

impl Ec2Model {
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, read: OnceLock::new() }
    }

    fn get(&self) -> Result<&Model, ApiError> {
        let read = self.read.get_or_init(|| {
            let file = self.file.as_ref().ok_or("botocore's model of EC2 was not found: run tests/lab/setup")?;
            Model::load(file).map_err(|error| format!("{error:#}"))
        });
        read.as_ref().map_err(|reason| ApiError::internal(reason.clone()))
    }
}

impl Gate {
    /// Answers what the account has. Everything else of EC2, and of Systems Manager all but the parameters that name
    /// images, is MiniStack's.
    pub(super) async fn answer_ec2(
        &self,
        target: &Target,
        rule: Option<&Rule>,
        request: Request<Body>,
    ) -> Result<Response<Body>, Dropped> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, MAX_BODY).await.map_err(Dropped::Body)?;
        if target.service == "ssm" {
            let asked = serde_json::from_slice(&body).unwrap_or(Value::Null);
            if let Some(answer) = ec2::parameters(&target.region, &target.operation, &asked) {
                return Ok(respond::json(200, &answer));
            }
        }
        let form = Form::parse(if body.is_empty() { parts.uri.query().unwrap_or_default().as_bytes() } else { &body });
        if target.service == "ec2" && is_ours(target, &form) {
            let answer = self.ask_ec2(target, rule, &parts.headers, &form).await;
            if let Some(rds) = &self.rds {
                rds.notice(target);
            }
            return Ok(self.respond_ec2(target, answer));
        }
        self.pass_on(target, Request::from_parts(parts, Body::from(body))).await
    }

    async fn pass_on(&self, target: &Target, request: Request<Body>) -> Result<Response<Body>, Dropped> {
        Ok(match &self.rds {
            Some(rds) => rds.answer(target, request, &self.passthrough).await,
            None => self.passthrough.forward(target, request).await,
        })
    }

    async fn ask_ec2(
        &self,
        target: &Target,
        rule: Option<&Rule>,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<Value, ApiError> {
        if !target.signed {
            let message = "AWS was not able to validate the provided access credentials";
            return Err(ApiError::new("AuthFailure", message));
        }
        let model = self.ec2_model.get()?;
        let body = self.read_form(model, &target.operation, form)?;
        let caller = Caller { access_key: access_key(headers), region: target.region.clone() };
        let mut request = call(target, rule, caller, body);
        if let (Some(rds), "DeleteSecurityGroup") = (&self.rds, target.operation.as_str()) {
            let group = form.get("GroupId").unwrap_or_default();
            let found = rds.group_in_use(&request.caller, group).await;
            request.group_in_use = found.map_err(|error| ApiError::internal(format!("{error:#}")))?;
        }
        self.ec2.call(request).await
    }

    fn read_form(&self, model: &Model, operation: &str, form: &Form) -> Result<Value, ApiError> {
        let Asked { body, unknown, malformed } = model.read_form(operation, form.pairs());
        let findings = model.check_request(operation, &body);
        let unknown_members = unknown.iter().map(|path| Finding {
            path: path.clone(),
            problem: Problem::Unknown,
            message: "the model has no such member".into(),
        });
        self.violations.requests(operation, &unknown_members.chain(findings.iter().cloned()).collect::<Vec<_>>());
        if let Some(path) = unknown.first() {
            let message = format!("The parameter {path} is not recognized");
            return Err(ApiError::new("UnknownParameter", message));
        }
        if let Some(path) = malformed.first() {
            return Err(ApiError::invalid(format!("Invalid value for parameter {path}")));
        }
        findings.iter().find_map(refusal).map_or(Ok(body), Err)
    }

    fn respond_ec2(&self, target: &Target, answer: Result<Value, ApiError>) -> Response<Body> {
        let written = answer.and_then(|answer| {
            let model = self.ec2_model.get()?;
            self.violations.responses(&target.operation, &model.check_response(&target.operation, &answer));
            let id = respond::request_id();
            Ok((model.write_xml(&target.operation, &id, &answer), id))
        });
        match written {
            Ok((xml, id)) => {
                let body = Bytes::from(xml);
                let mut response = respond::plain(200, "text/xml;charset=UTF-8", body.to_vec());
                let id = HeaderValue::from_str(&id).expect("hexadecimal digits");
                response.headers_mut().insert("x-amzn-requestid", id);
                response
            }
            Err(error) => respond::error(target.protocol, error.status(), &error.code, &error.message),
        }
    }
}

/// Tags of what is MiniStack's are MiniStack's too.
fn is_ours(target: &Target, form: &Form) -> bool {
    match target.operation.as_str() {
        "CreateTags" | "DeleteTags" => {
            ec2::are_ours(form.pairs().filter(|(name, _)| name.starts_with("ResourceId.")).map(|(_, value)| value))
        }
        operation => OPERATIONS.contains(&operation),
    }
}

/// What AWS answers to a request that breaks the model. What is required, and what values a type may have, the account says
/// in AWS's words.
fn refusal(finding: &Finding) -> Option<ApiError> {
    let Finding { path, problem, message } = finding;
    match problem {
        Problem::Unknown | Problem::Constraint | Problem::Missing => None,
        Problem::Type => Some(ApiError::invalid(format!("Invalid value for parameter {path}: {message}"))),
    }
}

fn call(target: &Target, rule: Option<&Rule>, caller: Caller, body: Value) -> ec2::Request {
    let fault = rule.and_then(|rule| match rule.action {
        Action::FailOperation => Some(Fault::Fail {
            code: rule.error_code.clone().unwrap_or_else(|| "Server.InternalError".into()),
            details: rule.error_details.clone().unwrap_or_else(|| "It failed because a rule says so".into()),
        }),
        Action::NeverEnds => Some(Fault::NeverEnds),
        _ => None,
    });
    let read_fault = rule.and_then(|rule| match rule.action {
        Action::StaleRead => Some(ReadFault::Stale),
        Action::EmptyConsole => Some(ReadFault::EmptyConsole),
        _ => None,
    });
    let operation = target.operation.clone();
    ec2::Request { caller, operation, body, fault, read_fault, group_in_use: None }
}
