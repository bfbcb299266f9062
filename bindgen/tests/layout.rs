//! The types of generated code have the layout of the component's types, for random worlds: what the library
//! computes is asserted by the C compiler of the generated structs, and of what C++ lowers to.

#[path = "../../tests/layout/sample.rs"]
#[allow(dead_code)]
mod sample;
#[allow(dead_code)]
mod support;

use cmabi::core_types::AddrType;
use cmabi::types::layout;
use cmabi::types::{Kind, Type, Wit};
use cmabi_bindgen::{Input, Language, Options, generate};
use sample::{Desc, Random};
use std::fmt::Write as _;
use support::{compile, compilers};

/// Writes a type as WIT, with definitions of what has to have a name.
#[derive(Default)]
struct WitText {
    definitions: String,
    count: usize,
}

impl WitText {
    fn ty(&mut self, desc: &Desc) -> String {
        let part = |this: &mut Self, desc: &Option<Box<Desc>>| {
            desc.as_ref().map_or_else(|| "_".to_owned(), |desc| this.ty(desc))
        };
        match desc {
            Desc::Bool | Desc::S8 | Desc::U8 | Desc::S16 | Desc::U16 | Desc::S32 | Desc::U32 => {
                format!("{desc:?}").to_lowercase()
            }
            Desc::S64 | Desc::U64 | Desc::F32 | Desc::F64 | Desc::Char | Desc::String => {
                format!("{desc:?}").to_lowercase()
            }
            Desc::ErrorContext => "error-context".into(),
            Desc::Own => "own<thing>".into(),
            Desc::Borrow => "borrow<thing>".into(),
            Desc::List(element) => format!("list<{}>", self.ty(element)),
            Desc::FixedList(element, length) => format!("list<{}, {length}>", self.ty(element)),
            Desc::Map(key, value) => format!("map<{}, {}>", self.ty(key), self.ty(value)),
            Desc::Tuple(types) => {
                let types: Vec<_> = types.iter().map(|ty| self.ty(ty)).collect();
                format!("tuple<{}>", types.join(", "))
            }
            Desc::Option(some) => format!("option<{}>", self.ty(some)),
            Desc::Result(None, None) => "result".into(),
            Desc::Result(ok, None) => format!("result<{}>", part(self, ok)),
            Desc::Result(ok, err) => format!("result<{}, {}>", part(self, ok), part(self, err)),
            Desc::Stream(None) => "stream".into(),
            Desc::Stream(Some(element)) => format!("stream<{}>", self.ty(element)),
            Desc::Future(None) => "future".into(),
            Desc::Future(Some(value)) => format!("future<{}>", self.ty(value)),
            Desc::Record(fields) => {
                let fields: Vec<_> = fields.iter().map(|field| self.ty(field)).collect();
                let fields = fields.iter().enumerate().map(|(i, ty)| format!("f{i}: {ty}"));
                self.define("record", fields.collect())
            }
            Desc::Variant(cases) => {
                let cases: Vec<_> =
                    cases.iter().map(|case| case.as_ref().map(|case| self.ty(case))).collect();
                let case = |(i, ty): (usize, &Option<String>)| match ty {
                    Some(ty) => format!("c{i}({ty})"),
                    None => format!("c{i}"),
                };
                let cases = cases.iter().enumerate().map(case).collect();
                self.define("variant", cases)
            }
            Desc::Enum(count) => {
                self.define("enum", (0..*count).map(|i| format!("l{i}")).collect())
            }
            Desc::Flags(count) => {
                self.define("flags", (0..*count).map(|i| format!("l{i}")).collect())
            }
        }
    }

    fn define(&mut self, sort: &str, parts: Vec<String>) -> String {
        let name = format!("t{}", self.count);
        self.count += 1;
        writeln!(self.definitions, "    {sort} {name} {{ {} }}", parts.join(", ")).unwrap();
        name
    }
}

/// A world with one random type, and what is in it by name.
struct World {
    name: String,
    wit: String,
    types: Vec<(String, Type)>,
}

impl World {
    fn random(random: &mut Random, index: usize) -> World {
        let mut text = WitText::default();
        let whole = text.ty(&Desc::random(random, 3));
        let name = format!("w{index}");
        let wit = format!(
            "package r:r{index};\ninterface i {{\n    resource thing;\n{}    type whole = {whole};\n    \
             f: func(v: whole);\n}}\nworld {name} {{ import i; }}\n",
            text.definitions
        );
        let parsed =
            Wit::parse(&[("w.wit", &wit)]).unwrap_or_else(|error| panic!("{error}\n{wit}"));
        let names = (0..text.count).map(|i| format!("t{i}")).chain(["whole".to_owned()]);
        let types = names.map(|name| (parsed.ty(&format!("i/{name}")).unwrap().clone(), name));
        let types = types.map(|(ty, name)| (name, ty)).collect();
        World { name, wit, types }
    }

    fn generate(&self, language: Language) -> String {
        let input =
            Input::parse("w.wit", &self.wit, None).unwrap_or_else(|error| panic!("{error}"));
        let mut files = generate(input, language, &Options::default())
            .unwrap_or_else(|error| panic!("{error}\n{}", self.wit));
        files.remove(0).text
    }

    /// What C must find true of the types, which are named by `name`.
    fn asserts(&self, keyword: &str, name: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        for (wit, ty) in &self.types {
            let (name, info) = (name(wit), ty.info());
            let (size, align) = (info.size(AddrType::I64), info.align(AddrType::I64));
            writeln!(text, "{keyword}(sizeof({name}) == {size}, \"{}\");", self.name).unwrap();
            let alignof = if keyword == "static_assert" { "alignof" } else { "_Alignof" };
            writeln!(text, "{keyword}({alignof}({name}) == {align}, \"{}\");", self.name).unwrap();
            if keyword == "_Static_assert" && matches!(ty.kind(), Kind::Record(_)) && wit != "whole"
            {
                for (i, offset) in layout::field_offsets(ty.kind(), AddrType::I64).enumerate() {
                    writeln!(text, "{keyword}(offsetof({name}, f{i}) == {offset}, \"f{i}\");")
                        .unwrap();
                }
            }
        }
        text
    }
}

fn worlds(count: usize) -> Vec<World> {
    let mut random = Random::new(12);
    (0..count).map(|index| World::random(&mut random, index)).collect()
}

#[test]
fn c_structs_have_the_layout_of_their_types() {
    let dir = tempfile::tempdir().unwrap();
    let (compiler, standard) = compilers(Language::C)[0];
    for (batch, worlds) in worlds(1000).chunks(100).enumerate() {
        let mut text = String::new();
        for world in worlds {
            let header = dir.path().join(format!("{}.h", world.name));
            std::fs::write(header, world.generate(Language::C)).unwrap();
            writeln!(text, "#include \"{}.h\"", world.name).unwrap();
            let prefix = world.name.replacen('w', "r_r", 1);
            text += &world.asserts("_Static_assert", |wit| format!("{prefix}_i_{wit}"));
        }
        let source = dir.path().join(format!("batch{batch}.c"));
        std::fs::write(&source, text).unwrap();
        compile(compiler, standard, &source);
    }
}

#[test]
fn cpp_types_are_lowered_to_the_layout_of_their_types() {
    let dir = tempfile::tempdir().unwrap();
    let (compiler, standard) = compilers(Language::Cpp)[0];
    let mut text = String::new();
    for world in worlds(60) {
        let header = dir.path().join(format!("{}.hpp", world.name));
        std::fs::write(header, world.generate(Language::Cpp)).unwrap();
        writeln!(text, "#include \"{}.hpp\"", world.name).unwrap();
        let namespace = world.name.replacen('w', "r::r", 1);
        text += &world.asserts("static_assert", |wit| {
            format!("cmabi::detail::abi<{namespace}::i::{wit}>::canonical")
        });
    }
    let source = dir.path().join("all.cpp");
    std::fs::write(&source, text).unwrap();
    compile(compiler, standard, &source);
}
