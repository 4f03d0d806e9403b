//! Whether numbers that are read one after the other stay within a limit. Pure; it must never take a number that is missing for a good one.

use super::number_words;

/// So many numbers beyond the limit, one after the other, are too many: one alone may be a reading at a bad moment.
const IN_A_ROW: usize = 2;

/// What a value may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Bounds {
    /// At most this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// At least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
}

impl Bounds {
    /// The same as multiples of a value; none of a value of which no multiple says anything.
    pub fn of(self, value: f64) -> Option<Self> {
        let times = |bound: Option<f64>| bound.map(|bound| bound * value);
        (value > 0.0).then(|| Self { max: times(self.max), min: times(self.min) })
    }

    /// Whether a value is beyond it.
    pub fn is_beyond(self, value: f64) -> bool {
        self.max.is_some_and(|max| value > max) || self.min.is_some_and(|min| value < min)
    }

    /// As people read it: `at most 0.39`.
    pub fn words(self) -> String {
        let max = self.max.map(|max| format!("at most {}", number_words(max)));
        let min = self.min.map(|min| format!("at least {}", number_words(min)));
        max.into_iter().chain(min).collect::<Vec<_>>().join(" and ")
    }
}

/// What has been read so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judge {
    read: usize,
    with_value: usize,
    beyond: usize,
    last: Option<f64>,
}

/// What is to be said when the time is over.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// The numbers stayed within the limit.
    Good,
    /// Nobody can say that: why.
    Unclear(String),
}

impl Judge {
    /// Takes the next value, of `expected` that will be read in all; whether it is clear now that the numbers are beyond the limit. None is a value
    /// that could not be read.
    pub fn take(&mut self, value: Option<f64>, bounds: Option<Bounds>, expected: usize) -> bool {
        self.read += 1;
        let Some(value) = value else { return false };
        self.with_value += 1;
        self.last = Some(value);
        let Some(bounds) = bounds else { return false };
        self.beyond = if bounds.is_beyond(value) { self.beyond + 1 } else { 0 };
        self.beyond >= IN_A_ROW.min(expected.max(1))
    }

    /// The judgement in the end. `bounds` is none where nothing is known that the values could be compared with.
    pub fn end(&self, bounds: Option<Bounds>) -> Judgement {
        if self.with_value * 2 < self.read || self.with_value == 0 {
            return Judgement::Unclear(format!("{} of {} readings had a value", self.with_value, self.read));
        }
        let last = self.last.map(number_words).unwrap_or_default();
        match bounds {
            None => Judgement::Unclear(format!("it is {last} now, and there is nothing to compare it with")),
            // It went beyond the limit at the very end: one more reading would have told.
            Some(bounds) if self.beyond > 0 => {
                Judgement::Unclear(format!("it is {last} at the end: {}", bounds.words()))
            }
            Some(_) => Judgement::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judged(values: &[Option<f64>], bounds: Option<Bounds>) -> Result<Judgement, usize> {
        let mut judge = Judge::default();
        for (place, value) in values.iter().enumerate() {
            if judge.take(*value, bounds, values.len()) {
                return Err(place);
            }
        }
        Ok(judge.end(bounds))
    }

    #[test]
    fn two_in_a_row_are_worse_and_one_alone_is_not() {
        let most = Some(Bounds { max: Some(1.0), min: None });
        let (low, high, none) = (Some(0.5), Some(1.5), None);
        for (values, bounds, wanted) in [
            (&[low, low, low][..], most, Ok(true)),
            (&[low, high, low], most, Ok(true)),
            (&[low, high, high, low], most, Err(2)),
            (&[high, none, high], most, Err(2)),
            (&[high], most, Err(0)),
            (&[low, low, high], most, Ok(false)),
            (&[low, none, none], most, Ok(false)),
            (&[low, none], most, Ok(true)),
            (&[none, none], most, Ok(false)),
            (&[low, low], None, Ok(false)),
            (&[high, high], Some(Bounds { max: None, min: Some(1.0) }), Ok(true)),
            (&[low, low], Some(Bounds { max: None, min: Some(1.0) }), Err(1)),
        ] {
            let found = judged(values, bounds).map(|judgement| judgement == Judgement::Good);
            assert_eq!(found, wanted, "{values:?} {bounds:?}");
        }
    }

    #[test]
    fn a_multiple_of_nothing_is_no_limit() {
        let bounds = Bounds { max: Some(1.5), min: None };
        assert_eq!(bounds.of(2.0), Some(Bounds { max: Some(3.0), min: None }));
        assert_eq!((bounds.of(0.0), bounds.of(-1.0)), (None, None));
    }

    proptest! {
        #[test]
        fn what_has_no_value_is_never_good(count in 1_usize..40, max in any::<f64>()) {
            let bounds = Some(Bounds { max: Some(max), min: None });
            prop_assert!(matches!(judged(&vec![None; count], bounds), Ok(Judgement::Unclear(_))));
        }

        #[test]
        fn what_stays_within_is_good(values in prop::collection::vec(-1e6_f64..1.0, 1..40)) {
            let values: Vec<_> = values.into_iter().map(Some).collect();
            prop_assert_eq!(judged(&values, Some(Bounds { max: Some(1.0), min: None })), Ok(Judgement::Good));
        }
    }
}
