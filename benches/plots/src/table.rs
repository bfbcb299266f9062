//! A file of comma-separated values with a head, as the benchmarks write it.

use std::error::Error;
use std::path::{Path, PathBuf};

pub(crate) struct Table {
    file: PathBuf,
    head: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    line: u64,
    cells: Vec<String>,
}

/// How something grows.
pub(crate) struct Growth {
    /// What there is more and more of.
    pub(crate) x: String,
    pub(crate) columns: Vec<Column>,
}

pub(crate) struct Column {
    pub(crate) name: String,
    /// Each with its name, which is empty where there is one only, and its points.
    pub(crate) series: Vec<(String, Vec<(f64, f64)>)>,
}

impl Table {
    pub(crate) fn read(file: &Path) -> Result<Table, Box<dyn Error>> {
        let wrong = |error: csv::Error| format!("{}: {error}", file.display());
        let mut reader = csv::Reader::from_path(file).map_err(wrong)?;
        let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let head = cells(reader.headers().map_err(wrong)?);
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(wrong)?;
            let line = record.position().expect("a record that was read has one").line();
            rows.push(Row { line, cells: cells(&record) });
        }
        let table = Table { file: file.to_owned(), head, rows };
        if table.rows.is_empty() {
            return Err(table.wrong(1, "there are no rows after it"));
        }
        Ok(table)
    }

    fn wrong(&self, line: u64, what: &str) -> Box<dyn Error> {
        format!("{}:{line}: {what}", self.file.display()).into()
    }

    fn column(&self, name: &str) -> Result<usize, Box<dyn Error>> {
        let found = self.head.iter().position(|column| column == name);
        found.ok_or_else(|| self.wrong(1, &format!("there is no column `{name}`")))
    }

    /// What was measured; `None` where nothing was, or zero, which is nowhere on a logarithmic scale.
    fn number(&self, row: &Row, column: usize) -> Result<Option<f64>, Box<dyn Error>> {
        let cell = &row.cells[column];
        if cell.is_empty() {
            return Ok(None);
        }
        match cell.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => {
                Ok(Some(number).filter(|number| *number > 0.0))
            }
            _ => {
                let what = format!("`{cell}`, the {}, is not a positive number", self.head[column]);
                Err(self.wrong(row.line, &what))
            }
        }
    }

    /// Each operation with its ratio.
    pub(crate) fn ratios(&self) -> Result<Vec<(&str, f64)>, Box<dyn Error>> {
        let (name, ratio) = (self.column("name")?, self.column("ratio")?);
        let mut ratios = Vec::new();
        for row in &self.rows {
            ratios.extend(self.number(row, ratio)?.map(|ratio| (&*row.cells[name], ratio)));
        }
        Ok(ratios)
    }

    pub(crate) fn growth(&self) -> Result<Growth, Box<dyn Error>> {
        let first = &self.rows[0].cells;
        let x = first.iter().take_while(|cell| cell.parse::<f64>().is_err()).count();
        let mut columns = Vec::new();
        for y in x + 1..self.head.len() {
            let mut column = Column { name: self.head[y].clone(), series: Vec::new() };
            for row in &self.rows {
                let name = row.cells[..x].join(", ");
                let Some(point) = self.number(row, x)?.zip(self.number(row, y)?) else { continue };
                match column.series.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, points)) => points.push(point),
                    None => column.series.push((name, vec![point])),
                }
            }
            if !column.series.is_empty() {
                columns.push(column);
            }
        }
        match self.head.get(x) {
            Some(x) if !columns.is_empty() => Ok(Growth { x: x.clone(), columns }),
            _ => Err(self.wrong(1, "there is no column of what was measured")),
        }
    }
}
