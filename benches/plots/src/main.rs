//! Draws what the benchmarks have measured: `plots FOLDER` makes `TABLE.svg` beside each `TABLE.csv` of the
//! folder. The same numbers give the same bytes.

mod draw;
mod table;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use table::Table;

/// Tables of operations with a ratio, and what its axis says.
const RATIOS: &[(&str, &str)] = &[
    ("call", "time of a call, in multiples of the same core calls with the engine alone"),
    ("copy", "time of a copy, in multiples of memcpy of the same bytes"),
    ("text", "time of a copy, in multiples of the routines that check and convert the text"),
    ("component", "time, in multiples of the engine's for the core modules alone"),
    ("stream", "time, in multiples of the same core calls with the engine alone and memcpy"),
    ("wasi", "time, in multiples of the same system calls without a guest"),
    ("peer", "time on the wasmtime engine, in multiples of typed calls of the wasmtime crate"),
];

/// Tables of what grows: perhaps columns of names, then one of how much there is, then what was measured.
const GROWTH: &[&str] =
    &["waiting", "handles", "streams", "asleep", "instances", "threads", "load"];

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let (Some(folder), None) = (args.next(), args.next()) else {
        eprintln!("usage: plots FOLDER");
        return ExitCode::FAILURE;
    };
    match plot_all(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plots: {error}");
            ExitCode::FAILURE
        }
    }
}

fn plot_all(folder: &Path) -> Result<(), Box<dyn Error>> {
    for (name, title) in RATIOS {
        plot(folder, name, |table| draw::ratios(title, &table.ratios()?))?;
    }
    for name in GROWTH {
        plot(folder, name, |table| draw::growth(&table.growth()?))?;
    }
    Ok(())
}

fn plot(
    folder: &Path,
    name: &str,
    draw: impl FnOnce(&Table) -> Result<String, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let file = folder.join(name).with_extension("csv");
    if !file.exists() {
        println!("{} is not there, and not drawn", file.display());
        return Ok(());
    }
    let svg = draw(&Table::read(&file)?)?;
    fs::write(file.with_extension("svg"), svg)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a folder with one table: its drawing, or the error, in which the folder is `.`.
    fn plotted(table: &str, csv: &str) -> Result<String, String> {
        let place = format!("plots-{}-{:?}", std::process::id(), std::thread::current().id());
        let folder = std::env::temp_dir().join(place);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(table).with_extension("csv"), csv).unwrap();
        let done = plot_all(&folder);
        let svg = fs::read_to_string(folder.join(table).with_extension("svg"));
        fs::remove_dir_all(&folder).unwrap();
        done.map(|()| svg.unwrap())
            .map_err(|error| error.to_string().replace(folder.to_str().unwrap(), "."))
    }

    #[test]
    fn each_operation_has_its_name_and_ratio() {
        let csv = "name,ns,ratio\n\"func(u32, u32) -> u32\",5,2.5\nslow,7,\nfast,3,0.125\n";
        let svg = plotted("call", csv).unwrap();
        for text in ["func(u32, u32) -&gt; u32", "2.50", "fast", "0.12", "in multiples of"] {
            assert!(svg.contains(&format!("\n{text}")) || svg.contains(text), "{text}: {svg}");
        }
        assert!(!svg.contains("slow"), "what has no ratio has no bar");
        assert_eq!(plotted("call", csv).unwrap(), svg);
    }

    #[test]
    fn each_series_has_a_curve_in_each_panel() {
        let csv = "kind,bytes,ns each,bytes each\na,1000,5,6\nb,1000,5,6\na,2000,5,6\n";
        let svg = plotted("load", csv).unwrap();
        // Both axes of each panel, two curves in it, and their lines in the legend.
        let curves = svg.matches("stroke-width=\"2\"").count();
        assert_eq!(curves, 2 * 2 + 2, "{svg}");
        let plain = plotted("waiting", "tasks,ns,bytes\n1000,5,6\n10000,5,6\n").unwrap();
        assert!(plain.contains("10 k") && !plain.contains("kind"), "{plain}");
    }

    #[test]
    fn an_error_names_the_file_and_the_line() {
        for (table, csv, error) in [
            ("call", "name,ns\na,1\n", "./call.csv:1: there is no column `ratio`"),
            ("call", "name,ratio\n", "./call.csv:1: there are no rows after it"),
            (
                "call",
                "name,ratio\na,1\nb,x\n",
                "./call.csv:3: `x`, the ratio, is not a positive number",
            ),
            (
                "copy",
                "name,ratio\na,-1\n",
                "./copy.csv:2: `-1`, the ratio, is not a positive number",
            ),
            (
                "load",
                "kind,bytes,ns\na,1,1\na,b,1\n",
                "./load.csv:3: `b`, the bytes, is not a positive number",
            ),
            (
                "streams",
                "streams\n1000\n",
                "./streams.csv:1: there is no column of what was measured",
            ),
        ] {
            assert_eq!(plotted(table, csv).unwrap_err(), error);
        }
        let error = plotted("call", "name,ratio\na,1\nb\n").unwrap_err();
        assert!(error.starts_with("./call.csv: ") && error.contains("line: 3"), "{error}");
    }
}
