//! Reports the `Date` of S3's answers, so that the machine's clock can be compared with it.

use std::fmt;
use std::sync::Arc;

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

/// Takes the text of a `Date` header (RFC 9110, 6.6.1).
pub type Hear = Arc<dyn Fn(&str) + Send + Sync>;

/// Reports the dates of answers.
#[derive(Clone)]
pub(crate) struct Dates(pub(crate) Hear);

impl fmt::Debug for Dates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dates")
    }
}

impl Intercept for Dates {
    fn name(&self) -> &'static str {
        "Dates"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            (self.0)(date);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use livelist_store::{Objects, SystemEntropy};

    use super::*;
    use crate::stub::{Answer, serve};

    #[tokio::test]
    async fn the_date_of_each_answer_is_told() {
        let date = "Sat, 21 Nov 2026 04:00:00 GMT";
        let answer = move |_: usize, _: &crate::stub::Request| {
            let body = "<Error><Code>NoSuchKey</Code></Error>".to_owned();
            Answer::Http(404, format!("Date: {date}\r\n"), body)
        };
        let (clients, _) = serve(answer).await;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = heard.clone();
        let clients = clients.hearing(Arc::new(move |date: &str| {
            notes.lock().unwrap().push(date.to_owned());
        }));
        let objects = clients.objects("lists", Arc::new(SystemEntropy));
        assert!(objects.get("head.json").await.unwrap().is_none());
        assert_eq!(*heard.lock().unwrap(), [date]);
    }
}
