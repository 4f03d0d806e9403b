//! What was read, in the text format of Prometheus, by the crate `prometheus-client`. It must never leave a metric out: one without a
//! sample is named and explained all the same. Pure.

use super::table::{Metric, MetricSamples, Sample};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;

pub use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// A metric, and what was read of it.
#[derive(Debug)]
pub struct MeasuredMetric {
    /// Its row.
    pub metric: &'static Metric,
    /// Its samples.
    pub samples: MetricSamples,
}

/// All that was read, as text.
///
/// # Errors
/// When a text cannot be written, which a `String` always can.
pub fn encode(all: Vec<MeasuredMetric>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    for measured in all {
        registry.register_collector(Box::new(measured));
    }
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

impl Collector for MeasuredMetric {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let kind = match self.samples {
            MetricSamples::Counter(_) => MetricType::Counter,
            MetricSamples::Gauge(_) => MetricType::Gauge,
            MetricSamples::Histogram(_) => MetricType::Histogram,
        };
        // The crate writes the end of a counter's name itself.
        let name = self.metric.name.strip_suffix("_total").unwrap_or(self.metric.name);
        let mut encoder = encoder.encode_descriptor(name, self.metric.help, None, kind)?;
        match &self.samples {
            MetricSamples::Counter(samples) => {
                self.each(&mut encoder, samples, |mut one, value| one.encode_counter::<NoLabelSet, _, f64>(value, None))
            }
            MetricSamples::Gauge(samples) => self.each(&mut encoder, samples, |mut one, value| one.encode_gauge(value)),
            MetricSamples::Histogram(samples) => self.each(&mut encoder, samples, |one, value| value.encode(one)),
        }
    }
}

impl MeasuredMetric {
    fn each<T>(
        &self,
        encoder: &mut MetricEncoder<'_>,
        samples: &[Sample<T>],
        write: impl Fn(MetricEncoder<'_>, &T) -> fmt::Result,
    ) -> fmt::Result {
        samples.iter().try_for_each(|Sample { labels, value }| {
            let values = labels.iter().map(String::as_str);
            let labels: Vec<(&str, &str)> = self.metric.labels.iter().copied().zip(values).collect();
            write(encoder.encode_family(&labels)?, value)
        })
    }
}
