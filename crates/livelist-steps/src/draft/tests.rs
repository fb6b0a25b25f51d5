use livelist_model::decision::HeldReason;
use livelist_model::evidence::EndSign;
use livelist_model::record::{ListRef, Traffic};

use super::*;
use crate::progress::{Absent, Base};

fn scan(paging: Paging) -> ScanEvidence {
    ScanEvidence {
        end: Some(EndSign::EmptyPage),
        rows: 1_000,
        ..ScanEvidence::begin(paging, jiff::Timestamp::UNIX_EPOCH)
    }
}

fn summary(count: u64) -> ListSummary {
    ListSummary {
        count,
        sha256: "0".repeat(64),
    }
}

/// A comparison of `former` keys, of which `absent` are absent, with as many and `added` more.
fn compared(former: Option<u64>, added: u64, absent: u64, draft: Option<Draft>) -> Compared {
    Compared {
        progress: "scan".to_owned(),
        base: None::<Base>,
        facts: Comparison {
            former,
            live: former.unwrap_or(0) + added - absent,
            added,
            absent,
            distinct: Vec::new(),
            scans: Vec::new(),
            looked: None,
            lately: Default::default(),
        },
        absent: Absent {
            list: ListRef {
                object: "absent".to_owned(),
                summary: summary(absent),
            },
            draft,
            clock: Default::default(),
            questions: None,
            drops: Vec::new(),
        },
        controls: Vec::new(),
        gone: None,
        waiting: None,
        negatives: Vec::new(),
        hold: None,
        traffic: Traffic::default(),
    }
}

fn draft() -> Draft {
    Draft {
        object: "draft".to_owned(),
        snapshot: Piece {
            bytes: 20,
            sha256: "1".repeat(64),
            summary: summary(100),
        },
        delta: None,
    }
}

#[test]
fn a_draft_is_taken_where_no_key_was_restored() {
    let drafted = compared(Some(100), 3, 2, Some(draft()));
    let former = Some(100);
    let taken = Source::Draft(drafted.absent.draft.as_ref().unwrap());
    assert_eq!(source(&drafted, 0, former), taken);
    assert_eq!(source(&drafted, 1, former), Source::Lists);
    let plain = compared(Some(100), 3, 2, None);
    assert_eq!(source(&plain, 0, former), Source::Lists);
    // Nothing came, and nothing goes.
    let waiting = compared(Some(100), 0, 2, None);
    assert_eq!(source(&waiting, 2, former), Source::Head);
}

#[test]
fn a_list_is_right_as_it_is_only_if_nothing_came_and_nothing_went() {
    for (added, absent, former, expected) in [
        (0, 0, Some(100), Source::Head),
        (1, 0, Some(100), Source::Lists),
        (0, 1, Some(100), Source::Lists),
        // As many came as went.
        (1, 1, Some(100), Source::Lists),
        // Impossible numbers: the lists are used.
        (0, 0, Some(99), Source::Lists),
    ] {
        let found = compared(Some(100), added, absent, None);
        assert_eq!(source(&found, 0, former), expected, "{added} {absent}");
    }
    // The first list of a feed is published even if it is empty.
    let first = compared(None, 0, 0, None);
    assert_eq!(source(&first, 0, None), Source::Lists);
}

#[test]
fn a_draft_is_written_where_no_other_scan_is_to_be_expected() {
    let (links, keys) = ([scan(Paging::Links)], [scan(Paging::Keyset)]);
    let links_twice = [links.as_slice(), &links].concat();
    let likely = |scans: &[ScanEvidence], has_former, by_key| {
        assert!(!is_likely(scans, has_former, by_key, 1_001), "too few rows");
        is_likely(scans, has_former, by_key, 1_000)
    };
    assert!(likely(&links, true, true));
    assert!(likely(&keys, true, true));
    // Keys cannot be asked for: absent ones wait for another day.
    assert!(!likely(&links, true, false));
    assert!(!likely(&keys, true, false));
    assert!(!likely(&links_twice, true, false));
    // A first list that is read by links is scanned twice.
    assert!(!likely(&links, false, true));
    assert!(likely(&links_twice, false, true));
    assert!(likely(&keys, false, false));
    let mut endless = keys;
    endless[0].end = None;
    assert!(!likely(&endless, true, true));
    assert!(!likely(&[], true, true));
}

#[test]
fn a_draft_is_kept_if_it_may_be_published() {
    let changed = compared(Some(100), 3, 2, None).facts;
    assert!(is_wanted(&changed, Next::Confirm));
    assert!(is_wanted(&changed, Next::Publish));
    assert!(!is_wanted(&changed, Next::ScanAgain));
    for reason in HeldReason::ALL {
        let kept = is_wanted(&changed, Next::Hold(reason));
        assert_eq!(kept, reason.can_be_approved(), "{reason:?}");
    }
    let same = compared(Some(100), 0, 0, None).facts;
    assert!(!is_wanted(&same, Next::Publish));
    let first = compared(None, 0, 0, None).facts;
    assert!(is_wanted(&first, Next::Hold(HeldReason::EmptyFirstScan)));
}

/// [`Compared`] as it was before there were drafts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    progress: String,
    base: Option<Base>,
    facts: Comparison,
    absent: ListRef,
    controls: Vec<String>,
    hold: Option<HeldReason>,
    traffic: Traffic,
}

#[test]
fn versions_with_and_without_drafts_read_each_other() {
    let delta = Piece {
        bytes: 9,
        sha256: "2".repeat(64),
        summary: DeltaSummary {
            added: 3,
            removed: 2,
            text: summary(5),
        },
    };
    let draft = Draft {
        delta: Some(delta),
        ..draft()
    };
    let new = compared(Some(100), 3, 2, Some(draft));
    let text = serde_json::to_string(&new).unwrap();
    assert_eq!(serde_json::from_str::<Compared>(&text).unwrap(), new);
    let before: Before = serde_json::from_str(&text).unwrap();
    assert_eq!(before.absent, new.absent.list);
    let text = serde_json::to_string(&before).unwrap();
    let read: Compared = serde_json::from_str(&text).unwrap();
    assert_eq!(read, compared(Some(100), 3, 2, None));
    // Without a draft the document is unchanged.
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
}
