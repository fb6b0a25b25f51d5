//! The limits: the minimum that the same machine needs for the work of a step.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, bufread};
use futures::StreamExt;
use http::header;
use livelist_reso::{HttpTransport, Transport};
use serde::{Deserialize, Serialize};

use crate::Failed;
use crate::machine::{Moment, Usage};

/// Pages to download.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Drain {
    /// The server.
    pub url: String,
    /// The targets of the pages.
    pub targets: Vec<String>,
    /// Whether bodies that are gzip are decompressed before they are dropped.
    pub gunzip: bool,
}

/// The usage of a download.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Drained {
    /// All pages.
    pub usage: Usage,
    /// Bytes of bodies as received.
    pub bytes: u64,
    /// Bytes of bodies as they were dropped.
    pub plain: u64,
}

/// Downloads pages with the client that scans have, one after the other as a scan does, and drops
/// the bytes.
pub async fn drain(input: Drain) -> Result<Drained, Failed> {
    let transport = HttpTransport::new();
    let mut sink = vec![0; 64 * 1024];
    let (mut bytes, mut plain) = (0, 0);
    let begun = Moment::now();
    for target in &input.targets {
        let request = http::Request::get(format!("{}{target}", input.url))
            .header(header::ACCEPT, "application/json")
            .header(header::ACCEPT_ENCODING, "gzip")
            .header(header::AUTHORIZATION, "Bearer bench")
            .body(Bytes::new())?;
        let response = transport.send(request).await?;
        let is_gzip = response.headers().contains_key(header::CONTENT_ENCODING);
        let mut body = response.into_body();
        let mut pieces = Vec::new();
        while let Some(piece) = body.next().await {
            let piece = piece?;
            bytes += piece.len() as u64;
            if input.gunzip && is_gzip {
                pieces.push(piece);
            } else {
                plain += piece.len() as u64;
            }
        }
        let mut text = MultiGzDecoder::new(Pieces(pieces.into_iter(), Bytes::new()));
        if input.gunzip && is_gzip {
            loop {
                match text.read(&mut sink)? {
                    0 => break,
                    n => plain += n as u64,
                }
            }
        }
    }
    Ok(Drained {
        usage: begun.used(),
        bytes,
        plain,
    })
}

struct Pieces(std::vec::IntoIter<Bytes>, Bytes);

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.1.is_empty() {
            match self.0.next() {
                Some(piece) => self.1 = piece,
                None => return Ok(0),
            }
        }
        let n = buf.len().min(self.1.len());
        buf[..n].copy_from_slice(&self.1.split_to(n));
        Ok(n)
    }
}

/// Lists to read and to write.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lists {
    /// The files of both inputs.
    pub inputs: Vec<String>,
    /// The file whose text is written again; it is as long as the output.
    pub like: String,
    /// The output file.
    pub output: String,
    /// The level at which snapshots are compressed.
    pub level: u32,
}

/// Decompresses both inputs and compresses a text as long as the output.
pub fn lists(input: &Lists) -> Result<Usage, Failed> {
    let mut buffer = vec![0; 64 * 1024];
    let begun = Moment::now();
    let mut out = GzEncoder::new(File::create(&input.output)?, Compression::new(input.level));
    for path in &input.inputs {
        let file = BufReader::with_capacity(32 * 1024, File::open(path)?);
        let mut text = bufread::GzDecoder::new(file);
        loop {
            let n = text.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            if *path == input.like {
                out.write_all(&buffer[..n])?;
            }
        }
    }
    out.finish()?.sync_data()?;
    Ok(begun.used())
}
