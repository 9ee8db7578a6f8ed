//! `pagewire read-pdf`: the child that reads one PDF for a server ([`crate::pdf_child`]), from stdin to stdout.
//!
//! It bounds itself before it looks at a byte: memory, time and dumps. What goes beyond a bound ends it, and the
//! server sees that it ended.

use std::io::{self, Read as _};

use pagewire_extract::pdf;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{CliError, output};
use crate::pdf_child::PdfAnswer;

/// The stack that the reading gets: documents nest deeper than the 2 MiB of a thread carry, and no deeper than memory.
const STACK_BYTES: usize = 64 << 20;

/// Arguments of `read-pdf`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Bytes of address space beside what the program starts with
    #[arg(long)]
    memory_bytes: u64,
    /// Seconds of CPU
    #[arg(long)]
    cpu_seconds: u64,
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    bound(args).map_err(CliError::io("the process cannot be bounded"))?;
    // Nobody reads what a parser says when it panics.
    std::panic::set_hook(Box::new(|_| {}));
    let mut body = Vec::new();
    io::stdin().lock().read_to_end(&mut body).map_err(CliError::io("stdin cannot be read"))?;
    let reading = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || pdf::read(&body))
        .map_err(CliError::io("no thread can be had"))?;
    let answer = match reading.join() {
        Ok(Ok(text)) => PdfAnswer::Text(Box::new(text)),
        Ok(Err(fault)) => PdfAnswer::Fault(fault.to_string()),
        Err(_) => PdfAnswer::Fault("its parts do not fit together".to_owned()),
    };
    output::write(&serde_json::to_vec(&answer).unwrap_or_default())
}

fn bound(args: &Args) -> io::Result<()> {
    let to = |value| Rlimit { current: Some(value), maximum: Some(value) };
    setrlimit(Resource::As, to(address_space()?.saturating_add(args.memory_bytes)))?;
    setrlimit(Resource::Cpu, to(args.cpu_seconds))?;
    setrlimit(Resource::Core, to(0))?;
    Ok(())
}

/// Bytes of address space taken already: the allocator reserves a large part before the first allocation.
fn address_space() -> io::Result<u64> {
    let sizes = std::fs::read_to_string("/proc/self/statm")?;
    let pages = sizes.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
    let pages = pages.ok_or_else(|| io::Error::other("/proc/self/statm has no size"))?;
    Ok(pages.saturating_mul(rustix::param::page_size() as u64))
}
