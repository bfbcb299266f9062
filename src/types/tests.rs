use super::*;
use std::thread;

fn field(name: &str, ty: Type) -> Field {
    Field { name: name.into(), ty }
}

fn case(name: &str, ty: Option<Type>) -> Case {
    Case { name: name.into(), ty }
}

fn labels(count: usize) -> Box<[Arc<str>]> {
    (0..count).map(|i| format!("l{i}").into()).collect()
}

fn ty(kind: Kind) -> Type {
    Type::new(kind).unwrap()
}

fn message(kind: Kind) -> String {
    Type::new(kind).unwrap_err().to_string()
}

fn lists(depth: u32) -> Result<Type> {
    (1..depth).try_fold(Type::u8(), |ty, _| Type::new(Kind::List(ty)))
}

#[test]
fn equal_types_are_one() {
    let point = || ty(Kind::Record([field("x", Type::f32()), field("y", Type::f32())].into()));
    assert_eq!(point(), point());
    assert_ne!(point(), ty(Kind::Tuple([Type::f32(), Type::f32()].into())));
    let params = || vec![field("p", point())];
    let func = FuncType::new(params(), None, false).unwrap();
    assert_eq!(func, FuncType::new(params(), None, false).unwrap());
    assert_ne!(func, FuncType::new(params(), None, true).unwrap());
    assert_ne!(func, FuncType::new(vec![field("q", point())], None, false).unwrap());
}

#[test]
fn resource_types_are_generative() {
    let (a, b) = (ResourceType::new("r"), ResourceType::new("r"));
    assert_ne!(ty(Kind::Own(a.clone())), ty(Kind::Own(b)));
    assert_eq!(ty(Kind::Own(a.clone())), ty(Kind::Own(a)));
}

#[test]
fn a_type_dies_with_its_last_holder() {
    let unique = ty(Kind::Own(ResourceType::new("only-here")));
    let weak = Arc::downgrade(&unique.0);
    let list = ty(Kind::List(unique));
    assert!(weak.upgrade().is_some());
    drop(list);
    assert!(weak.upgrade().is_none());
}

#[test]
fn threads_agree_on_types() {
    let threads: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(|| {
                let make = |i: u32| ty(Kind::List(ty(Kind::FixedList(Type::u16(), 1 + i % 7))));
                (0..2000).for_each(|i| assert_eq!(make(i), make(i + 7)));
                make(3)
            })
        })
        .collect();
    let types: Vec<Type> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(types.iter().all(|ty| *ty == types[0]));
}

#[test]
fn empty_types_are_rejected() {
    assert_eq!(message(Kind::Record([].into())), "a record must have at least one field");
    assert_eq!(message(Kind::Tuple([].into())), "a tuple must have at least one type");
    assert_eq!(message(Kind::Variant([].into())), "a variant must have at least one case");
    assert_eq!(message(Kind::Enum([].into())), "an enum must have at least one case");
    assert_eq!(message(Kind::Flags([].into())), "flags must have from 1 to 32 labels, not 0");
    assert_eq!(message(Kind::Flags(labels(33))), "flags must have from 1 to 32 labels, not 33");
    assert!(message(Kind::FixedList(Type::u8(), 0)).contains("at least one element"));
}

#[test]
fn labels_are_checked() {
    let record = |names: &[&str]| {
        Type::new(Kind::Record(names.iter().map(|name| field(name, Type::u8())).collect()))
    };
    assert!(record(&["a", "b-C"]).is_ok());
    assert!(record(&["a", ""]).is_err());
    assert!(record(&["a_b"]).is_err());
    assert!(record(&["a", "A"]).is_err());
    assert!(Type::new(Kind::Enum(["x".into(), "x".into()].into())).is_err());
    assert!(Type::new(Kind::Flags(["x".into(), "X".into()].into())).is_err());
    assert!(Type::new(Kind::Variant([case("1", None)].into())).is_err());
    assert!(FuncType::new(vec![field("p", Type::u8()); 2], None, false).is_err());
}

#[test]
fn parts_are_checked() {
    let borrow = ty(Kind::Borrow(ResourceType::new("r")));
    let borrows = ty(Kind::List(borrow.clone()));
    assert_eq!(message(Kind::Stream(Some(Type::char()))), "a stream cannot carry char");
    assert_eq!(message(Kind::Stream(Some(borrow))), "a stream cannot carry a borrow");
    assert_eq!(message(Kind::Future(Some(borrows.clone()))), "a future cannot carry a borrow");
    assert_eq!(message(Kind::Map(Type::f32(), Type::u8())), "f32 cannot be the key of a map");
    assert!(FuncType::new(vec![], Some(borrows.clone()), false).is_err());
    assert!(FuncType::new(vec![field("p", borrows)], None, false).is_ok());
}

#[test]
fn element_sizes_are_below_the_limit() {
    let bytes = |count| Type::new(Kind::FixedList(Type::u8(), count));
    let most = bytes((1 << 28) - 1).unwrap();
    assert!(bytes(1 << 28).unwrap_err().to_string().contains("exceeds maximum byte size"));
    assert!(bytes(u32::MAX).is_err());
    // The limit is that of 8-byte pointers.
    assert!(Type::new(Kind::FixedList(Type::string(), (1 << 24) - 1)).is_ok());
    assert!(Type::new(Kind::FixedList(Type::string(), 1 << 24)).is_err());
    // Products do not wrap.
    assert!(Type::new(Kind::FixedList(Type::u64(), 1 << 29)).is_err());
    assert!(Type::new(Kind::FixedList(most.clone(), u32::MAX)).is_err());
    let pair = || Kind::Tuple([Type::u8(), most.clone()].into());
    assert!(Type::new(pair()).is_err());
    // The pairs of a map are not a defined type, and making them does not make them valid.
    let map = ty(Kind::Map(Type::u8(), most.clone()));
    let _list = map.despecialize();
    assert!(Type::new(pair()).is_err());
    assert!(FuncType::new(vec![field("a", most.clone()), field("b", most)], None, false).is_ok());
}

#[test]
fn parameters_fit_an_address_space() {
    let most = ty(Kind::FixedList(Type::u8(), (1 << 28) - 1));
    let params = |count| (0..count).map(|i| field(&format!("p{i}"), most.clone())).collect();
    assert!(FuncType::new(params(16), None, false).is_ok());
    let error = FuncType::new(params(17), None, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}

#[test]
fn nesting_and_expansion_are_bounded() {
    assert_eq!(lists(MAX_TYPE_DEPTH).unwrap().info().depth(), MAX_TYPE_DEPTH);
    assert_eq!(lists(MAX_TYPE_DEPTH + 1).unwrap_err().kind(), ErrorKind::Limit);
    let doubled = (0..).try_fold(Type::u8(), |part, _| {
        let list = Type::new(Kind::List(part))?;
        Type::new(Kind::Tuple([list.clone(), list].into()))
    });
    let error: Result<std::convert::Infallible> = doubled.map(|_: Type| unreachable!());
    assert_eq!(error.unwrap_err().to_string(), "a type has more than 1000000 parts");
}

#[test]
fn despecialization() {
    assert_eq!(
        ty(Kind::Tuple([Type::u8(), Type::string()].into())).kind().field_types().count(),
        2
    );
    let shown = |kind| ty(kind).despecialize().to_string();
    assert_eq!(shown(Kind::Option(Type::u8())), "variant { none, some(u8) }");
    assert_eq!(
        shown(Kind::Result { ok: None, err: Some(Type::string()) }),
        "variant { ok, error(string) }"
    );
    assert_eq!(shown(Kind::Enum(labels(2))), "variant { l0, l1 }");
    assert_eq!(shown(Kind::Map(Type::u8(), Type::char())), "list<record { 0: u8, 1: char }>");
    assert_eq!(Type::u8().despecialize(), Type::u8());
}

#[test]
fn a_text_that_would_have_no_end_is_cut_off() {
    let doubled = (0..17).fold(Type::char(), |of, _| {
        let list = ty(Kind::List(of));
        ty(Kind::Tuple([list.clone(), list].into()))
    });
    assert!(doubled.text().starts_with("tuple<list<tuple<list<"));
    assert!(doubled.text().ends_with(" ..."));
    assert_eq!(doubled.text().len(), (64 << 10) + 4);
    let params = (0..100).map(|i| field(&format!("p{i}"), doubled.clone())).collect();
    let func = FuncType::new(params, None, false).unwrap();
    assert!(func.text().ends_with(" ..."));
    assert!(func.text().len() <= (64 << 10) + 4);
}

#[test]
fn types_are_shown_as_wit() {
    let shown = |kind| ty(kind).to_string();
    let resource = ResourceType::new("blob");
    assert_eq!(shown(Kind::List(Type::u8())), "list<u8>");
    assert_eq!(shown(Kind::FixedList(Type::f64(), 3)), "list<f64, 3>");
    assert_eq!(shown(Kind::Map(Type::string(), Type::bool())), "map<string, bool>");
    assert_eq!(
        shown(Kind::Record([field("x", Type::s8()), field("list", Type::error_context())].into())),
        "record { x: s8, %list: error-context }"
    );
    assert_eq!(
        shown(Kind::Variant([case("a", None), case("b", Some(Type::s64()))].into())),
        "variant { a, b(s64) }"
    );
    assert_eq!(shown(Kind::Tuple([Type::s16(), Type::u16()].into())), "tuple<s16, u16>");
    assert_eq!(shown(Kind::Enum(labels(1))), "enum { l0 }");
    assert_eq!(shown(Kind::Flags(labels(2))), "flags { l0, l1 }");
    assert_eq!(shown(Kind::Option(Type::s32())), "option<s32>");
    assert_eq!(shown(Kind::Result { ok: None, err: None }), "result");
    assert_eq!(shown(Kind::Result { ok: None, err: Some(Type::u64()) }), "result<_, u64>");
    assert_eq!(shown(Kind::Own(resource.clone())), "own<blob>");
    assert_eq!(shown(Kind::Borrow(resource)), "borrow<blob>");
    assert_eq!(shown(Kind::Stream(None)), "stream");
    assert_eq!(shown(Kind::Future(Some(Type::char()))), "future<char>");
    let func = |params, result, is_async| FuncType::new(params, result, is_async).unwrap();
    assert_eq!(func(vec![], None, false).to_string(), "func()");
    assert_eq!(
        func(vec![field("a", Type::u8()), field("b", Type::f32())], Some(Type::string()), true)
            .to_string(),
        "async func(a: u8, b: f32) -> string"
    );
}

#[test]
fn substitution_replaces_resource_types_only() {
    let (old, new) = (ResourceType::new("old"), ResourceType::new("new"));
    let make = |resource: &ResourceType| {
        let own = ty(Kind::Own(resource.clone()));
        let plain = ty(Kind::Option(Type::string()));
        let stream = ty(Kind::Stream(Some(own.clone())));
        let result = ty(Kind::Result { ok: Some(own), err: Some(stream) });
        ty(Kind::Tuple([plain, ty(Kind::List(result))].into()))
    };
    let replace = |resource: &ResourceType| (*resource == old).then(|| new.clone());
    assert_eq!(make(&old).substitute(&replace), make(&new));
    assert_eq!(make(&new).substitute(&replace), make(&new));
    assert_eq!(Type::string().substitute(&replace), Type::string());
    let func = |resource| {
        FuncType::new(vec![field("p", make(resource))], Some(make(resource)), false).unwrap()
    };
    assert_eq!(func(&old).substitute(&replace), func(&new));
}

#[test]
fn predicates() {
    let borrow = ty(Kind::Borrow(ResourceType::new("r")));
    let info = |kind| {
        let ty = ty(kind);
        let info = ty.info();
        (info.holds_handles(), info.contains_borrow(), info.contains_async())
    };
    assert_eq!(info(Kind::List(Type::u8())), (false, false, false));
    assert_eq!(info(Kind::List(borrow)), (true, true, false));
    assert_eq!(info(Kind::Option(Type::error_context())), (true, false, false));
    assert_eq!(info(Kind::Map(Type::u8(), ty(Kind::Future(None)))), (true, false, true));
    assert_eq!(
        info(Kind::Stream(Some(ty(Kind::Own(ResourceType::new("r")))))),
        (true, false, true)
    );
}

#[test]
fn what_can_be_copied_as_bytes() {
    let any_bits = |kind| ty(kind).info().any_bits();
    let plain = || ty(Kind::Record([field("a", Type::u8()), field("b", Type::f64())].into()));
    assert!(any_bits(Kind::F32) && any_bits(Kind::U64) && any_bits(Kind::S8));
    assert!(!any_bits(Kind::Bool) && !any_bits(Kind::Char) && !any_bits(Kind::String));
    assert!(any_bits(Kind::FixedList(plain(), 3)));
    assert!(any_bits(Kind::Flags(labels(8))) && any_bits(Kind::Flags(labels(32))));
    assert!(!any_bits(Kind::Flags(labels(7))) && !any_bits(Kind::Enum(labels(256))));
    assert!(!any_bits(Kind::Option(Type::u8())) && !any_bits(Kind::Stream(None)));

    assert!(plain().info().same_layout());
    assert!(ty(Kind::Stream(Some(Type::string()))).info().same_layout());
    assert!(!ty(Kind::Option(Type::string())).info().same_layout());

    let padded = |ty: Type, addr| ty.info().has_padding(addr);
    assert!(padded(plain(), AddrType::I32));
    assert!(padded(ty(Kind::FixedList(plain(), 2)), AddrType::I64));
    assert!(padded(ty(Kind::Option(Type::u8())), AddrType::I32), "the payload of none");
    assert!(!padded(
        ty(Kind::Result { ok: Some(Type::u8()), err: Some(Type::u8()) }),
        AddrType::I32
    ));
    assert!(!padded(ty(Kind::Enum(labels(3))), AddrType::I32));
    let text_and_size = ty(Kind::Tuple([Type::string(), Type::u32()].into()));
    assert!(!padded(text_and_size.clone(), AddrType::I32));
    assert!(padded(text_and_size, AddrType::I64));
}
