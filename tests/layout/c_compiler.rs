//! Host values are C structs: their layout with 8-byte pointers is the C compiler's.

use crate::sample::{Desc, Random};
use cmabi::core_types::AddrType;
use cmabi::types::layout;
use cmabi::types::{Kind, Type};
use std::fmt::Write as _;

/// Writes C definitions, one for each aggregate, and what they must look like.
#[derive(Default)]
struct Source {
    text: String,
    asserts: usize,
    types: usize,
}

impl Source {
    /// The C name of a type, defined first if need be.
    fn name(&mut self, ty: &Type) -> String {
        let scalar = match ty.kind() {
            Kind::Bool => "bool",
            Kind::S8 => "int8_t",
            Kind::U8 => "uint8_t",
            Kind::S16 => "int16_t",
            Kind::U16 => "uint16_t",
            Kind::S32 => "int32_t",
            Kind::U32 | Kind::Char | Kind::ErrorContext => "uint32_t",
            Kind::Own(_) | Kind::Borrow(_) | Kind::Stream(_) | Kind::Future(_) => "uint32_t",
            Kind::S64 => "int64_t",
            Kind::U64 => "uint64_t",
            Kind::F32 => "float",
            Kind::F64 => "double",
            Kind::String | Kind::List(_) | Kind::Map(..) => "slice",
            Kind::Enum(labels) => uint(layout::discriminant_size(labels.len())),
            Kind::Flags(labels) => uint(layout::flags_size(labels.len())),
            _ => return self.aggregate(ty),
        };
        scalar.to_string()
    }

    fn aggregate(&mut self, ty: &Type) -> String {
        let kind = ty.kind();
        let body = match kind {
            Kind::FixedList(element, length) => {
                format!("{} element[{length}];", self.name(element))
            }
            Kind::Record(_) | Kind::Tuple(_) => self.members(kind.field_types().map(Some)),
            _ => {
                let tag = uint(layout::discriminant_size(kind.case_count()));
                match self.members(kind.case_types()) {
                    payloads if payloads.is_empty() => format!("{tag} tag;"),
                    payloads => format!("{tag} tag; union {{ {payloads} }} val;"),
                }
            }
        };
        let name = format!("t{}", self.types);
        self.types += 1;
        writeln!(self.text, "typedef struct {{ {body} }} {name};").unwrap();
        self.assert(format!("sizeof({name})"), ty.info().size(AddrType::I64));
        self.assert(format!("_Alignof({name})"), ty.info().align(AddrType::I64));
        for (i, offset) in layout::field_offsets(kind, AddrType::I64).enumerate() {
            self.assert(format!("offsetof({name}, m{i})"), offset);
        }
        if kind.case_types().flatten().next().is_some() {
            let offset = layout::payload_offset(kind, AddrType::I64);
            self.assert(format!("offsetof({name}, val)"), offset);
        }
        name
    }

    fn members<'a>(&mut self, types: impl Iterator<Item = Option<&'a Type>>) -> String {
        types
            .enumerate()
            .filter_map(|(i, ty)| Some(format!("{} m{i};", self.name(ty?))))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn assert(&mut self, figure: String, expected: u32) {
        writeln!(self.text, "_Static_assert({figure} == {expected}, \"\");").unwrap();
        self.asserts += 1;
    }
}

fn uint(size: u32) -> &'static str {
    match size {
        1 => "uint8_t",
        2 => "uint16_t",
        _ => "uint32_t",
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn host_values_have_the_layout_of_c_structs() {
    let mut source = Source::default();
    let mut random = Random::new(0xc0de);
    while source.types < 4_000 {
        source.name(&Desc::random(&mut random, 4).build());
    }
    assert!(source.asserts > 10_000);
    let program = format!(
        "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n\
         typedef struct {{ void *ptr; size_t len; }} slice;\n{}",
        source.text
    );
    let path = std::env::temp_dir().join(format!("cmabi-layout-{}.c", std::process::id()));
    std::fs::write(&path, program).unwrap();
    let target = env!("CMABI_TARGET");
    let mut build = cc::Build::new();
    build.cargo_metadata(false).target(target).host(target).opt_level(0);
    let found =
        build.try_get_compiler().ok().filter(|tool| tool.is_like_gnu() || tool.is_like_clang());
    if let Some(compiler) = found {
        let output = compiler.to_command().args(["-std=c11", "-fsyntax-only"]).arg(&path).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    } else {
        eprintln!("no C compiler here, nothing to compare with");
    }
    std::fs::remove_file(&path).unwrap();
}
