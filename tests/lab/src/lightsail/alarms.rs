//! Alarms on the metrics of instances.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call, Region};
use super::error::ApiError;
use super::metrics::{self, Metric};
use super::operations::Subject;
use super::page::page;
use super::resource::{Identity, Kind, extend};
use super::work::Work;

/// Lightsail evaluates in periods of five minutes.
const PERIOD: u32 = 300;
/// AWS's limit for one metric of one resource.
const PER_METRIC: usize = 2;
/// A day of periods.
const MAX_PERIODS: u32 = 288;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    Ok,
    Alarm,
    InsufficientData,
}

/// What PutAlarm says; it overwrites all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    pub metric_name: Metric,
    pub comparison_operator: String,
    pub threshold: f64,
    pub evaluation_periods: u32,
    pub datapoints_to_alarm: u32,
    pub treat_missing_data: String,
    pub contact_protocols: Vec<String>,
    pub notification_triggers: Vec<String>,
    pub notification_enabled: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Alarm {
    pub identity: Identity,
    pub instance: String,
    pub instance_arn: String,
    pub rule: Rule,
    pub state: AlarmState,
}

impl Alarm {
    fn view(&self) -> Value {
        let mut view = extend(self.identity.view(), json!(self.rule));
        view["monitoredResourceInfo"] =
            json!({ "arn": self.instance_arn, "name": self.instance, "resourceType": Kind::Instance.name() });
        view["period"] = json!(300);
        view["statistic"] = json!(self.rule.metric_name.statistic());
        view["unit"] = json!(self.rule.metric_name.unit());
        view["state"] = json!(self.state);
        view
    }

    fn subject(&self) -> Subject<'_> {
        Subject { kind: Kind::Alarm, name: &self.identity.name, zone: "all", details: &self.instance }
    }
}

/// Makes an alarm or overwrites the one of this name, which then keeps its state.
///
/// A missing contact method is no error: the service model says that such an alarm sends no notification.
pub fn put(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("alarmName")?.to_owned();
    let target = call.input.text("monitoredResourceName")?.to_owned();
    let known = call.region.alarms.get(&name).cloned();
    if known.is_none() {
        call.check_new_name(&name)?;
    }
    let rule = read(call)?;
    let instance_arn = monitored(call, &target)?;
    let same = |alarm: &&Alarm| {
        alarm.instance == target && alarm.rule.metric_name == rule.metric_name && alarm.identity.name != name
    };
    if call.region.alarms.values().filter(same).count() >= PER_METRIC {
        let message = format!(
            "The resource \"{target}\" already has {PER_METRIC} alarms for the metric {}",
            rule.metric_name.name()
        );
        return Err(ApiError::invalid(message));
    }
    let (identity, state) = match known {
        Some(known) => (known.identity, known.state),
        None => (call.identity(Kind::Alarm, &name, "all", call.input.tags()?), AlarmState::InsufficientData),
    };
    let alarm = Alarm { identity, instance: target, instance_arn, rule, state };
    call.region.alarms.insert(name, alarm.clone());
    call.operations("PutAlarm", Work::Nothing, &[alarm.subject()])
}

/// Only instances, load balancers and databases are monitored; the lab has the first.
fn monitored(call: &Call<'_>, name: &str) -> Result<String, ApiError> {
    if let Some(instance) = call.region.instances.get(name) {
        return Ok(instance.identity.arn());
    }
    match call.region.identities().find(|identity| identity.name == name) {
        Some(other) => {
            Err(ApiError::invalid(format!("A resource of the type {} cannot be monitored: {name}", other.kind.name())))
        }
        None => Err(ApiError::not_found("Instance", name)),
    }
}

fn read(call: &Call<'_>) -> Result<Rule, ApiError> {
    let metric = call.input.text("metricName")?;
    let metric_name = Metric::of_instance(metric).ok_or_else(|| {
        ApiError::invalid(format!("The metric {metric} is not supported for the resource type Instance"))
    })?;
    let evaluation_periods = call.input.size("evaluationPeriods")?;
    let datapoints_to_alarm = match call.input.get("datapointsToAlarm") {
        Some(_) => call.input.size("datapointsToAlarm")?,
        None => evaluation_periods,
    };
    if !(1..=MAX_PERIODS).contains(&evaluation_periods) || !(1..=evaluation_periods).contains(&datapoints_to_alarm) {
        return Err(ApiError::invalid(format!(
            "evaluationPeriods must be between 1 and {MAX_PERIODS}, and datapointsToAlarm between 1 and evaluationPeriods"
        )));
    }
    let threshold = call.input.number("threshold")?;
    check_threshold(metric_name, threshold)?;
    let mut notification_triggers = call.input.texts("notificationTriggers");
    if notification_triggers.is_empty() {
        notification_triggers.push("ALARM".into());
    }
    if !notification_triggers.iter().any(|trigger| trigger == "ALARM") {
        return Err(ApiError::invalid("The ALARM state must be specified as a notification trigger"));
    }
    Ok(Rule {
        metric_name,
        comparison_operator: call.input.text("comparisonOperator")?.to_owned(),
        threshold,
        evaluation_periods,
        datapoints_to_alarm,
        treat_missing_data: call.input.optional_text("treatMissingData").unwrap_or("missing").to_owned(),
        contact_protocols: call.input.texts("contactProtocols"),
        notification_triggers,
        notification_enabled: call.input.get("notificationEnabled").is_none() || call.input.flag("notificationEnabled"),
    })
}

fn check_threshold(metric: Metric, threshold: f64) -> Result<(), ApiError> {
    let most = if metric.unit() == "Percent" { 100.0 } else { f64::MAX };
    match (0.0..=most).contains(&threshold) {
        true => Ok(()),
        false => {
            Err(ApiError::invalid(format!("The threshold {threshold} is not valid for the metric {}", metric.name())))
        }
    }
}

fn find<'a>(call: &'a Call<'_>, name: &str) -> Result<&'a Alarm, ApiError> {
    call.region.alarms.get(name).ok_or_else(|| ApiError::not_found("Alarm", name))
}

pub fn delete(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("alarmName")?.to_owned();
    let alarm = find(call, &name)?.clone();
    call.region.alarms.remove(&name);
    call.operations("DeleteAlarm", Work::Nothing, &[alarm.subject()])
}

/// Shows a banner in the console and notifies; the alarm's state stays as it is.
pub fn test(call: &mut Call<'_>) -> Answer {
    let alarm = find(call, call.input.text("alarmName")?)?.clone();
    call.operations("TestAlarm", Work::Nothing, &[alarm.subject()])
}

pub fn list(call: &Call<'_>) -> Answer {
    let (name, instance) = (call.input.optional_text("alarmName"), call.input.optional_text("monitoredResourceName"));
    let wanted = |alarm: &&Alarm| {
        name.is_none_or(|name| alarm.identity.name == name) && instance.is_none_or(|name| alarm.instance == name)
    };
    if let Some(name) = name {
        find(call, name)?;
    }
    page(call, "alarms", call.region.alarms.values().filter(wanted).map(Alarm::view))
}

/// Brings the state of every alarm up to date with the metrics.
pub fn evaluate(region: &mut Region, samples: &metrics::Samples, now: f64) {
    let mut alarms = std::mem::take(&mut region.alarms);
    for alarm in alarms.values_mut() {
        alarm.state = next_state(region, alarm, samples, now);
    }
    region.alarms = alarms;
}

fn next_state(region: &Region, alarm: &Alarm, samples: &metrics::Samples, now: f64) -> AlarmState {
    let rule = &alarm.rule;
    let Some(instance) = region.instances.get(&alarm.instance) else { return AlarmState::InsufficientData };
    let start = now - f64::from(PERIOD * rule.evaluation_periods);
    let points = samples.datapoints(&instance.machine, rule.metric_name, start, now, f64::from(PERIOD));
    let breaching = points.iter().filter(|point| breaches(rule, point.average)).count();
    let missing = (rule.evaluation_periods as usize).saturating_sub(points.len());
    let needed = rule.datapoints_to_alarm as usize;
    match rule.treat_missing_data.as_str() {
        _ if breaching >= needed => AlarmState::Alarm,
        "breaching" if breaching + missing >= needed => AlarmState::Alarm,
        "ignore" if points.is_empty() => alarm.state,
        "missing" if points.is_empty() => AlarmState::InsufficientData,
        _ => AlarmState::Ok,
    }
}

fn breaches(rule: &Rule, value: f64) -> bool {
    match rule.comparison_operator.as_str() {
        "GreaterThanOrEqualToThreshold" => value >= rule.threshold,
        "GreaterThanThreshold" => value > rule.threshold,
        "LessThanThreshold" => value < rule.threshold,
        _ => value <= rule.threshold,
    }
}
