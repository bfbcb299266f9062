//! One script file: reading, running its directives one after the other, reporting.

use super::script::{Mismatch, Script};
use crate::engine::EngineName;
use cmabi::runtime::StoreConfig;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
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
}

impl Report {
    pub fn add(&mut self, other: Report) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.failures.extend(other.failures);
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
    /// Line and column, from 1.
    at: Option<(usize, usize)>,
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

/// Runs the script in `path`. Each directive is one test.
pub fn run(path: &Path, engine: EngineName, config: &StoreConfig) -> Report {
    let mut report = Report::default();
    let seed = config.schedule_seed;
    let failure = |at, what| Failure { file: path.into(), at, seed, what };
    let text = match std::fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            report.fail(failure(None, format!("not UTF-8 text: {}", error.utf8_error())));
            return report;
        }
        Err(error) => {
            report.fail(failure(None, error.to_string()));
            return report;
        }
    };
    let position = |span: Span| {
        let (line, column) = span.linecol_in(&text);
        Some((line + 1, column + 1))
    };
    let run = |report: &mut Report| -> Result<(), wast::Error> {
        let mut lexer = Lexer::new(&text);
        // Tests of strings have any text in them.
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer)?;
        let mut script = Script::new(engine, config);
        for directive in parser::parse::<Wast>(&buffer)?.directives {
            let span = directive.span();
            match guarded(&mut script, directive) {
                Ok(()) => report.passed += 1,
                Err(mismatch) => report.fail(failure(position(span), mismatch.to_string())),
            }
        }
        Ok(())
    };
    if let Err(error) = run(&mut report) {
        report.fail(failure(position(error.span()), error.message()));
    }
    report
}

/// Runs a directive. A panic is a bug in the library, and no reason to leave out the other tests.
fn guarded(script: &mut Script, directive: WastDirective<'_>) -> Result<(), Mismatch> {
    catch_unwind(AssertUnwindSafe(|| script.directive(directive)))
        .unwrap_or_else(|_| Err(Mismatch::new("no panic", "a panic")))
}
