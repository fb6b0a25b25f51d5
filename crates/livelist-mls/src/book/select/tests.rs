//! Orders, ranges, snapshots and departures agree with a plain walk.

use super::*;
use crate::book::keys::KeyStyle;
use crate::filter::parse;
use crate::spec::Contrary;

fn reading(filter: &Filter, order: Order, start: Start, limit: usize) -> Reading<'_> {
    Reading {
        filter,
        system: "actris",
        order,
        start,
        limit,
        sight: Sight::default(),
    }
}

fn scan(book: &mut Book, filter: &Filter, order: Order, page: usize) -> Vec<String> {
    let mut keys = Vec::new();
    loop {
        let start = Start::Skip(keys.len() as u64);
        let found = book.read(&reading(filter, order, start, page));
        keys.extend(found.rows.iter().map(|row| book.key(row.index)));
        if !found.more {
            return keys;
        }
    }
}

#[test]
fn every_order_gives_every_row_once() {
    let mut book = Book::open(KeyStyle::Mixed, 5, 1_000, false, &Contrary::default());
    book.sell(100);
    book.touch(200);
    book.add(30);
    for by in [By::Listed, By::Changed, By::Key, By::Number] {
        for order in [by.up(), by.down()] {
            let mut keys = scan(&mut book, &Filter::All, order, 7);
            keys.sort();
            assert_eq!(keys, book.live_keys(), "{order:?}");
        }
    }
    assert_eq!(
        scan(&mut book, &Filter::All, By::Key.up(), 7),
        book.live_keys()
    );
}

#[test]
fn a_row_removed_behind_an_offset_hides_a_later_one() {
    let mut book = Book::open(KeyStyle::Digits, 5, 100, false, &Contrary::default());
    let first = book.read(&reading(&Filter::All, By::Listed.up(), Start::Skip(0), 10));
    book.sell_some(first.rows.iter().map(|row| row.index).collect(), 1);
    let second = book.read(&reading(&Filter::All, By::Listed.up(), Start::Skip(10), 10));
    assert_eq!(second.rows[0].index, 11);
}

#[test]
fn named_keys_ranges_and_counts_agree_with_the_walk() {
    let mut book = Book::open(KeyStyle::Mixed, 5, 500, false, &Contrary::default());
    book.sell(50);
    let keys = book.live_keys();
    let quoted = |key: &str| format!("'{}'", key.replace('\'', "''"));
    let after = parse(&format!("ListingKey gt {}", quoted(&keys[99]))).unwrap();
    for order in [By::Key.up(), By::Listed.up()] {
        let mut found = scan(&mut book, &after, order, 9);
        found.sort();
        assert_eq!(found, keys[100..]);
    }
    assert_eq!(
        book.count(&reading(&after, By::Key.up(), Start::Skip(0), 0)),
        350
    );
    let one = parse(&format!("ListingKey in ({},'none')", quoted(&keys[3]))).unwrap();
    assert_eq!(scan(&mut book, &one, By::Key.up(), 9), keys[3..4]);
    let status = parse("StandardStatus eq 'Pending'").unwrap();
    let pending = scan(&mut book, &status, By::Key.up(), 9).len();
    assert_eq!(
        book.count(&reading(&status, By::Key.up(), Start::Skip(0), 0)),
        pending
    );
    assert!(pending > 0 && pending < 450);
}

#[test]
fn numbers_have_an_order_of_their_own() {
    let mut book = Book::open(KeyStyle::Digits, 5, 2_000, false, &Contrary::default());
    book.add(500);
    let keys = scan(&mut book, &Filter::All, By::Number.up(), 70);
    let mut expected = book.live_keys();
    assert_ne!(keys, expected, "keys have 7 to 9 digits");
    expected.sort_by_key(|key| (key.len(), key.clone()));
    assert_eq!(keys, expected);
    let after = parse(&format!("ListingKeyNumeric gt {}", keys[99])).unwrap();
    assert_eq!(scan(&mut book, &after, By::Number.up(), 70), keys[100..]);
    let one = parse(&format!("ListingKeyNumeric eq {}", keys[5])).unwrap();
    assert_eq!(scan(&mut book, &one, By::Number.up(), 70), keys[5..6]);
}

#[test]
fn a_stale_reading_sees_what_the_last_snapshot_saw() {
    let mut book = Book::open(KeyStyle::Digits, 5, 100, false, &Contrary::default());
    let before = book.live_keys();
    book.take_snapshot();
    book.sell(10);
    book.add(5);
    let stale = |book: &mut Book| {
        let mut reading = reading(&Filter::All, By::Key.up(), Start::Skip(0), 1_000);
        reading.sight.stale = true;
        let count = book.count(&reading);
        let found = book.read(&reading).rows;
        let keys: Vec<_> = found.iter().map(|row| book.key(row.index)).collect();
        (count, keys)
    };
    assert_eq!(stale(&mut book), (100, before));
    assert_eq!(scan(&mut book, &Filter::All, By::Key.up(), 7).len(), 95);
    book.take_snapshot();
    assert_eq!(stale(&mut book), (95, book.live_keys()));
}

#[test]
fn what_was_deleted_is_told_in_part_and_stays_told() {
    let mut book = Book::open(KeyStyle::Digits, 5, 1_000, false, &Contrary::default());
    let sold = book.sell(100);
    let told: Vec<_> = book.deleted().map(|(key, _)| key).collect();
    assert!((60..90).contains(&told.len()), "{}", told.len());
    assert!(told.iter().all(|key| sold.contains(key)));
    book.relist(&told[..1]);
    assert_eq!(book.deleted().count(), told.len());
}

#[test]
fn what_is_gone_stays_visible_where_the_provider_keeps_it() {
    let mut book = Book::open(
        KeyStyle::Prefixed("ACT".into()),
        5,
        50,
        true,
        &Contrary::default(),
    );
    let sold = book.sell(5);
    let gone = parse("MlgCanView eq false").unwrap();
    let mut found = scan(&mut book, &gone, By::Changed.up(), 9);
    found.sort();
    let mut expected = sold;
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(
        book.count(&reading(&Filter::All, By::Key.up(), Start::Skip(0), 0)),
        50
    );
}
