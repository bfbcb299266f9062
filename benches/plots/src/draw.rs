//! Tables as SVG. Texts are as wide as the reader's font makes them: room is left for a wide one.

use crate::table::{Column, Growth};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::collections::BTreeSet;
use std::error::Error;
use std::ops::Range;

type Drawn<T = ()> = Result<T, Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const WIDTH: i32 = 900;
/// What a letter takes, on average.
const LETTER: i32 = 7;
const LINE: i32 = 18;
/// As high, and at least as wide.
const PANEL: i32 = 270;
const TEXT: RGBColor = RGBColor(40, 40, 40);
const MESH: RGBColor = RGBColor(225, 225, 225);
const FASTER: RGBColor = RGBColor(60, 140, 110);
const SLOWER: RGBColor = RGBColor(205, 130, 60);

fn style(h: HPos, v: VPos) -> TextStyle<'static> {
    ("sans-serif", 15).into_font().color(&TEXT).pos(Pos::new(h, v))
}

fn svg(height: i32, draw: impl FnOnce(&Area) -> Drawn) -> Drawn<String> {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (WIDTH as u32, height as u32)).into_drawing_area();
    // Pages may be dark.
    root.fill(&WHITE)?;
    draw(&root)?;
    root.present()?;
    drop(root);
    Ok(svg)
}

/// A bar for each ratio, from 1 to it.
pub(crate) fn ratios(title: &str, ratios: &[(&str, f64)]) -> Drawn<String> {
    let rows = ratios.len() as i32;
    let names = ratios.iter().map(|(name, _)| name.chars().count() as i32).max().unwrap_or(0);
    let Range { start, end } = range(ratios.iter().map(|(_, ratio)| *ratio).chain([1.0]));
    // What is written beside a bar has to be within the axis as well.
    let room = (end / start).powf(0.12).max(1.1);
    let axis = if start < 1.0 { start / room } else { 1.0 }..end * room;
    svg(rows * LINE + 60, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .x_label_area_size(44)
            .y_label_area_size(names * LETTER + 10)
            .build_cartesian_2d(
                axis.clone().log_scale().with_key_points(ticks(&axis, 8)),
                f64::from(rows)..0.0,
            )?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(0)
            .bold_line_style(MESH)
            .axis_style(TEXT)
            .set_all_tick_mark_size(3)
            .label_style(style(HPos::Center, VPos::Center))
            .x_label_formatter(&|ratio| short(*ratio))
            .x_desc(title)
            .draw()?;
        for (row, (name, ratio)) in ratios.iter().enumerate() {
            let middle = row as f64 + 0.5;
            let (color, side, gap) = match *ratio >= 1.0 {
                true => (SLOWER, HPos::Left, 4),
                false => (FASTER, HPos::Right, -4),
            };
            let bar = [(1.0, middle - 0.35), (*ratio, middle + 0.35)];
            let beside = |x: f64, text: String, gap: i32, side: HPos| {
                let text = Text::new(text, (gap, 0), style(side, VPos::Center));
                EmptyElement::at((x, middle)) + text
            };
            chart.draw_series([Rectangle::new(bar, color.filled())])?;
            chart.draw_series([
                beside(*ratio, format!("{ratio:.2}"), gap, side),
                beside(axis.start, (*name).to_owned(), -6, HPos::Right),
            ])?;
        }
        chart.draw_series([PathElement::new([(1.0, 0.0), (1.0, f64::from(rows))], TEXT)])?;
        Ok(())
    })
}

/// A panel for each column, with a curve for each series.
pub(crate) fn growth(growth: &Growth) -> Drawn<String> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in growth.columns.iter().flat_map(|column| &column.series) {
        if !name.is_empty() && !names.contains(&&**name) {
            names.push(name);
        }
    }
    let longest = names.iter().map(|name| name.chars().count() as i32).max();
    let legend = longest.map_or(0, |longest| longest * LETTER + 40);
    let count = growth.columns.len();
    let in_row = count.min(((WIDTH - legend) / PANEL).max(1) as usize);
    let rows = count.div_ceil(in_row);
    svg((rows as i32 * PANEL).max(names.len() as i32 * LINE + 60), |root| {
        let (panels, side) = root.split_horizontally(WIDTH - legend);
        let panels = panels.split_evenly((rows, in_row));
        for (column, area) in growth.columns.iter().zip(panels) {
            panel(&area, growth, column, &names)?;
        }
        for (row, name) in names.iter().enumerate() {
            let y = 40 + row as i32 * LINE;
            side.draw(&PathElement::new([(4, y), (28, y)], color(row).stroke_width(2)))?;
            side.draw(&(EmptyElement::at((16, y)) + marker(row)))?;
            side.draw(&Text::new(*name, (34, y), style(HPos::Left, VPos::Center)))?;
        }
        Ok(())
    })
}

fn panel(area: &Area, growth: &Growth, column: &Column, names: &[&str]) -> Drawn {
    let unit = |column: &Column| column.name.split(' ').next().map(str::to_owned);
    let of_unit = growth.columns.iter().filter(|other| unit(other) == unit(column));
    let x = points(&growth.columns).map(|(x, _)| x);
    let y = points(of_unit).map(|(_, y)| y);
    let known: BTreeSet<u64> = x.clone().map(|x| x as u64).collect();
    let (x, y) = (range(x), range(y));
    let (x, y) = (x.start / 1.3..x.end * 1.3, outward(y));
    let x_ticks = match known.len() {
        ..6 => known.into_iter().map(|x| x as f64).collect(),
        _ => ticks(&x, 5),
    };
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(16)
        .caption(&column.name, style(HPos::Center, VPos::Top))
        .x_label_area_size(44)
        .y_label_area_size(40)
        .build_cartesian_2d(
            x.log_scale().with_key_points(x_ticks),
            y.clone().log_scale().with_key_points(ticks(&y, 8)),
        )?;
    chart
        .configure_mesh()
        .bold_line_style(MESH)
        .axis_style(TEXT)
        .set_all_tick_mark_size(3)
        .label_style(style(HPos::Center, VPos::Center))
        .x_label_formatter(&|x| short(*x))
        .y_label_formatter(&|y| short(*y))
        .x_desc(&growth.x)
        .draw()?;
    for (name, points) in &column.series {
        let row = names.iter().position(|known| known == name).unwrap_or(0);
        chart.draw_series([PathElement::new(points.clone(), color(row).stroke_width(2))])?;
        chart.draw_series(points.iter().map(|point| EmptyElement::at(*point) + marker(row)))?;
    }
    Ok(())
}

fn points<'a>(
    columns: impl IntoIterator<Item = &'a Column> + Clone,
) -> impl Iterator<Item = (f64, f64)> + Clone {
    let columns = columns.into_iter().map(|column| column.series.iter()).collect::<Vec<_>>();
    columns.into_iter().flatten().flat_map(|(_, points)| points.iter().copied())
}

/// Blue first, and far from those before.
fn color(row: usize) -> HSLColor {
    HSLColor((0.58 + 0.618 * row as f64).fract(), 0.65, 0.42)
}

/// Neighbors differ in it for those who do not see colors.
fn marker(row: usize) -> Polygon<(i32, i32)> {
    let corners: &[_] = match row % 3 {
        0 => &[(-3, -3), (3, -3), (3, 3), (-3, 3)],
        1 => &[(0, -5), (4, 4), (-4, 4)],
        _ => &[(0, -5), (5, 0), (0, 5), (-5, 0)],
    };
    Polygon::new(corners, color(row).filled())
}

/// From the least to the greatest of some numbers.
fn range(numbers: impl Iterator<Item = f64>) -> Range<f64> {
    numbers.fold(f64::INFINITY..0.0, |range, number| range.start.min(number)..range.end.max(number))
}

/// From a tick to a tick, with some room.
fn outward(range: Range<f64>) -> Range<f64> {
    let near = |number: f64| {
        let decade = 10f64.powi(number.log10().floor() as i32);
        [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade)
    };
    let (start, end) = (range.start / 1.2, range.end * 1.2);
    let below = near(start).into_iter().rfind(|tick| *tick <= start);
    let above = near(end).into_iter().find(|tick| *tick >= end);
    below.unwrap_or(start)..above.unwrap_or(end)
}

/// Numbers to write at an axis: 1, 2 and 5 of each decade, or fewer where those are more than `most`.
fn ticks(range: &Range<f64>, most: usize) -> Vec<f64> {
    let decades = range.start.log10().floor() as i32..=range.end.log10().ceil() as i32;
    let of = |digits: &[f64], step: usize| -> Vec<f64> {
        let all = decades.clone().step_by(step);
        let all = all.flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powi(decade)));
        all.filter(|tick| (range.start..=range.end).contains(tick)).collect()
    };
    let choices = [of(&[1.0, 2.0, 5.0], 1), of(&[1.0], 1), of(&[1.0], 2)];
    let [.., last] = &choices;
    choices.iter().find(|ticks| ticks.len() <= most).unwrap_or(last).clone()
}

/// A number with three digits that count.
fn short(number: f64) -> String {
    let (number, unit) = match number {
        1e9.. => (number / 1e9, " G"),
        1e6.. => (number / 1e6, " M"),
        1e3.. => (number / 1e3, " k"),
        _ => (number, ""),
    };
    let decimals = (2 - number.log10().floor() as i32).clamp(0, 9) as usize;
    let digits = format!("{number:.decimals$}");
    let digits = match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => &digits,
    };
    format!("{digits}{unit}")
}
