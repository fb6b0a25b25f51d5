//! The inner loops, each beside the least that its input takes: `cargo bench -p livelist-bench`. The same
//! loops over the same input are counted instruction by instruction by `make bench-check`.

use std::hint::black_box;
use std::io;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use flate2::read::MultiGzDecoder;
use livelist_model::codec::Effort;
use sha2::{Digest, Sha256};

#[path = "../src/kernels.rs"]
#[expect(dead_code, reason = "what counts instructions has no use here")]
mod kernels;

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn main() {
    divan::main();
}

/// A result that is there, or the end of the benchmark.
fn sound<T>(result: Result<T, impl std::fmt::Display>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => unreachable!("the input is sound: {error}"),
    }
}

fn gunzip(bytes: &[u8]) -> u64 {
    sound(io::copy(&mut MultiGzDecoder::new(bytes), &mut io::sink()))
}

/// A page of 20,000 rows with key and timestamp.
mod page {
    use super::*;

    #[divan::bench]
    fn read(bencher: Bencher) {
        let body = kernels::body();
        bencher
            .counter(ItemsCount::new(kernels::ROWS))
            .bench(|| sound(kernels::counted_page(None, black_box(body.as_bytes()))));
    }

    #[divan::bench]
    fn read_limit_utf8(bencher: Bencher) {
        let body = kernels::body();
        bencher
            .counter(ItemsCount::new(kernels::ROWS))
            .bench(|| std::str::from_utf8(black_box(body.as_bytes())).is_ok());
    }

    #[divan::bench]
    fn read_gzip(bencher: Bencher) {
        let body = sound(kernels::gzip(kernels::body().as_bytes()));
        bencher
            .counter(ItemsCount::new(kernels::ROWS))
            .bench(|| sound(kernels::counted_page(Some(b"gzip"), black_box(&body))));
    }

    #[divan::bench]
    fn read_gzip_limit_gunzip(bencher: Bencher) {
        let body = sound(kernels::gzip(kernels::body().as_bytes()));
        bencher
            .counter(ItemsCount::new(kernels::ROWS))
            .bench(|| gunzip(black_box(&body)));
    }
}

/// 20,000 keys in no order.
mod sort {
    use super::*;

    #[divan::bench]
    fn keys(bencher: Bencher) {
        bencher
            .counter(ItemsCount::new(kernels::ROWS))
            .with_inputs(|| sound(kernels::unsorted()))
            .bench_refs(kernels::counted_sort);
    }

    #[divan::bench]
    fn keys_limit_numbers(bencher: Bencher) {
        bencher
            .counter(ItemsCount::new(kernels::ROWS))
            .with_inputs(|| (0..kernels::ROWS).map(kernels::number).collect::<Vec<_>>())
            .bench_refs(|numbers| numbers.sort_unstable());
    }
}

/// Lists of 20,000 keys: of one, of four parts, of two days.
mod list {
    use super::*;

    fn stored(range: std::ops::Range<u64>, skip: u64, effort: Effort) -> Vec<u8> {
        sound(kernels::list(&kernels::keys(range, skip), effort))
    }

    #[divan::bench]
    fn read(bencher: Bencher) {
        let list = stored(0..kernels::ROWS, 100, Effort::Small);
        bencher
            .counter(ItemsCount::new(kernels::ROWS))
            .bench(|| sound(kernels::counted_read(black_box(&list))));
    }

    #[divan::bench]
    fn read_limit_gunzip(bencher: Bencher) {
        let list = stored(0..kernels::ROWS, 100, Effort::Small);
        bencher
            .counter(ItemsCount::new(kernels::ROWS))
            .bench(|| gunzip(black_box(&list)));
    }

    #[divan::bench]
    fn write(bencher: Bencher) {
        let keys = kernels::keys(0..kernels::ROWS, 100);
        bencher
            .counter(ItemsCount::new(kernels::ROWS))
            .bench(|| sound(kernels::counted_write(black_box(&keys))));
    }

    #[divan::bench]
    fn write_limit_gzip(bencher: Bencher) {
        let mut text = Vec::new();
        for (key, _) in kernels::keys(0..kernels::ROWS, 100).iter() {
            text.extend_from_slice(key);
            text.push(b'\n');
        }
        bencher
            .counter(ItemsCount::new(kernels::ROWS))
            .bench(|| sound(kernels::gzip_as(black_box(&text), Effort::Small.level())));
    }

    #[divan::bench]
    fn merge(bencher: Bencher) {
        let parts = sound(kernels::parts());
        bencher
            .counter(ItemsCount::new(kernels::ROWS))
            .bench(|| sound(kernels::counted_merge(black_box(&parts))));
    }

    #[divan::bench]
    fn merge_limit_gunzip(bencher: Bencher) {
        let parts = sound(kernels::parts());
        bencher.counter(ItemsCount::new(kernels::ROWS)).bench(|| {
            black_box(&parts)
                .iter()
                .map(|part| gunzip(part))
                .sum::<u64>()
        });
    }

    #[divan::bench]
    fn difference(bencher: Bencher) {
        let former = stored(0..kernels::ROWS, 1, Effort::Small);
        let present = stored(0..kernels::ROWS, 2, Effort::Stored);
        bencher.counter(ItemsCount::new(kernels::ROWS)).bench(|| {
            sound(kernels::counted_difference(
                black_box(&former),
                black_box(&present),
            ))
        });
    }

    #[divan::bench]
    fn difference_limit_gunzip(bencher: Bencher) {
        let former = stored(0..kernels::ROWS, 1, Effort::Small);
        let present = stored(0..kernels::ROWS, 2, Effort::Stored);
        bencher
            .counter(ItemsCount::new(kernels::ROWS))
            .bench(|| gunzip(black_box(&former)) + gunzip(black_box(&present)));
    }

    #[divan::bench]
    fn sha256(bencher: Bencher) {
        let text = vec![b'7'; 1 << 20];
        bencher
            .counter(BytesCount::of_slice(&text))
            .bench(|| Sha256::digest(black_box(&text)));
    }
}
