//! Text with indentation.

use std::fmt;

/// Collects lines of code. Blocks that end a line with `{` or `(` are indented by the caller, with
/// [`Code::indent`] and [`Code::dedent`].
#[derive(Default)]
pub(crate) struct Code {
    text: String,
    level: usize,
}

/// Where lines are broken.
pub(crate) const WIDTH: usize = 100;

impl Code {
    /// Appends lines, each indented as far as blocks are open. Empty ones are not indented.
    pub(crate) fn line(&mut self, lines: impl AsRef<str>) {
        for line in lines.as_ref().split('\n') {
            if !line.is_empty() && !line.starts_with('#') {
                self.text.extend(std::iter::repeat_n("    ", self.level));
            }
            self.text += line;
            self.text.push('\n');
        }
    }

    /// An empty line, unless there is one, or a block has just begun.
    pub(crate) fn gap(&mut self) {
        let starts = ["{\n", "\n\n", "public:\n", "private:\n"];
        if !self.text.is_empty() && !starts.iter().any(|start| self.text.ends_with(start)) {
            self.text.push('\n');
        }
    }

    pub(crate) fn indent(&mut self) {
        self.level += 1;
    }

    pub(crate) fn dedent(&mut self) {
        self.level -= 1;
        if self.text.ends_with("\n\n") {
            self.text.pop();
        }
    }

    /// `head {`, what `body` writes indented, and `tail`.
    pub(crate) fn block(&mut self, head: &str, tail: &str, body: impl FnOnce(&mut Code)) {
        self.line(if head.is_empty() { "{".to_owned() } else { format!("{head} {{") });
        self.indent();
        body(self);
        self.dedent();
        self.line(tail);
    }

    /// `head(item, item)tail`, with the items on lines of their own where one is too short.
    pub(crate) fn call(&mut self, head: &str, items: &[String], tail: &str) {
        let whole = format!("{head}({}){tail}", items.join(", "));
        if items.is_empty() || self.level * 4 + whole.len() <= WIDTH {
            return self.line(whole);
        }
        self.line(format!("{head}("));
        self.level += 2;
        let mut rest = String::new();
        for (i, item) in items.iter().enumerate() {
            let end = if i + 1 == items.len() { format!("){tail}") } else { ",".into() };
            if !rest.is_empty() && self.level * 4 + rest.len() + item.len() + end.len() + 1 > WIDTH
            {
                self.line(std::mem::take(&mut rest));
            }
            if !rest.is_empty() {
                rest.push(' ');
            }
            rest += item;
            rest += &end;
        }
        self.line(rest);
        self.level -= 2;
    }

    /// A documentation comment, if there is any documentation, each line of which begins with `mark`.
    pub(crate) fn docs(&mut self, mark: &str, docs: Option<&str>) {
        for line in docs.unwrap_or_default().trim_end().lines() {
            // A line that ends with a backslash would take the next one into the comment.
            let line = line.trim_end().trim_end_matches('\\');
            self.line(format!("{mark} {line}").trim_end());
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
