//! Start functions. wasmi would run one inside of instantiation, where it can neither be given more fuel
//! nor be stopped; so modules are compiled without their start section, with the function exported instead.

use crate::account::no_memory;
use crate::error::Result;
use wasmparser::{Parser, Payload};

const EXPORT_SECTION: u8 = 7;
const START_SECTION: u8 = 8;
/// The kind of a function in an export.
const FUNC: u8 = 0;

/// A module with the function `func` exported as `name` and without start section. It was validated before.
pub(super) fn exported(wasm: &[u8], func: u32, name: &str) -> Result<Vec<u8>> {
    let mut export = Vec::new();
    push_number(&mut export, name.len() as u32);
    export.extend_from_slice(name.as_bytes());
    export.push(FUNC);
    push_number(&mut export, func);

    let mut module = Vec::new();
    // The headers of the section of exports may become longer, or be new.
    let size = wasm.len() + export.len() + 16;
    module.try_reserve_exact(size).map_err(|_| no_memory(size as u64))?;
    module.extend_from_slice(&wasm[..8]);
    let mut has_exports = false;
    for payload in Parser::new(0).parse_all(wasm) {
        let Some((id, range)) = payload.as_ref().ok().and_then(Payload::as_section) else {
            continue;
        };
        let section = &wasm[range.start as usize..range.end as usize];
        match id {
            EXPORT_SECTION => {
                let (count, rest) = number(section);
                push_exports(&mut module, count, rest, &export);
                has_exports = true;
            }
            START_SECTION if !has_exports => push_exports(&mut module, 0, &[], &export),
            START_SECTION => {}
            _ => push_section(&mut module, id, &[section]),
        }
    }
    Ok(module)
}

fn push_exports(module: &mut Vec<u8>, count: u32, exports: &[u8], one_more: &[u8]) {
    let mut number = Vec::new();
    push_number(&mut number, count + 1);
    push_section(module, EXPORT_SECTION, &[&number, exports, one_more]);
}

fn push_section(module: &mut Vec<u8>, id: u8, contents: &[&[u8]]) {
    module.push(id);
    push_number(module, contents.iter().map(|part| part.len() as u32).sum());
    contents.iter().for_each(|part| module.extend_from_slice(part));
}

/// Appends a number in LEB128.
fn push_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The number in LEB128 that `bytes` begin with, and the rest.
fn number(bytes: &[u8]) -> (u32, &[u8]) {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0).map_or(bytes.len(), |last| last + 1);
    let (number, rest) = bytes.split_at(end);
    (number.iter().rev().fold(0, |number, byte| number << 7 | u32::from(byte & 0x7f)), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let wasm = wat::parse_str(text).unwrap();
        let module = exported(&wasm, 0, "start").unwrap();
        wasmparser::validate(&module).unwrap();
        assert_eq!(module[..], wat::parse_str(expected).unwrap()[..], "{text}");
    }

    #[test]
    fn the_start_function_is_exported() {
        check(
            r#"(module (func) (func) (export "a" (func 1)) (start 0) (memory 1) (data (i32.const 0) "x"))"#,
            r#"(module (func) (func) (export "a" (func 1)) (export "start" (func 0)) (memory 1)
                (data (i32.const 0) "x"))"#,
        );
        check("(module (func) (start 0))", r#"(module (func) (export "start" (func 0)))"#);
        let many: String = (0..200).map(|i| format!("(export \"e{i}\" (func 0))")).collect();
        check(
            &format!("(module (func) {many} (start 0))"),
            &format!(r#"(module (func) {many} (export "start" (func 0)))"#),
        );
    }
}
