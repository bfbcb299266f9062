//! `wasi:cli` 0.3.

use super::{EXIT, TERMINALS, define_environment};
use crate::copy::typed::{FutureOf, StreamOf, enumeration};
use crate::wasi::Define;
use crate::wasi::func::{Answer, Call};
use crate::wasi::pipe::{self, Filling, Hearer};
use std::io::{self, ErrorKind};
use std::rc::Rc;

pub(in crate::wasi) const INTERFACES: &[(&str, Define)] = &[
    ("environment", |environment| define_environment(environment, "get-initial-cwd")),
    EXIT,
    ("stdin", |stdin| stdin.func("read-via-stream", &[], read_stdin)),
    ("stdout", |stdout| stdout.func("write-via-stream", &["data"], write_stdout)),
    ("stderr", |stderr| stderr.func("write-via-stream", &["data"], write_stderr)),
    TERMINALS[0],
    TERMINALS[1],
    TERMINALS[2],
    TERMINALS[3],
    TERMINALS[4],
];

enumeration! { ErrorCode { Io, IllegalByteSequence, Pipe } }

impl From<io::Error> for ErrorCode {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => ErrorCode::Pipe,
            ErrorKind::InvalidData => ErrorCode::IllegalByteSequence,
            _ => ErrorCode::Io,
        }
    }
}

type Outcome = FutureOf<Result<(), ErrorCode>>;

fn read_stdin(call: &mut Call<'_, '_>) -> Answer<(StreamOf<u8>, Outcome)> {
    let inlet = call.state.stdio.stdin.clone();
    let limit = call.state.config().limits.buffer as usize;
    pipe::produce(call, Filling { inlet, limit, _slot: None })
}

fn write_stdout(call: &mut Call<'_, '_>, data: StreamOf<u8>) -> Answer<Outcome> {
    let stdout = call.state.stdio.stdout.clone();
    pipe::consume(call, &data, Rc::new(stdout), None)
}

fn write_stderr(call: &mut Call<'_, '_>, data: StreamOf<u8>) -> Answer<Outcome> {
    let stderr = call.state.stdio.stderr.clone();
    let hearer = match call.state.config().last_words {
        0 => None,
        keep => Some(Hearer { inst: call.caller()?, keep }),
    };
    pipe::consume(call, &data, Rc::new(stderr), hearer)
}
