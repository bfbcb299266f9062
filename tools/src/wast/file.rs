//! One script file: reading, running its directives one after the other, reporting.

use super::reach::Reach;
use super::script::{Mismatch, Script};
use cmabi::engine::Engine;
use cmabi::runtime::StoreConfig;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::token::Span;
use wast::{Wast, WastDirective};

/// What came of a file, or of several.
#[derive(Default)]
pub struct Report {
    pub passed: u64,
    pub failed: u64,
    pub failures: Vec<Failure>,
    /// A script had to be left before it was over.
    pub timed_out: bool,
}

impl Report {
    pub fn add(&mut self, other: Report) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self.timed_out |= other.timed_out;
    }

    pub fn counts(&self) -> String {
        format!("{} passed, {} failed", self.passed, self.failed)
    }

    fn fail(&mut self, failure: Failure) {
        self.failed += 1;
        self.failures.push(failure);
    }
}

/// A directive that did not do what it says, or a file that is no script.
pub struct Failure {
    file: PathBuf,
    at: Position,
    seed: Option<u64>,
    what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        if let Some(seed) = self.seed {
            write!(f, " (seed {seed})")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// The native stack of a script: as much as a program usually has.
const STACK_BYTES: usize = 8 << 20;

/// What a running script tells.
enum Event {
    /// A directive begins.
    Begins(Position),
    /// A directive is over, or there is none.
    Over(Result<(), Failure>),
}

/// Line and column, from 1.
type Position = Option<(usize, usize)>;

/// Runs the script in `path`, at most for so long. Each directive is one test.
pub fn run(path: &Path, engine: &Arc<dyn Engine>, config: &StoreConfig, limit: Duration) -> Report {
    let mut report = Report::default();
    let seed = config.schedule_seed;
    let failure = |at, what| Failure { file: path.into(), at, seed, what };
    let (tell, told) = mpsc::channel();
    let script = {
        let (path, engine, config) = (path.to_owned(), engine.clone(), config.clone());
        move || run_here(&path, &engine, &config, &tell)
    };
    // A script that does not end cannot be ended, but left to itself.
    if let Err(error) = thread::Builder::new().stack_size(STACK_BYTES).spawn(script) {
        report.fail(failure(None, format!("no thread to run it on: {error}")));
        return report;
    }
    let (begun, mut at) = (Instant::now(), None);
    loop {
        match told.recv_timeout(limit.saturating_sub(begun.elapsed())) {
            Ok(Event::Begins(position)) => at = position,
            Ok(Event::Over(Ok(()))) => report.passed += 1,
            Ok(Event::Over(Err(failure))) => report.fail(failure),
            Err(RecvTimeoutError::Disconnected) => return report,
            Err(RecvTimeoutError::Timeout) => {
                let what = format!("not over after {} s (--timeout)", limit.as_secs());
                report.fail(failure(at, what));
                report.timed_out = true;
                return report;
            }
        }
    }
}

fn run_here(path: &Path, engine: &Arc<dyn Engine>, config: &StoreConfig, tell: &Sender<Event>) {
    let seed = config.schedule_seed;
    let failure = |at, what| Failure { file: path.into(), at, seed, what };
    // Who does not listen any more has had enough.
    let tell = |event| drop(tell.send(event));
    let text = match std::fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            let what = format!("not UTF-8 text: {}", error.utf8_error());
            return tell(Event::Over(Err(failure(None, what))));
        }
        Err(error) => return tell(Event::Over(Err(failure(None, error.to_string())))),
    };
    let position = |span: Span| {
        let (line, column) = span.linecol_in(&text);
        Some((line + 1, column + 1))
    };
    let run = || -> Result<(), wast::Error> {
        let mut lexer = Lexer::new(&text);
        // Tests of strings have any text in them.
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer)?;
        let directives = parser::parse::<Wast>(&buffer)?.directives;
        let mut script = Script::new(path, engine, config, Reach::of(&directives));
        for (index, directive) in directives.into_iter().enumerate() {
            let at = position(directive.span());
            tell(Event::Begins(at));
            let result = guarded(&mut script, directive);
            script.passed(index);
            tell(Event::Over(result.map_err(|mismatch| failure(at, mismatch.to_string()))));
        }
        Ok(())
    };
    if let Err(error) = run() {
        tell(Event::Over(Err(failure(position(error.span()), error.message()))));
    }
}

/// Runs a directive. A panic is a bug in the library, and no reason to leave out the other tests.
fn guarded(script: &mut Script, directive: WastDirective<'_>) -> Result<(), Mismatch> {
    catch_unwind(AssertUnwindSafe(|| script.directive(directive)))
        .unwrap_or_else(|_| Err(Mismatch::new("no panic", "a panic")))
}
