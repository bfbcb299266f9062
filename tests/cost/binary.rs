//! Component binaries, byte by byte: what no text format would write.

pub(crate) type Bytes = Vec<u8>;

pub(crate) fn leb(mut n: usize) -> Bytes {
    let mut bytes = Vec::new();
    while n >= 0x80 {
        bytes.push(n as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}

/// A type index where a value type is expected: a signed number.
pub(crate) fn value(index: usize) -> Bytes {
    let mut bytes = leb(index);
    let last = bytes.len() - 1;
    if bytes[last] & 0x40 != 0 {
        bytes[last] |= 0x80;
        bytes.push(0);
    }
    bytes
}

pub(crate) fn cat(parts: &[&[u8]]) -> Bytes {
    parts.concat()
}

pub(crate) fn vec<T: AsRef<[u8]>>(items: &[T]) -> Bytes {
    let mut bytes = leb(items.len());
    items.iter().for_each(|item| bytes.extend(item.as_ref()));
    bytes
}

pub(crate) fn name(name: &str) -> Bytes {
    cat(&[&leb(name.len()), name.as_bytes()])
}

/// The name of an import or export of a component.
pub(crate) fn extern_name(text: &str) -> Bytes {
    cat(&[&[0], &name(text)])
}

pub(crate) fn section(id: u8, body: &[u8]) -> Bytes {
    cat(&[&[id], &leb(body.len()), body])
}

pub(crate) fn component<T: AsRef<[u8]>>(sections: &[T]) -> Bytes {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    sections.iter().for_each(|section| bytes.extend(section.as_ref()));
    bytes
}

pub(crate) fn module<T: AsRef<[u8]>>(sections: &[T]) -> Bytes {
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    sections.iter().for_each(|section| bytes.extend(section.as_ref()));
    bytes
}

pub(crate) fn types<T: AsRef<[u8]>>(types: &[T]) -> Bytes {
    section(7, &vec(types))
}

pub(crate) fn instance_type<T: AsRef<[u8]>>(decls: &[T]) -> Bytes {
    cat(&[&[0x42], &vec(decls)])
}

pub(crate) fn component_type<T: AsRef<[u8]>>(decls: &[T]) -> Bytes {
    cat(&[&[0x41], &vec(decls)])
}

/// Declarations inside of types.
pub(crate) fn declare_type(ty: &[u8]) -> Bytes {
    cat(&[&[1], ty])
}

pub(crate) fn declare_alias(count: usize, index: usize) -> Bytes {
    cat(&[&[2], &outer_type(count, index)])
}

pub(crate) fn declare_import(name: &str, ty: &[u8]) -> Bytes {
    cat(&[&[3], &extern_name(name), ty])
}

pub(crate) fn declare_export(name: &str, ty: &[u8]) -> Bytes {
    cat(&[&[4], &extern_name(name), ty])
}

/// The alias of a type of a component or type further out.
pub(crate) fn outer_type(count: usize, index: usize) -> Bytes {
    cat(&[&[3, 2], &leb(count), &leb(index)])
}

/// References to types, and to definitions by sort.
pub(crate) const RESOURCE: &[u8] = &[3, 1];

pub(crate) fn func(index: usize) -> Bytes {
    cat(&[&[1], &leb(index)])
}

pub(crate) fn eq_type(index: usize) -> Bytes {
    cat(&[&[3, 0], &leb(index)])
}

pub(crate) fn a_component(index: usize) -> Bytes {
    cat(&[&[4], &leb(index)])
}

pub(crate) fn instance(index: usize) -> Bytes {
    cat(&[&[5], &leb(index)])
}

pub(crate) fn tuple<T: AsRef<[u8]>>(elements: &[T]) -> Bytes {
    cat(&[&[0x6f], &vec(elements)])
}

/// A function type with parameters and without a result.
pub(crate) fn func_type(params: &[(&str, Bytes)]) -> Bytes {
    let params: Vec<_> = params.iter().map(|(text, ty)| cat(&[&name(text), ty])).collect();
    cat(&[&[0x40], &vec(&params), &[1, 0]])
}

pub(crate) fn imports(imports: &[(&str, Bytes)]) -> Bytes {
    let imports: Vec<_> = imports.iter().map(|(name, ty)| cat(&[&extern_name(name), ty])).collect();
    section(10, &vec(&imports))
}

pub(crate) fn exports(exports: &[(&str, Bytes)]) -> Bytes {
    let exports: Vec<_> =
        exports.iter().map(|(name, item)| cat(&[&extern_name(name), item, &[0]])).collect();
    section(11, &vec(&exports))
}

pub(crate) fn instances<T: AsRef<[u8]>>(instances: &[T]) -> Bytes {
    section(5, &vec(instances))
}

/// An instance made of other definitions.
pub(crate) fn bundle(items: &[(&str, Bytes)]) -> Bytes {
    let items: Vec<_> = items.iter().map(|(name, item)| cat(&[&extern_name(name), item])).collect();
    cat(&[&[1], &vec(&items)])
}

pub(crate) fn instantiate(component: usize, args: &[(&str, Bytes)]) -> Bytes {
    let args: Vec<_> = args.iter().map(|(text, item)| cat(&[&name(text), item])).collect();
    cat(&[&[0], &leb(component), &vec(&args)])
}

pub(crate) fn aliases<T: AsRef<[u8]>>(aliases: &[T]) -> Bytes {
    section(6, &vec(aliases))
}

/// The alias of an export of an instance; `sort` is 5 for an instance, 3 for a type.
pub(crate) fn export_alias(sort: u8, instance: usize, text: &str) -> Bytes {
    cat(&[&[sort, 0], &leb(instance), &name(text)])
}

pub(crate) fn nested(component: &[u8]) -> Bytes {
    section(4, component)
}

pub(crate) fn core_module(module: &[u8]) -> Bytes {
    section(1, module)
}
