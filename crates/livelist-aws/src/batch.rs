//! How messages are packed into batch calls. Pure.

use std::ops::Range;

use livelist_store::Message;

/// `SendMessageBatch` takes this many messages.
pub(crate) const MAX_MESSAGES: usize = 10;
/// The limit in bytes of a batch. SQS has raised its own limit to 1 MiB; queues made with the old one, and
/// other readers of the queue, keep to this.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// Why a message cannot be sent at all.
pub(crate) fn unsendable(message: &Message) -> Option<String> {
    match message.body.len() {
        0 => Some("it is empty".to_owned()),
        n if n > MAX_BYTES => Some(format!("it has {n} bytes; at most {MAX_BYTES} can be sent")),
        _ => None,
    }
}

/// Cuts `messages`, each of which is small enough, into batches; `size` returns the bytes of one.
pub(crate) fn cut<T>(messages: &[T], size: impl Fn(&T) -> usize) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let mut start = 0;
    let mut bytes = 0;
    for (i, message) in messages.iter().enumerate() {
        let more = size(message);
        if i - start == MAX_MESSAGES || (i > start && bytes + more > MAX_BYTES) {
            batches.push(start..i);
            start = i;
            bytes = 0;
        }
        bytes += more;
    }
    if start < messages.len() {
        batches.push(start..messages.len());
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of messages in the batches.
    fn of(sizes: &[usize]) -> Vec<usize> {
        let batches = cut(sizes, |size| *size);
        let all: Vec<usize> = batches.iter().cloned().flatten().collect();
        assert_eq!(all, (0..sizes.len()).collect::<Vec<_>>(), "in order, once");
        batches.iter().map(Range::len).collect()
    }

    #[test]
    fn batches_hold_ten_messages() {
        assert!(of(&[]).is_empty());
        assert_eq!(of(&[1]), [1]);
        assert_eq!(of(&[1; 10]), [10]);
        assert_eq!(of(&[1; 25]), [10, 10, 5]);
    }

    #[test]
    fn batches_stay_below_the_bytes() {
        assert_eq!(of(&[MAX_BYTES, 1, MAX_BYTES - 1, 1]), [1, 2, 1]);
        assert_eq!(of(&[MAX_BYTES / 2; 3]), [2, 1]);
    }

    #[test]
    fn a_message_that_fits_no_batch_is_told() {
        let message = |n: usize| Message::new("x".repeat(n), "abor");
        assert!(unsendable(&message(0)).is_some());
        assert!(unsendable(&message(1)).is_none());
        assert!(unsendable(&message(MAX_BYTES)).is_none());
        assert!(unsendable(&message(MAX_BYTES + 1)).is_some());
    }
}
