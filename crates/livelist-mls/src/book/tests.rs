//! What changes a book, and what stays.

use super::*;

fn book(n: u32) -> Book {
    Book::open(KeyStyle::Mixed, 3, n, false, &Contrary::default())
}

fn sorted(mut keys: Vec<String>) -> Vec<String> {
    keys.sort();
    keys
}

#[test]
fn live_keys_are_in_byte_order_through_all_changes() {
    let mut book = book(1_000);
    let before = book.live_keys();
    assert_eq!(before, sorted(before.clone()));
    let sold = book.sell(100);
    let added = book.add(50);
    let after = book.live_keys();
    assert_eq!(after, sorted(after.clone()));
    assert_eq!(after.len(), 950);
    assert!(sold.iter().all(|k| !after.contains(k)));
    assert!(added.iter().all(|k| after.contains(k)));
    assert_eq!(book.relist(&sold).len(), 100);
    assert_eq!(book.live_count(), 1_050);
    book.rekey();
    let new = book.live_keys();
    assert_eq!(new, sorted(new.clone()));
    assert!(new.iter().all(|k| !after.contains(k) && !sold.contains(k)));
}

#[test]
fn the_same_seed_gives_the_same_book_and_the_same_sales() {
    let (mut a, mut b) = (book(500), book(500));
    assert_eq!(a.live_keys(), b.live_keys());
    assert_eq!(a.sell(20), b.sell(20));
    assert_eq!(a.touch(5), b.touch(5));
    assert_ne!(
        Book::open(KeyStyle::Mixed, 4, 500, false, &Contrary::default()).live_keys(),
        book(500).live_keys()
    );
}

#[test]
fn a_touched_row_is_the_last_changed() {
    let mut book = book(100);
    let key = book.touch(1).remove(0);
    let row = book.row_of(&key).unwrap();
    let changed = book.at(row).changed_us;
    assert!((0..100).all(|other| other == row || book.at(other).changed_us < changed));
    book.touch_all();
    let at = book.at(0).changed_us;
    assert!(at > changed && (0..100).all(|row| book.at(row).changed_us == at));
}

#[test]
fn statuses_are_mostly_active() {
    let active = (0..10_000).filter(|&r| status(1, r) == "Active").count();
    assert!((7_500..8_500).contains(&active));
}
