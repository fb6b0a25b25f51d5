use super::*;

fn set(words: Words, keys: u32) -> Manner {
    Manner {
        words,
        literal: KeyLiteral::Quoted,
        keys,
    }
}

/// Asks until the size is found; how many requests that took.
fn search(asking: &mut Asking, answers: impl Fn(Manner, u32) -> bool) -> Option<u32> {
    for requests in 0.. {
        let sizes = asking.manner();
        if let Some(trial) = asking.trial(true) {
            if asking.tried(answers(trial, 1)) == After::GiveUp {
                return None;
            }
        } else if answers(sizes, sizes.keys) {
            asking.answered(sizes.keys);
            if !asking.is_attempt(asking.manner().keys) {
                return Some(requests);
            }
        } else if asking.refused(sizes.keys) == After::GiveUp {
            return None;
        }
    }
    None
}

#[test]
fn the_largest_question_is_found_in_a_few_requests() {
    for most in [9, 25, 50, 100, 1_000] {
        for limit in 1..=most {
            let mut asking = Asking::as_set(set(Words::Or, most));
            let requests = search(&mut asking, |_, keys| keys <= limit).unwrap();
            let found = asking.manner().keys;
            assert!(
                found <= limit && limit - found <= (found / 4).max(1),
                "{most} {limit} {found}"
            );
            assert!(requests <= 26, "{most} {limit}: {requests}");
        }
    }
}

#[test]
fn where_in_is_not_known_or_is_asked_and_where_only_one_is_one_at_a_time() {
    let mut asking = Asking::as_set(set(Words::In, 100));
    search(&mut asking, |manner, _| manner.words == Words::Or).unwrap();
    assert_eq!(asking.manner(), set(Words::Or, 100));
    let mut asking = Asking::as_set(set(Words::In, 100));
    search(&mut asking, |manner, keys| {
        keys == 1 || (manner.words == Words::Or && keys <= 30)
    })
    .unwrap();
    assert_eq!(asking.manner().words, Words::Or);
    assert!((24..=30).contains(&asking.manner().keys), "{asking:?}");
    let mut asking = Asking::as_set(set(Words::In, 100));
    let requests = search(&mut asking, |_, keys| keys == 1).unwrap();
    assert_eq!(asking.manner(), set(Words::Or, 1));
    assert_eq!(asking.manner().describe(), "one at a time");
    assert!(requests < 40, "{requests}");
}

#[test]
fn a_literal_is_learned_by_one_key() {
    let mut asking = Asking::as_set(set(Words::In, 100));
    let bare = |manner: Manner, keys| manner.literal == KeyLiteral::Bare && keys <= 40;
    search(&mut asking, bare).unwrap();
    assert_eq!(
        (asking.manner().literal, asking.manner().words),
        (KeyLiteral::Bare, Words::In)
    );
    let mut asking = Asking::as_set(set(Words::In, 100));
    asking.refused(100);
    assert_eq!(asking.trial(false).unwrap().literal, KeyLiteral::Quoted);
    asking.tried(false);
    assert_eq!(asking.trial(false).unwrap(), set(Words::Or, 1));
}

#[test]
fn where_nothing_works_it_ends_soon() {
    let mut asking = Asking::as_set(set(Words::In, 100));
    assert_eq!(search(&mut asking, |_, _| false), None);
    assert!(!asking.is_in_doubt() && !asking.has_learned(set(Words::In, 100)));
    // One key alone is shown now and then, and nothing else ever.
    let mut asking = Asking::as_set(set(Words::In, 100));
    let mut questions = 0;
    while asking.refused(asking.manner().keys) == After::GoOn && questions < 1_000 {
        questions += 1;
        asking.trial(false);
        asking.tried(true);
    }
    assert!(questions <= MOST_REFUSALS);
}

#[test]
fn what_was_learned_holds_for_a_week() {
    let resource: crate::ResourceName = "Property".parse().unwrap();
    let at = |day: u32| format!("2026-11-{day:02}T04:00:00Z").parse().unwrap();
    let by_in = set(Words::In, 100);
    let mut asking = Asking::as_set(by_in);
    search(&mut asking, |_, keys| keys <= 12).unwrap();
    let form = |at| LearnedForm {
        resource: resource.clone(),
        set: by_in,
        asking,
        at,
    };
    let learned = Learned::default().with(form(at(1))).with(form(at(2)));
    assert_eq!(learned.forms.len(), 1);
    let text = serde_json::to_string(&learned).unwrap();
    let learned: Learned = serde_json::from_str(&text).unwrap();
    let of = |set, day| learned.of(&resource, set, at(day)).map(|a| a.manner().keys);
    assert_eq!(of(by_in, 8), Some(12));
    assert_eq!(of(by_in, 9), None);
    assert_eq!(of(by_in, 1), None);
    assert_eq!(of(set(Words::In, 50), 8), None);
}

#[test]
fn numbers_and_uuids_alone_can_stand_bare() {
    for key in [
        "0",
        "12345678",
        "-5",
        "9223372036854775807",
        "6f9619ff-8b86-d011-b42d-00c04fc964ff",
    ] {
        assert!(can_be_bare(key), "{key}");
    }
    for key in [
        "",
        "-",
        "1 or true",
        "1.5",
        "0x1",
        "+5",
        "9223372036854775808",
        "ACT1",
        "6f9619ff",
        "6f9619ff-8b86-d011-b42d-00c04fc964fg",
    ] {
        assert!(!can_be_bare(key), "{key}");
    }
}
