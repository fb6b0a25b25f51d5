//! How absent keys are batched into questions, together with *controls*: keys that are known to be
//! live. Decides how many questions a batch has, and which keys each of them names. Pure.

/// Live keys in each batch. An answer that loses rows must not miss just the keys in doubt: of answers
/// that lose every second row, one in 256 shows all of these.
pub const CONTROLS: usize = 8;
/// If keys are asked for one at a time: this many in one batch.
const SINGLES: usize = 16;

/// The questions of a batch, each with at most a certain number of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Controls in each question; 0 if each key is asked for alone. Then controls are asked for in between.
    inside: usize,
    /// Other keys in each question.
    others: usize,
    /// Questions about other keys.
    questions: usize,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The keys to ask for, in this order.
    pub keys: Vec<Vec<u8>>,
    /// Those of them that are known to be live.
    pub controls: Vec<Vec<u8>>,
}

impl Plan {
    /// For questions of at most this many keys. Several small questions together have as many controls as
    /// one large question.
    pub fn of(keys: usize) -> Plan {
        if keys <= 1 {
            return Plan {
                inside: 0,
                others: 1,
                questions: SINGLES,
            };
        }
        let inside = (keys / 2).clamp(1, CONTROLS);
        Plan {
            inside,
            others: keys - inside,
            questions: CONTROLS.div_ceil(inside),
        }
    }

    /// Other keys that fit into a batch.
    pub fn room(&self) -> usize {
        self.others * self.questions
    }

    /// Requests for a full batch.
    pub fn requests(&self) -> usize {
        match self.inside {
            0 => self.questions + CONTROLS,
            _ => self.questions,
        }
    }

    /// The questions about `others` with `controls` among them. `turn` varies the position of a single
    /// control in its question.
    pub fn questions(&self, controls: &[Vec<u8>], others: &[Vec<u8>], turn: u32) -> Vec<Question> {
        if self.inside == 0 {
            return spread(controls, others)
                .into_iter()
                .map(|(key, is_control)| Question {
                    controls: if is_control {
                        vec![key.clone()]
                    } else {
                        Vec::new()
                    },
                    keys: vec![key],
                })
                .collect();
        }
        let mut next = controls.iter().cycle();
        let chunks = others.chunks(self.others).enumerate();
        chunks
            .map(|(nth, others)| {
                let inside = self.inside.min(controls.len());
                let chosen: Vec<Vec<u8>> = next.by_ref().take(inside).cloned().collect();
                let mut keys: Vec<Vec<u8>> = spread(&chosen, others)
                    .into_iter()
                    .map(|(key, _)| key)
                    .collect();
                if chosen.len() == 1 && (nth as u32 + turn) % 2 == 1 {
                    keys.rotate_left(1);
                }
                Question {
                    keys,
                    controls: chosen,
                }
            })
            .collect()
    }
}

/// Puts controls at both ends and in between, so that any cut of the answer loses one.
fn spread(controls: &[Vec<u8>], others: &[Vec<u8>]) -> Vec<(Vec<u8>, bool)> {
    let gaps = controls.len().saturating_sub(1).max(1);
    let mut rest = others.chunks(others.len().div_ceil(gaps).max(1));
    let mut all = Vec::with_capacity(controls.len() + others.len());
    for control in controls {
        all.push((control.clone(), true));
        all.extend(
            rest.next()
                .unwrap_or_default()
                .iter()
                .map(|key| (key.clone(), false)),
        );
    }
    all.extend(rest.flatten().map(|key| (key.clone(), false)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(prefix: &str, n: usize) -> Vec<Vec<u8>> {
        (0..n)
            .map(|i| format!("{prefix}{i}").into_bytes())
            .collect()
    }

    #[test]
    fn every_key_is_asked_for_once_and_every_question_is_short_enough() {
        for most in 1..=120 {
            let plan = Plan::of(most);
            for n in [1, plan.room() / 2 + 1, plan.room()] {
                for few in [1, 3, CONTROLS] {
                    let (controls, others) = (keys("c", few), keys("k", n));
                    let questions = plan.questions(&controls, &others, 0);
                    let asked = questions
                        .iter()
                        .flat_map(|q| q.keys.iter().filter(|key| !q.controls.contains(key)));
                    let asked: Vec<_> = asked.cloned().collect();
                    assert_eq!(asked, others, "{most} {n}");
                    for question in &questions {
                        assert!(question.keys.len() <= most, "{most} {question:?}");
                        assert!(question.controls.iter().all(|c| question.keys.contains(c)));
                        assert!(most == 1 || !question.controls.is_empty());
                    }
                    if n == plan.room() && few == CONTROLS {
                        let controls: usize = questions.iter().map(|q| q.controls.len()).sum();
                        assert!(controls >= CONTROLS, "{most}");
                        assert_eq!(questions.len(), plan.requests(), "{most}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_large_question_has_controls_at_both_ends() {
        let plan = Plan::of(25);
        assert_eq!((plan.room(), plan.requests()), (17, 1));
        let questions = plan.questions(&keys("c", CONTROLS), &keys("k", 17), 0);
        let question = &questions[0];
        assert_eq!(question.keys.first(), question.controls.first());
        assert_eq!(question.keys.last(), question.controls.last());
    }
}
