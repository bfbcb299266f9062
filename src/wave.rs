//! Values as text: WAVE, the WebAssembly Value Encoding.
//!
//! The text is read and written by value type, straight from and to host memory in the canonical
//! layout. A map is written as the list of its pairs, a fixed-length list as a list. Handles have
//! no text.

use crate::core_types::AddrType;
use crate::error::{Error, ErrorKind, Result};
use crate::types::layout::{self, MAX_LIST_BYTE_LENGTH, MAX_STRING_BYTE_LENGTH};
use crate::types::{Kind, Type};
use std::fmt::{Display, Write};
use std::str::FromStr;
use std::sync::Arc;
use wasm_wave::ast::{Node, NodeType};
use wasm_wave::lex::Keyword;
use wasm_wave::parser::ParserError;
use wasm_wave::untyped::UntypedValue;

/// The width of the host's pointers.
const HOST: AddrType = AddrType::I64;

/// Keeps a string's or list's bytes with the alignment asked for; answers their address.
pub type Keep<'a> = dyn FnMut(&[u8], u32) -> Result<u64> + 'a;

/// The bytes of a string or list: `fetch(address, length, alignment)`.
pub type Fetch<'a> = dyn Fn(u64, u64, u32) -> Result<&'a [u8]> + 'a;

/// The host bytes of the value of type `ty` that `text` writes. What is outside the value itself
/// is handed to `keep`. The error for text that is not a value of the type
/// ([`ErrorKind::Invalid`]) says where in the text.
pub fn parse(ty: &Type, text: &str, keep: &mut Keep<'_>) -> Result<Vec<u8>> {
    let value = UntypedValue::parse(text).map_err(syntax_error)?;
    let mut bytes = zeros(size(ty));
    Parser { text, keep }.value(ty, value.node(), &mut bytes)?;
    Ok(bytes)
}

/// The text of the value of type `ty` whose host bytes are `value`. What is outside the value
/// itself is read with `fetch`. Bytes that are no value of the type are
/// [`ErrorKind::InvalidArgument`].
pub fn print(ty: &Type, value: &[u8], fetch: &Fetch<'_>) -> Result<String> {
    let mut printer = Printer { text: String::new(), fetch };
    printer.value(ty, value)?;
    Ok(printer.text)
}

fn size(ty: &Type) -> usize {
    ty.info().size(HOST) as usize
}

fn zeros(len: usize) -> Vec<u8> {
    vec![0; len]
}

fn unsupported(ty: &Type) -> Error {
    Error::new(ErrorKind::Unsupported, format!("a value of type {ty} cannot be written as text"))
}

/// The type of a map's elements.
fn pair_type(key: &Type, value: &Type) -> Result<Type> {
    Type::new(Kind::Tuple([key.clone(), value.clone()].into()))
}

fn syntax_error(error: ParserError) -> Error {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let what = format!("{}{detail} at byte {}", error.kind(), error.span().start);
    Error::new(ErrorKind::Invalid, what)
}

struct Parser<'a, 'k> {
    text: &'a str,
    keep: &'a mut Keep<'k>,
}

impl Parser<'_, '_> {
    fn value(&mut self, ty: &Type, node: &Node, out: &mut [u8]) -> Result<()> {
        match ty.kind() {
            Kind::Bool => out[0] = node.as_bool().map_err(|_| self.mismatch(ty, node))?.into(),
            Kind::S8 => out.copy_from_slice(&self.number::<i8>(ty, node)?.to_ne_bytes()),
            Kind::U8 => out.copy_from_slice(&self.number::<u8>(ty, node)?.to_ne_bytes()),
            Kind::S16 => out.copy_from_slice(&self.number::<i16>(ty, node)?.to_ne_bytes()),
            Kind::U16 => out.copy_from_slice(&self.number::<u16>(ty, node)?.to_ne_bytes()),
            Kind::S32 => out.copy_from_slice(&self.number::<i32>(ty, node)?.to_ne_bytes()),
            Kind::U32 => out.copy_from_slice(&self.number::<u32>(ty, node)?.to_ne_bytes()),
            Kind::S64 => out.copy_from_slice(&self.number::<i64>(ty, node)?.to_ne_bytes()),
            Kind::U64 => out.copy_from_slice(&self.number::<u64>(ty, node)?.to_ne_bytes()),
            Kind::F32 => out.copy_from_slice(&self.number::<f32>(ty, node)?.to_ne_bytes()),
            Kind::F64 => out.copy_from_slice(&self.number::<f64>(ty, node)?.to_ne_bytes()),
            Kind::Char => {
                let value = node.as_char(self.text).map_err(|_| self.mismatch(ty, node))?;
                out.copy_from_slice(&u32::from(value).to_ne_bytes());
            }
            Kind::String => self.string(ty, node, out)?,
            Kind::List(element) => self.list(ty, element, node, out)?,
            Kind::Map(key, value) => self.list(ty, &pair_type(key, value)?, node, out)?,
            Kind::FixedList(element, length) => {
                let nodes = node.as_list().map_err(|_| self.mismatch(ty, node))?;
                self.elements(*length as usize, nodes, node, |_| element, out)?;
            }
            Kind::Record(_) => self.record(ty, node, out)?,
            Kind::Tuple(types) => {
                let nodes = node.as_tuple().map_err(|_| self.mismatch(ty, node))?;
                self.tuple(ty, types, nodes, node, out)?;
            }
            Kind::Variant(_) | Kind::Enum(_) => self.variant(ty, node, out)?,
            Kind::Option(_) | Kind::Result { .. } => self.option_or_result(ty, node, out)?,
            Kind::Flags(labels) => self.flags(labels, node, out)?,
            Kind::Own(_) | Kind::Borrow(_) | Kind::Stream(_) | Kind::Future(_) => {
                return Err(unsupported(ty));
            }
            Kind::ErrorContext => return Err(unsupported(ty)),
        }
        Ok(())
    }

    fn number<T: FromStr>(&self, ty: &Type, node: &Node) -> Result<T> {
        node.as_number(self.text).map_err(|_| self.mismatch(ty, node))
    }

    fn string(&mut self, ty: &Type, node: &Node, out: &mut [u8]) -> Result<()> {
        if !matches!(node.ty(), NodeType::String | NodeType::MultilineString) {
            return Err(self.mismatch(ty, node));
        }
        let value = node.as_str(self.text).map_err(syntax_error)?;
        if value.len() as u64 > MAX_STRING_BYTE_LENGTH {
            return Err(too_long("string", value.len()));
        }
        self.keep_slice(value.as_bytes(), value.len(), 1, out)
    }

    fn list(&mut self, ty: &Type, element: &Type, node: &Node, out: &mut [u8]) -> Result<()> {
        let nodes = node.as_list().map_err(|_| self.mismatch(ty, node))?;
        let (count, size) = (nodes.len(), size(element));
        if (count * size) as u64 > MAX_LIST_BYTE_LENGTH {
            return Err(too_long("list", count * size));
        }
        let mut elements = zeros(count * size);
        self.elements(count, nodes, node, |_| element, &mut elements)?;
        self.keep_slice(&elements, count, element.info().align(HOST), out)
    }

    /// Writes the pointer and length of a string or list.
    fn keep_slice(&mut self, bytes: &[u8], len: usize, align: u32, out: &mut [u8]) -> Result<()> {
        let ptr = if bytes.is_empty() { u64::from(align) } else { (self.keep)(bytes, align)? };
        let (first, second) = out.split_at_mut(HOST.ptr_size() as usize);
        first.copy_from_slice(&ptr.to_ne_bytes());
        second.copy_from_slice(&(len as u64).to_ne_bytes());
        Ok(())
    }

    /// `count` values that lie one after the other.
    fn elements<'n, 't>(
        &mut self,
        count: usize,
        nodes: impl ExactSizeIterator<Item = &'n Node>,
        list: &Node,
        ty: impl Fn(usize) -> &'t Type,
        out: &mut [u8],
    ) -> Result<()> {
        if nodes.len() != count {
            let what = format!("expected {count} elements, found {}", nodes.len());
            return Err(self.error(list, what));
        }
        let mut rest = out;
        for (i, node) in nodes.enumerate() {
            let ty = ty(i);
            let (element, after) = rest.split_at_mut(size(ty));
            self.value(ty, node, element)?;
            rest = after;
        }
        Ok(())
    }

    fn tuple<'n>(
        &mut self,
        ty: &Type,
        types: &[Type],
        nodes: impl ExactSizeIterator<Item = &'n Node>,
        tuple: &Node,
        out: &mut [u8],
    ) -> Result<()> {
        if nodes.len() != types.len() {
            let what = format!("expected {} values, found {}", types.len(), nodes.len());
            return Err(self.error(tuple, what));
        }
        for ((offset, ty), node) in layout::field_offsets(ty.kind(), HOST).zip(types).zip(nodes) {
            self.value(ty, node, &mut out[offset as usize..][..size(ty)])?;
        }
        Ok(())
    }

    fn record(&mut self, ty: &Type, node: &Node, out: &mut [u8]) -> Result<()> {
        let Kind::Record(fields) = ty.kind() else { unreachable!("a record") };
        let nodes: Vec<(&str, &Node)> =
            node.as_record(self.text).map_err(|_| self.mismatch(ty, node))?.collect();
        let known = |label: &str| fields.iter().any(|field| *field.name == *label);
        if let Some((label, value)) = nodes.iter().find(|(label, _)| !known(label)) {
            return Err(self.error(value, format!("there is no field {label:?} in {ty}")));
        }
        for (field, offset) in fields.iter().zip(layout::field_offsets(ty.kind(), HOST)) {
            let value = nodes.iter().find(|(label, _)| *field.name == **label);
            match (value, field.ty.kind()) {
                (Some((_, value)), _) => {
                    let out = &mut out[offset as usize..][..size(&field.ty)];
                    self.value(&field.ty, value, out)?;
                }
                // All zeros is `none`.
                (None, Kind::Option(_)) => {}
                (None, _) => {
                    return Err(self.error(node, format!("field {:?} is missing", field.name)));
                }
            }
        }
        Ok(())
    }

    fn variant(&mut self, ty: &Type, node: &Node, out: &mut [u8]) -> Result<()> {
        let (label, payload) = node.as_variant(self.text).map_err(|_| self.mismatch(ty, node))?;
        let case = match ty.kind() {
            Kind::Variant(cases) => cases.iter().position(|case| *case.name == *label),
            Kind::Enum(labels) => labels.iter().position(|name| **name == *label),
            _ => unreachable!("a variant or an enum"),
        };
        let case = case.ok_or_else(|| self.error(node, format!("{ty} has no case {label:?}")))?;
        self.case(ty, case, payload, node, out)
    }

    /// WAVE lets `some(x)` and `ok(x)` be written as `x` where `x` cannot be mistaken.
    fn option_or_result(&mut self, ty: &Type, node: &Node, out: &mut [u8]) -> Result<()> {
        let (cases, plain) = match ty.kind() {
            Kind::Option(some) => ([NodeType::OptionNone, NodeType::OptionSome], Some((1, some))),
            Kind::Result { ok, .. } => {
                ([NodeType::ResultOk, NodeType::ResultErr], ok.as_ref().map(|ok| (0, ok)))
            }
            _ => unreachable!("an option or a result"),
        };
        if let Some(case) = cases.iter().position(|case| *case == node.ty()) {
            let payload = match ty.kind() {
                Kind::Option(_) => node.as_option().ok().flatten(),
                _ => node.as_result().ok().and_then(|result| result.unwrap_or_else(|err| err)),
            };
            return self.case(ty, case, payload, node, out);
        }
        match plain {
            Some((case, payload))
                if !matches!(payload.kind(), Kind::Option(_) | Kind::Result { .. }) =>
            {
                self.case(ty, case, Some(node), node, out)
            }
            _ => Err(self.mismatch(ty, node)),
        }
    }

    fn case(
        &mut self,
        ty: &Type,
        case: usize,
        payload: Option<&Node>,
        node: &Node,
        out: &mut [u8],
    ) -> Result<()> {
        let discriminant = layout::discriminant_size(ty.kind().case_count()) as usize;
        write_uint(&mut out[..discriminant], case as u32);
        match (ty.kind().case_types().nth(case).flatten(), payload) {
            (Some(ty_of_payload), Some(payload)) => {
                let offset = layout::payload_offset(ty.kind(), HOST) as usize;
                self.value(ty_of_payload, payload, &mut out[offset..][..size(ty_of_payload)])
            }
            (None, None) => Ok(()),
            (Some(_), None) => Err(self.error(node, "the payload is missing")),
            (None, Some(payload)) => Err(self.error(payload, "the case has no payload")),
        }
    }

    fn flags(&mut self, labels: &[Arc<str>], node: &Node, out: &mut [u8]) -> Result<()> {
        let expected = |_| self.error(node, "expected flags");
        let mut bits = 0u32;
        for label in node.as_flags(self.text).map_err(expected)? {
            let label = label.strip_prefix('%').unwrap_or(label);
            let bit = labels.iter().position(|name| **name == *label);
            bits |= 1 << bit.ok_or_else(|| self.error(node, format!("no flag {label:?}")))?;
        }
        write_uint(out, bits);
        Ok(())
    }

    fn mismatch(&self, ty: &Type, node: &Node) -> Error {
        let found = &self.text[node.span()];
        let (end, more) = match found.char_indices().nth(20) {
            Some((end, _)) => (end, "…"),
            None => (found.len(), ""),
        };
        self.error(node, format!("expected {ty}, found `{}{more}`", &found[..end]))
    }

    fn error(&self, node: &Node, what: impl Display) -> Error {
        Error::new(ErrorKind::Invalid, format!("{what} at byte {}", node.span().start))
    }
}

fn too_long(what: &str, len: usize) -> Error {
    Error::new(ErrorKind::Limit, format!("{what} of {len} bytes is too long"))
}

/// Writes a number of 1, 2 or 4 bytes that it fits.
fn write_uint(out: &mut [u8], value: u32) {
    match out.len() {
        1 => out.copy_from_slice(&(value as u8).to_ne_bytes()),
        2 => out.copy_from_slice(&(value as u16).to_ne_bytes()),
        _ => out.copy_from_slice(&value.to_ne_bytes()),
    }
}

/// Reads a number of 1, 2 or 4 bytes.
fn read_uint(bytes: &[u8]) -> u32 {
    match *bytes {
        [a] => a.into(),
        [a, b] => u16::from_ne_bytes([a, b]).into(),
        _ => u32::from_ne_bytes(array(bytes)),
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("a value has the size of its type")
}

struct Printer<'a, 'f> {
    text: String,
    fetch: &'a Fetch<'f>,
}

impl Printer<'_, '_> {
    fn value(&mut self, ty: &Type, bytes: &[u8]) -> Result<()> {
        match ty.kind() {
            Kind::Bool => self.text.push_str(if bytes[0] != 0 { "true" } else { "false" }),
            Kind::S8 => self.display(i8::from_ne_bytes(array(bytes))),
            Kind::U8 => self.display(bytes[0]),
            Kind::S16 => self.display(i16::from_ne_bytes(array(bytes))),
            Kind::U16 => self.display(u16::from_ne_bytes(array(bytes))),
            Kind::S32 => self.display(i32::from_ne_bytes(array(bytes))),
            Kind::U32 => self.display(u32::from_ne_bytes(array(bytes))),
            Kind::S64 => self.display(i64::from_ne_bytes(array(bytes))),
            Kind::U64 => self.display(u64::from_ne_bytes(array(bytes))),
            Kind::F32 => self.float(f32::from_ne_bytes(array(bytes)).into(), |number| {
                (number as f32).to_string()
            }),
            Kind::F64 => self.float(f64::from_ne_bytes(array(bytes)), |number| number.to_string()),
            Kind::Char => {
                let number = u32::from_ne_bytes(array(bytes));
                let char = char::from_u32(number)
                    .ok_or_else(|| invalid(format!("{number:#x} is not a char")))?;
                self.text.push('\'');
                self.char(char);
                self.text.push('\'');
            }
            Kind::String => self.string(bytes)?,
            Kind::List(element) => self.list(element, bytes)?,
            Kind::Map(key, value) => self.list(&pair_type(key, value)?, bytes)?,
            Kind::FixedList(element, _) => self.elements(element, bytes)?,
            Kind::Record(_) => self.record(ty, bytes)?,
            Kind::Tuple(types) => {
                let offsets = layout::field_offsets(ty.kind(), HOST);
                self.separated(['(', ')'], types.iter().zip(offsets), |this, (ty, offset)| {
                    this.value(ty, &bytes[offset as usize..][..size(ty)])
                })?;
            }
            Kind::Variant(_) | Kind::Enum(_) | Kind::Option(_) | Kind::Result { .. } => {
                self.variant(ty, bytes)?;
            }
            Kind::Flags(labels) => {
                let bits = read_uint(bytes);
                let set = labels.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 != 0);
                self.separated(['{', '}'], set, |this, (_, label)| {
                    this.text.push_str(label);
                    Ok(())
                })?;
            }
            Kind::Own(_) | Kind::Borrow(_) | Kind::Stream(_) | Kind::Future(_) => {
                return Err(unsupported(ty));
            }
            Kind::ErrorContext => return Err(unsupported(ty)),
        }
        Ok(())
    }

    fn display(&mut self, value: impl Display) {
        write!(self.text, "{value}").expect("a String takes any text");
    }

    fn float(&mut self, number: f64, text: impl Fn(f64) -> String) {
        match number.is_nan() {
            true => self.text.push_str("nan"),
            false => self.text.push_str(&text(number)),
        }
    }

    fn char(&mut self, char: char) {
        match char {
            '\\' | '"' | '\'' | '\t' | '\r' | '\n' => self.display(char.escape_default()),
            _ if char.is_control() => self.display(char.escape_unicode()),
            _ => self.display(char.escape_debug()),
        }
    }

    /// The pointer and length of a string or list.
    fn slice(&self, bytes: &[u8]) -> (u64, u64) {
        let (ptr, len) = bytes.split_at(HOST.ptr_size() as usize);
        (u64::from_ne_bytes(array(ptr)), u64::from_ne_bytes(array(len)))
    }

    fn string(&mut self, bytes: &[u8]) -> Result<()> {
        let (ptr, len) = self.slice(bytes);
        if len > MAX_STRING_BYTE_LENGTH {
            return Err(invalid(format!("a string has {len} bytes")));
        }
        let text = std::str::from_utf8((self.fetch)(ptr, len, 1)?).map_err(|error| {
            invalid(format!("a string is not UTF-8 (at byte {})", error.valid_up_to()))
        })?;
        self.text.push('"');
        text.chars().for_each(|char| self.char(char));
        self.text.push('"');
        Ok(())
    }

    fn list(&mut self, element: &Type, bytes: &[u8]) -> Result<()> {
        let (ptr, count) = self.slice(bytes);
        let len = count.saturating_mul(size(element) as u64);
        if len > MAX_LIST_BYTE_LENGTH {
            return Err(invalid(format!("a list has {count} elements")));
        }
        self.elements(element, (self.fetch)(ptr, len, element.info().align(HOST))?)
    }

    fn elements(&mut self, element: &Type, bytes: &[u8]) -> Result<()> {
        self.separated(['[', ']'], bytes.chunks_exact(size(element)), |this, bytes| {
            this.value(element, bytes)
        })
    }

    /// Fields that are `none` are left out, as WAVE's own writer does.
    fn record(&mut self, ty: &Type, bytes: &[u8]) -> Result<()> {
        let Kind::Record(fields) = ty.kind() else { unreachable!("a record") };
        let offsets = layout::field_offsets(ty.kind(), HOST);
        let mut shown = (fields.iter().zip(offsets))
            .map(|(field, offset)| (field, &bytes[offset as usize..][..size(&field.ty)]))
            .filter(|(field, value)| !matches!(field.ty.kind(), Kind::Option(_)) || value[0] != 0)
            .peekable();
        if shown.peek().is_none() {
            self.text.push_str("{:}");
            return Ok(());
        }
        self.separated(['{', '}'], shown, |this, (field, value)| {
            this.text.push_str(&field.name);
            this.text.push_str(": ");
            this.value(&field.ty, value)
        })
    }

    fn variant(&mut self, ty: &Type, bytes: &[u8]) -> Result<()> {
        let kind = ty.kind();
        let discriminant = layout::discriminant_size(kind.case_count()) as usize;
        let case = read_uint(&bytes[..discriminant]) as usize;
        let payload = kind
            .case_types()
            .nth(case)
            .ok_or_else(|| invalid(format!("{case} is not the tag of a case of {ty}")))?;
        match kind {
            Kind::Variant(cases) => self.label(&cases[case].name),
            Kind::Enum(labels) => self.label(&labels[case]),
            Kind::Option(_) => self.text.push_str(["none", "some"][case]),
            _ => self.text.push_str(["ok", "err"][case]),
        }
        if let Some(payload) = payload {
            let offset = layout::payload_offset(kind, HOST) as usize;
            self.text.push('(');
            self.value(payload, &bytes[offset..][..size(payload)])?;
            self.text.push(')');
        }
        Ok(())
    }

    /// A case's label, marked where it would read as a keyword.
    fn label(&mut self, label: &str) {
        if Keyword::decode(label).is_some() {
            self.text.push('%');
        }
        self.text.push_str(label);
    }

    fn separated<T>(
        &mut self,
        [open, close]: [char; 2],
        items: impl Iterator<Item = T>,
        mut each: impl FnMut(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        self.text.push(open);
        for (i, item) in items.enumerate() {
            if i != 0 {
                self.text.push_str(", ");
            }
            each(self, item)?;
        }
        self.text.push(close);
        Ok(())
    }
}

fn invalid(what: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, what)
}

#[cfg(test)]
mod tests;
