//! CloudWatch's alarms about a database, and the topic of SNS that tells people.

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::operation::put_metric_alarm::builders::PutMetricAlarmInputBuilder;
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, MetricAlarm, Statistic};
use aws_sdk_sns::types::Subscription;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::convert::number;
use super::errors::error;
use crate::cloud::api::{CloudError, CloudErrorKind};
use crate::cloud::config;
use crate::diff::{ALARM_SECONDS, alarm_names};
use crate::inventory::{AlarmTopic, Comparison, DatabaseAlarm, ResourceName, Tags};

const NAMESPACE: &str = "AWS/RDS";
/// In place of its name, a subscription that has ended has this.
const ENDED: &str = "Deleted";

pub(super) struct Alarms {
    metric_reads: aws_sdk_cloudwatch::Client,
    metric_changes: aws_sdk_cloudwatch::Client,
    topic_reads: aws_sdk_sns::Client,
    topic_changes: aws_sdk_sns::Client,
}

impl Alarms {
    /// With a configuration that repeats nothing.
    pub fn new(once: &SdkConfig) -> Self {
        let metrics = aws_sdk_cloudwatch::config::Builder::from(once).retry_config(config::repeated()).build();
        let topics = aws_sdk_sns::config::Builder::from(once).retry_config(config::repeated()).build();
        Self {
            metric_reads: aws_sdk_cloudwatch::Client::from_conf(metrics),
            metric_changes: aws_sdk_cloudwatch::Client::new(once),
            topic_reads: aws_sdk_sns::Client::from_conf(topics),
            topic_changes: aws_sdk_sns::Client::new(once),
        }
    }

    /// Those that there are of the names that a database's alarms may have.
    pub async fn alarms(&self, database: &ResourceName) -> Result<Vec<DatabaseAlarm>, CloudError> {
        self.named(&alarm_names(database)).await
    }

    pub async fn named(&self, names: &[ResourceName]) -> Result<Vec<DatabaseAlarm>, CloudError> {
        let answer = self.metric_reads.describe_alarms().set_alarm_names(Some(texts(names))).send().await;
        let found = answer.map_err(|e| failed("DescribeAlarms", e))?.metric_alarms.unwrap_or_default();
        Ok(found.into_iter().filter_map(alarm).collect())
    }

    pub async fn put(
        &self,
        alarm: &DatabaseAlarm,
        instance: &ResourceName,
        topic: Option<&ResourceName>,
        tags: &Tags,
    ) -> Result<(), CloudError> {
        let topic = match topic {
            Some(name) => Some(self.arn_of(name).await?),
            None => None,
        };
        let input = put_input(alarm, instance, topic, tags);
        input.send_with(&self.metric_changes).await.map(drop).map_err(|e| failed("PutMetricAlarm", e))
    }

    pub async fn delete(&self, names: &[ResourceName]) -> Result<(), CloudError> {
        let call = self.metric_changes.delete_alarms().set_alarm_names(Some(texts(names)));
        call.send().await.map(drop).map_err(|e| failed("DeleteAlarms", e))
    }

    pub async fn topic(&self, name: &ResourceName) -> Result<Option<AlarmTopic>, CloudError> {
        let Some(arn) = self.find(name).await? else { return Ok(None) };
        let answer = self.topic_reads.list_tags_for_resource().resource_arn(&arn).send().await;
        let tags = answer.map_err(|e| failed("ListTagsForResource", e))?.tags.unwrap_or_default();
        let pages = self.topic_reads.list_subscriptions_by_topic().topic_arn(&arn).into_paginator();
        let subscriptions = pages.items().send().try_collect().await;
        let subscriptions = subscriptions.map_err(|e| failed("ListSubscriptionsByTopic", e))?;
        Ok(Some(AlarmTopic {
            tags: Tags(tags.into_iter().map(|tag| (tag.key, tag.value)).collect()),
            emails: subscriptions.into_iter().filter_map(address).collect(),
        }))
    }

    pub async fn create_topic(&self, name: &ResourceName, tags: &Tags) -> Result<(), CloudError> {
        let call = self.topic_changes.create_topic().name(name.as_str()).set_tags(Some(topic_tags(tags)));
        call.send().await.map(drop).map_err(|e| failed("CreateTopic", e))
    }

    /// SNS asks the address by mail whether it agrees.
    pub async fn subscribe(&self, topic: &ResourceName, email: &str) -> Result<(), CloudError> {
        let arn = self.arn_of(topic).await?;
        let call = self.topic_changes.subscribe().topic_arn(arn).protocol("email").endpoint(email);
        call.send().await.map(drop).map_err(|e| failed("Subscribe", e))
    }

    pub async fn delete_topic(&self, name: &ResourceName) -> Result<(), CloudError> {
        let arn = self.arn_of(name).await?;
        let call = self.topic_changes.delete_topic().topic_arn(arn);
        call.send().await.map(drop).map_err(|e| failed("DeleteTopic", e))
    }

    async fn arn_of(&self, topic: &ResourceName) -> Result<String, CloudError> {
        self.find(topic).await?.ok_or_else(|| CloudError {
            kind: CloudErrorKind::NotFound,
            operation: "ListTopics".into(),
            code: "NotFound".into(),
            message: format!("there is no topic {topic}"),
        })
    }

    /// Topics cannot be asked for by name.
    async fn find(&self, topic: &ResourceName) -> Result<Option<String>, CloudError> {
        let all = self.topic_reads.list_topics().into_paginator().items().send().try_collect().await;
        let all = all.map_err(|e| failed("ListTopics", e))?;
        let end = format!(":{topic}");
        Ok(all.into_iter().filter_map(|topic| topic.topic_arn).find(|arn| arn.ends_with(&end)))
    }
}

/// Whatever code it has, an answer of the 5xx passes.
fn failed<E>(operation: &str, failure: aws_sdk_sns::error::SdkError<E>) -> CloudError
where
    E: aws_sdk_sns::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let passes = failure.raw_response().is_some_and(|answer: &HttpResponse| answer.status().is_server_error());
    let error = error(operation, failure);
    if passes { CloudError { kind: CloudErrorKind::Transient, ..error } } else { error }
}

fn texts(names: &[ResourceName]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn topic_tags(tags: &Tags) -> Vec<aws_sdk_sns::types::Tag> {
    let tag = |(key, value)| aws_sdk_sns::types::Tag::builder().key(key).value(value).build();
    tags.0.iter().map(|pair| tag(pair).expect("a tag with a key and a value is complete")).collect()
}

fn put_input(
    alarm: &DatabaseAlarm,
    instance: &ResourceName,
    topic: Option<String>,
    tags: &Tags,
) -> PutMetricAlarmInputBuilder {
    let tag = |(key, value)| aws_sdk_cloudwatch::types::Tag::builder().key(key).value(value).build();
    PutMetricAlarmInputBuilder::default()
        .alarm_name(alarm.name.as_str())
        .alarm_description(format!("the database {instance}: made by infra"))
        .namespace(NAMESPACE)
        .metric_name(&alarm.metric)
        .dimensions(Dimension::builder().name("DBInstanceIdentifier").value(instance.as_str()).build())
        .statistic(Statistic::Average)
        .period(i32::try_from(ALARM_SECONDS).expect("a period is some minutes"))
        .evaluation_periods(number(alarm.periods))
        .threshold(alarm.threshold)
        .comparison_operator(operator(alarm.comparison))
        .set_alarm_actions(topic.map(|arn| vec![arn]))
        .set_tags(Some(tags.0.iter().map(tag).collect()))
}

fn alarm(found: MetricAlarm) -> Option<DatabaseAlarm> {
    Some(DatabaseAlarm {
        name: ResourceName::new(found.alarm_name?),
        metric: found.metric_name?,
        comparison: comparison(&found.comparison_operator?)?,
        threshold: found.threshold?,
        periods: u32::try_from(found.evaluation_periods?).ok()?,
    })
}

fn operator(comparison: Comparison) -> ComparisonOperator {
    match comparison {
        Comparison::AtLeast => ComparisonOperator::GreaterThanOrEqualToThreshold,
        Comparison::Above => ComparisonOperator::GreaterThanThreshold,
        Comparison::Below => ComparisonOperator::LessThanThreshold,
        Comparison::AtMost => ComparisonOperator::LessThanOrEqualToThreshold,
    }
}

/// None of those that compare with a band of what is usual: such an alarm is not ours.
fn comparison(operator: &ComparisonOperator) -> Option<Comparison> {
    let all = [Comparison::AtLeast, Comparison::Above, Comparison::Below, Comparison::AtMost];
    all.into_iter().find(|comparison| self::operator(*comparison) == *operator)
}

/// One that has not agreed yet is on its way to be told.
fn address(subscription: Subscription) -> Option<String> {
    let mail = subscription.protocol? == "email" && subscription.subscription_arn? != ENDED;
    subscription.endpoint.filter(|_| mail)
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::error::ErrorMetadata;
    use aws_sdk_cloudwatch::operation::put_metric_alarm::PutMetricAlarmError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn an_alarm_is_read_as_it_was_put() {
        let put = DatabaseAlarm {
            name: ResourceName::new("demo-db-space-low"),
            metric: "FreeStorageSpace".into(),
            comparison: Comparison::AtMost,
            threshold: 21_474_836_480.0,
            periods: 1,
        };
        let input = put_input(&put, &ResourceName::new("demo-db"), None, &Tags::default()).build().unwrap();
        assert_eq!(input.period, Some(300));
        let found = MetricAlarm::builder()
            .set_alarm_name(input.alarm_name)
            .set_metric_name(input.metric_name)
            .set_threshold(input.threshold)
            .set_comparison_operator(input.comparison_operator)
            .set_evaluation_periods(input.evaluation_periods)
            .build();
        assert_eq!(alarm(found), Some(put));
    }

    #[test]
    fn each_comparison_is_read_as_it_is_written() {
        for put in [Comparison::AtLeast, Comparison::Above, Comparison::Below, Comparison::AtMost] {
            assert_eq!(comparison(&operator(put)), Some(put));
        }
        assert_eq!(comparison(&ComparisonOperator::GreaterThanUpperThreshold), None);
    }

    #[test]
    fn an_address_counts_until_its_subscription_ends() {
        let found = |arn: &str, address: &str| {
            super::address(Subscription::builder().subscription_arn(arn).protocol("email").endpoint(address).build())
        };
        assert_eq!(found("PendingConfirmation", "a@example.com"), Some("a@example.com".into()));
        assert_eq!(found("Deleted", "b@example.com"), None);
    }

    #[test]
    fn an_answer_of_the_5xx_passes_and_a_refusal_does_not() {
        let kind = |status: u16, code: &str| {
            let error = PutMetricAlarmError::generic(ErrorMetadata::builder().code(code).build());
            let answer = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
            failed("PutMetricAlarm", aws_sdk_cloudwatch::error::SdkError::service_error(error, answer)).kind
        };
        assert_eq!(kind(500, "InternalServiceFault"), CloudErrorKind::Transient);
        assert_eq!(kind(400, "InvalidParameterValue"), CloudErrorKind::Refused);
        assert_eq!(kind(400, "Throttling"), CloudErrorKind::Throttled);
    }
}
