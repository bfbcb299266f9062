//! Each kind of definition that can refer to another one twice, level upon level.

use crate::binary::*;

/// A generator of components of so many levels.
pub(crate) type Generator = fn(usize) -> Bytes;

pub(crate) const KINDS: &[(&str, Generator)] = &[
    ("value types in a function", values),
    ("value types that are aliased", aliased_values),
    ("function types that are lifted", lifts),
    ("instance types", |levels| instance_types(levels, &plain())),
    ("instance types with a resource type", |levels| instance_types(levels, &resource())),
    ("instance types in one another", nested_instance_types),
    ("instance types of an instance type", exported_types),
    ("component types by exports", |levels| component_types(levels, declare_export)),
    ("component types by imports", |levels| component_types(levels, declare_import)),
    ("component types with resource types", resources_of_components),
    ("instances", bundles),
    ("arguments", arguments),
    ("arguments with resource types", arguments_with_resources),
    ("exports of components", exports_of_components),
    ("exports of components with resource types", exports_with_resources),
    ("aliases", aliases_of_instances),
    ("components as arguments", components_as_arguments),
];

/// How many times the last level is used.
const USES: usize = 100;

fn plain() -> Bytes {
    instance_type(&[declare_type(&func_type(&[])), declare_export("f", &func(0))])
}

fn resource() -> Bytes {
    instance_type(&[declare_export("r", RESOURCE)])
}

/// Instance types each of which exports two of the one before; the first is `leaf`.
fn instance_type_levels(levels: usize, leaf: &[u8]) -> Vec<Bytes> {
    let mut types = vec![leaf.to_vec()];
    for level in 0..levels {
        types.push(twice_an_instance(level));
    }
    types
}

/// An instance type that exports two of the instance type `index` around it.
fn twice_an_instance(index: usize) -> Bytes {
    let export = |name| declare_export(name, &instance(0));
    instance_type(&[declare_alias(1, index), export("a"), export("b")])
}

fn tuples(levels: usize) -> Vec<Bytes> {
    let mut types = vec![tuple(&[[0x79], [0x79]])];
    for level in 0..levels {
        types.push(tuple(&[value(level), value(level)]));
    }
    types
}

fn values(levels: usize) -> Bytes {
    let mut all = tuples(levels);
    all.push(func_type(&[("p", value(levels))]));
    let names: Vec<String> = (0..USES).map(|use_| format!("f{use_}")).collect();
    let uses: Vec<_> = names.iter().map(|name| (&**name, func(levels + 1))).collect();
    component(&[types(&all), imports(&uses)])
}

fn aliased_values(levels: usize) -> Bytes {
    let alias = outer_type(1, levels);
    let inner = nested(&component(&[aliases(&vec![alias; USES])]));
    component(&[types(&tuples(levels)), inner])
}

/// The parameter is passed in memory, so that the core function has the same type at each level.
fn lifts(levels: usize) -> Bytes {
    let levels = levels + 4;
    let function_types = [vec![0x60, 1, 0x7f, 0], cat(&[&[0x60, 4], &[0x7f; 4], &[1, 0x7f]])];
    let (returns, traps) = ([2, 0, 0x0b].to_vec(), [3, 0, 0, 0x0b].to_vec());
    let core = module(&[
        section(1, &vec(&function_types)),
        section(3, &vec(&[[0], [1]])),
        section(5, &vec(&[[0, 1]])),
        section(
            7,
            &vec(&[
                cat(&[&name("f"), &[0, 0]]),
                cat(&[&name("r"), &[0, 1]]),
                cat(&[&name("m"), &[2, 0]]),
            ]),
        ),
        section(10, &vec(&[returns, traps])),
    ]);
    let mut all = tuples(levels);
    all.push(func_type(&[("p", value(levels))]));
    let lift = cat(&[&[0, 0, 0], &vec(&[[3, 0], [4, 1]]), &leb(levels + 1)]);
    component(&[
        core_module(&core),
        section(2, &vec(&[[0, 0, 0]])),
        aliases(&[
            cat(&[&[0, 0, 1, 0], &name("f")]),
            cat(&[&[0, 0, 1, 0], &name("r")]),
            cat(&[&[0, 2, 1, 0], &name("m")]),
        ]),
        types(&all),
        section(8, &vec(&vec![lift; USES])),
    ])
}

fn instance_types(levels: usize, leaf: &[u8]) -> Bytes {
    let mut all = instance_type_levels(levels, leaf);
    let use_ = instance_type(&[declare_alias(1, levels), declare_export("a", &instance(0))]);
    all.extend(vec![use_; USES]);
    let top = all.len() - 1;
    component(&[types(&all), imports(&[("x", instance(top)), ("y", instance(levels))])])
}

/// The levels are declared inside of one instance type.
fn nested_instance_types(levels: usize) -> Bytes {
    let mut decls = vec![declare_type(&resource())];
    decls.extend((0..levels).map(|level| declare_type(&twice_an_instance(level))));
    decls.push(declare_export("a", &instance(levels)));
    component(&[types(&[instance_type(&decls)]), imports(&[("x", instance(0))])])
}

/// An instance type that exports the last level's instance type again and again.
fn exported_types(levels: usize) -> Bytes {
    let mut all = instance_type_levels(levels, &plain());
    let mut decls = vec![declare_alias(1, levels)];
    decls.extend((0..USES).map(|use_| declare_export(&format!("t{use_}"), &eq_type(0))));
    all.push(instance_type(&decls));
    component(&[types(&all), imports(&[("x", instance(levels + 1))])])
}

fn component_types(levels: usize, declare: fn(&str, &[u8]) -> Bytes) -> Bytes {
    let mut all = vec![component_type(&[] as &[Bytes])];
    for level in 0..levels {
        let part = |name| declare(name, &a_component(0));
        all.push(component_type(&[declare_alias(1, level), part("a"), part("b")]));
    }
    component(&[types(&all), imports(&[("x", a_component(levels))])])
}

/// Component types that import and export an instance with resource types.
fn resources_of_components(levels: usize) -> Bytes {
    let mut all = instance_type_levels(levels, &resource());
    let part = |declare: fn(&str, &[u8]) -> Bytes, name| declare(name, &instance(0));
    let use_ = component_type(&[
        declare_alias(1, levels),
        part(declare_import, "a"),
        part(declare_export, "b"),
    ]);
    all.extend(vec![use_; USES]);
    component(&[types(&all), imports(&[("x", a_component(levels + 1))])])
}

/// Instances each of which is made of two of the one before.
fn bundle_levels(levels: usize) -> Vec<Bytes> {
    let mut all = vec![bundle(&[])];
    for level in 0..levels {
        all.push(bundle(&[("a", instance(level)), ("b", instance(level))]));
    }
    all
}

fn bundles(levels: usize) -> Bytes {
    let names: Vec<String> = (0..USES).map(|use_| format!("x{use_}")).collect();
    let uses: Vec<_> = names.iter().map(|name| (&**name, instance(levels))).collect();
    component(&[instances(&bundle_levels(levels)), exports(&uses)])
}

/// A component whose argument is ascribed a type of as many levels.
fn arguments(levels: usize) -> Bytes {
    let empty = instance_type(&[] as &[Bytes]);
    let inner = component(&[
        aliases(&[outer_type(1, levels)]),
        imports(&[("x", instance(0))]),
        exports(&[("y", instance(0))]),
    ]);
    component(&[
        types(&instance_type_levels(levels, &empty)),
        instances(&bundle_levels(levels)),
        nested(&inner),
        instances(&vec![instantiate(0, &[("x", instance(levels))]); USES]),
    ])
}

fn arguments_with_resources(levels: usize) -> Bytes {
    let inner = component(&[
        types(&instance_type_levels(levels, &resource())),
        imports(&[("x", instance(levels))]),
        exports(&[("y", instance(0))]),
    ]);
    let resource = cat(&[&[0x3f, 0x7f, 0]]);
    let mut all = vec![bundle(&[("r", cat(&[&[3], &leb(0)]))])];
    for level in 0..levels {
        all.push(bundle(&[("a", instance(level)), ("b", instance(level))]));
    }
    component(&[
        types(&[resource]),
        instances(&all),
        nested(&inner),
        instances(&vec![instantiate(0, &[("x", instance(levels))]); USES]),
    ])
}

/// Components each of which has two instances of the one before, and exports both.
fn exports_of_components(levels: usize) -> Bytes {
    components_of_components(levels, component(&[] as &[Bytes]))
}

fn exports_with_resources(levels: usize) -> Bytes {
    let leaf =
        component(&[types(&[cat(&[&[0x3f, 0x7f, 0]])]), exports(&[("r", cat(&[&[3], &leb(0)]))])]);
    components_of_components(levels, leaf)
}

fn components_of_components(levels: usize, leaf: Bytes) -> Bytes {
    let mut sections = vec![nested(&leaf)];
    for level in 0..levels {
        sections.push(nested(&component(&[
            aliases(&[cat(&[&[4, 2, 1], &leb(level)])]),
            instances(&[instantiate(0, &[]), instantiate(0, &[])]),
            exports(&[("a", instance(0)), ("b", instance(1))]),
        ])));
    }
    sections.push(instances(&vec![instantiate(levels, &[]); USES]));
    component(&sections)
}

/// Instances that are taken out of an import, put together, exported and taken out again.
fn aliases_of_instances(levels: usize) -> Bytes {
    let all = instance_type_levels(levels, &resource());
    let mut sections = vec![types(&all), imports(&[("x", instance(levels))])];
    for level in 0..levels {
        sections.push(aliases(&[export_alias(5, level * 3, "a"), export_alias(5, level * 3, "b")]));
        let (a, b) = (level * 3 + 1, level * 3 + 2);
        let both = [("a", instance(a)), ("b", instance(b))];
        sections.push(instances(&[bundle(&both)]));
    }
    component(&sections)
}

/// A component that is passed to others, with a type of as many levels.
fn components_as_arguments(levels: usize) -> Bytes {
    let mut all = vec![component_type(&[] as &[Bytes])];
    for level in 0..levels {
        let part = |name| declare_import(name, &a_component(0));
        all.push(component_type(&[declare_alias(1, level), part("a"), part("b")]));
    }
    let inner = component(&[aliases(&[outer_type(1, levels)]), imports(&[("x", a_component(0))])]);
    component(&[
        types(&all),
        imports(&[("c", a_component(levels))]),
        nested(&inner),
        instances(&vec![instantiate(1, &[("x", a_component(0))]); USES]),
    ])
}
