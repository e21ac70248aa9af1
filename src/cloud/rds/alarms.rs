//! CloudWatch's alarms about a database, and the topic of SNS that tells people: two services of few calls, by hand.

use aws_config::SdkConfig;
use roxmltree::{Document, Node};

use super::errors::kind;
use super::network::child;
use crate::cloud::api::{CloudError, CloudErrorKind};
use crate::cloud::errors::incomplete;
use crate::cloud::query::QueryClient;
use crate::diff::{ALARM_SECONDS, alarm_names};
use crate::inventory::{AlarmTopic, Comparison, DatabaseAlarm, ResourceName, Tags};

const NAMESPACE: &str = "AWS/RDS";
/// In place of its name, a subscription that has ended has this.
const ENDED: &str = "Deleted";
const COMPARISONS: [(Comparison, &str); 4] = [
    (Comparison::AtLeast, "GreaterThanOrEqualToThreshold"),
    (Comparison::Above, "GreaterThanThreshold"),
    (Comparison::Below, "LessThanThreshold"),
    (Comparison::AtMost, "LessThanOrEqualToThreshold"),
];

pub(super) struct Alarms {
    metrics: QueryClient,
    topics: QueryClient,
}

impl Alarms {
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            metrics: QueryClient::new(config, "monitoring", "2010-08-01", kind),
            topics: QueryClient::new(config, "sns", "2010-03-31", kind),
        }
    }

    /// Those that there are of the names that a database's alarms may have.
    pub async fn alarms(&self, database: &ResourceName) -> Result<Vec<DatabaseAlarm>, CloudError> {
        self.named(&alarm_names(database)).await
    }

    pub async fn named(&self, names: &[ResourceName]) -> Result<Vec<DatabaseAlarm>, CloudError> {
        let text = self.metrics.read("DescribeAlarms", &borrowed(&named(names))).await?;
        Ok(members("DescribeAlarms", &text, "MetricAlarms", alarm)?.0)
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
        let form = put_form(alarm, instance, topic, tags);
        self.metrics.change("PutMetricAlarm", &borrowed(&form)).await.map(drop)
    }

    pub async fn delete(&self, names: &[ResourceName]) -> Result<(), CloudError> {
        self.metrics.change("DeleteAlarms", &borrowed(&named(names))).await.map(drop)
    }

    pub async fn topic(&self, name: &ResourceName) -> Result<Option<AlarmTopic>, CloudError> {
        let Some(arn) = self.find(name).await? else { return Ok(None) };
        let text = self.topics.read("ListTagsForResource", &[("ResourceArn", &arn)]).await?;
        let tag = |node: Node<'_, '_>| Some((child(node, "Key")?, child(node, "Value").unwrap_or_default()));
        let (tags, _) = members("ListTagsForResource", &text, "Tags", tag)?;
        let emails = self.all("ListSubscriptionsByTopic", &[("TopicArn", &arn)], "Subscriptions", address).await?;
        Ok(Some(AlarmTopic { tags: Tags(tags.into_iter().collect()), emails: emails.into_iter().collect() }))
    }

    pub async fn create_topic(&self, name: &ResourceName, tags: &Tags) -> Result<(), CloudError> {
        let mut form = vec![("Name".to_owned(), name.to_string())];
        form.extend(tagged(tags));
        self.topics.change("CreateTopic", &borrowed(&form)).await.map(drop)
    }

    /// SNS asks the address by mail whether it agrees.
    pub async fn subscribe(&self, topic: &ResourceName, email: &str) -> Result<(), CloudError> {
        let arn = self.arn_of(topic).await?;
        let form = [("TopicArn", arn.as_str()), ("Protocol", "email"), ("Endpoint", email)];
        self.topics.change("Subscribe", &form).await.map(drop)
    }

    pub async fn delete_topic(&self, name: &ResourceName) -> Result<(), CloudError> {
        let arn = self.arn_of(name).await?;
        self.topics.change("DeleteTopic", &[("TopicArn", &arn)]).await.map(drop)
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
        let all = self.all("ListTopics", &[], "Topics", |node| child(node, "TopicArn")).await?;
        let end = format!(":{topic}");
        Ok(all.into_iter().find(|arn| arn.ends_with(&end)))
    }

    async fn all<T>(
        &self,
        operation: &str,
        form: &[(&str, &str)],
        set: &str,
        read: impl Fn(Node<'_, '_>) -> Option<T> + Copy,
    ) -> Result<Vec<T>, CloudError> {
        let (mut all, mut next) = (vec![], None::<String>);
        loop {
            let mut form = form.to_vec();
            form.extend(next.as_deref().map(|token| ("NextToken", token)));
            let (page, token) = members(operation, &self.topics.read(operation, &form).await?, set, read)?;
            all.extend(page);
            next = token;
            if next.is_none() {
                return Ok(all);
            }
        }
    }
}

type Form = Vec<(String, String)>;

fn borrowed(form: &Form) -> Vec<(&str, &str)> {
    form.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

fn named(names: &[ResourceName]) -> Form {
    (1..).zip(names).map(|(n, name)| (format!("AlarmNames.member.{n}"), name.to_string())).collect()
}

fn tagged(tags: &Tags) -> Form {
    let numbered = (1..).zip(&tags.0).flat_map(|(n, (key, value)): (u32, _)| {
        [(format!("Tags.member.{n}.Key"), key.clone()), (format!("Tags.member.{n}.Value"), value.clone())]
    });
    numbered.collect()
}

fn put_form(alarm: &DatabaseAlarm, instance: &ResourceName, topic: Option<String>, tags: &Tags) -> Form {
    let comparison = COMPARISONS.iter().find(|(comparison, _)| *comparison == alarm.comparison);
    let pairs = [
        ("AlarmName", alarm.name.to_string()),
        ("AlarmDescription", format!("the database {instance}: made by infra")),
        ("Namespace", NAMESPACE.to_owned()),
        ("MetricName", alarm.metric.clone()),
        ("Dimensions.member.1.Name", "DBInstanceIdentifier".to_owned()),
        ("Dimensions.member.1.Value", instance.to_string()),
        ("Statistic", "Average".to_owned()),
        ("Period", ALARM_SECONDS.to_string()),
        ("EvaluationPeriods", alarm.periods.to_string()),
        ("Threshold", alarm.threshold.to_string()),
        ("ComparisonOperator", comparison.map(|(_, name)| *name).unwrap_or_default().to_owned()),
    ];
    let mut form: Form = pairs.map(|(key, value)| (key.to_owned(), value)).into();
    form.extend(topic.map(|arn| ("AlarmActions.member.1".to_owned(), arn)));
    form.extend(tagged(tags));
    form
}

/// What `read` makes of each member of a set, and where the next page begins.
fn members<T>(
    operation: &str,
    text: &str,
    set: &str,
    read: impl Fn(Node<'_, '_>) -> Option<T>,
) -> Result<(Vec<T>, Option<String>), CloudError> {
    let document = Document::parse(text).map_err(|_| incomplete(operation))?;
    let named = |name: &str| document.descendants().find(|node| node.tag_name().name() == name);
    let set = named(set).ok_or_else(|| incomplete(operation))?;
    let members = set.children().filter(|node| node.tag_name().name() == "member");
    let next = named("NextToken").and_then(|node| node.text()).map(str::to_owned);
    Ok((members.filter_map(read).collect(), next))
}

fn alarm(node: Node<'_, '_>) -> Option<DatabaseAlarm> {
    let operator = child(node, "ComparisonOperator")?;
    Some(DatabaseAlarm {
        name: ResourceName::new(child(node, "AlarmName")?),
        metric: child(node, "MetricName")?,
        comparison: COMPARISONS.iter().find(|(_, name)| *name == operator)?.0,
        threshold: child(node, "Threshold")?.parse().ok()?,
        periods: child(node, "EvaluationPeriods")?.parse().ok()?,
    })
}

/// One that has not agreed yet is on its way to be told.
fn address(subscription: Node<'_, '_>) -> Option<String> {
    let mail = child(subscription, "Protocol")? == "email" && child(subscription, "SubscriptionArn")? != ENDED;
    child(subscription, "Endpoint").filter(|_| mail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_read_as_it_was_put_however_the_number_is_written() {
        let alarm_put = DatabaseAlarm {
            name: ResourceName::new("demo-db-space-low"),
            metric: "FreeStorageSpace".into(),
            comparison: Comparison::AtMost,
            threshold: 21_474_836_480.0,
            periods: 1,
        };
        let form = put_form(&alarm_put, &ResourceName::new("demo-db"), None, &Tags::default());
        assert!(form.contains(&("Threshold".into(), "21474836480".into())), "{form:?}");
        let text = r#"<DescribeAlarmsResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><DescribeAlarmsResult>
            <MetricAlarms><member><AlarmName>demo-db-space-low</AlarmName><MetricName>FreeStorageSpace</MetricName>
            <Threshold>2.147483648E10</Threshold><ComparisonOperator>LessThanOrEqualToThreshold</ComparisonOperator>
            <EvaluationPeriods>1</EvaluationPeriods><Dimensions><member><Name>DBInstanceIdentifier</Name></member>
            </Dimensions></member></MetricAlarms></DescribeAlarmsResult></DescribeAlarmsResponse>"#;
        assert_eq!(members("DescribeAlarms", text, "MetricAlarms", alarm).unwrap(), (vec![alarm_put], None));
    }

    #[test]
    fn an_address_counts_until_its_subscription_ends() {
        let member = |arn: &str, address: &str| {
            format!(
                "<member><SubscriptionArn>{arn}</SubscriptionArn><Protocol>email</Protocol><Endpoint>{address}</Endpoint></member>"
            )
        };
        let (asked, gone) = (member("PendingConfirmation", "a@example.com"), member("Deleted", "b@example.com"));
        let text = format!("<r><Subscriptions>{asked}{gone}</Subscriptions><NextToken>more</NextToken></r>");
        let read = members("ListSubscriptionsByTopic", &text, "Subscriptions", address).unwrap();
        assert_eq!(read, (vec!["a@example.com".to_owned()], Some("more".to_owned())));
    }
}
