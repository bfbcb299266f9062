//! Handles.

use super::guests::{Guests, func_type};
use super::{bare_core, bench_loop, constant, forward, looping, nothing};
use cmabi::canon::{self, Builtin};
use cmabi::runtime::{self, InstanceId, Options};
use cmabi::types::{Kind, ResourceType, Type};

pub(super) fn bench_all() {
    let new_rep_drop = looping(
        r#"(import "" "new" (func $new (param i32) (result i32)))
           (import "" "rep" (func $rep (param i32) (result i32)))
           (import "" "drop" (func $drop (param i32)))"#,
        "(local.set $handle (call $new (i32.const 7)))
         (drop (call $rep (local.get $handle)))
         (call $drop (local.get $handle))",
    );
    bench_loop(
        "resource.new, resource.rep, resource.drop",
        &new_rep_drop,
        |guests, inst| {
            let ty = guest_resource(guests, inst);
            let builtins = [Builtin::ResourceNew, Builtin::ResourceRep, Builtin::ResourceDrop];
            builtins.map(|builtin| guests.builtin(inst, builtin(ty.clone()))).to_vec()
        },
        |bare| {
            vec![
                bare.bare(1, 1, constant(1)),
                bare.bare(1, 1, constant(7)),
                bare.bare(1, 0, nothing),
            ]
        },
    );

    // The handle that is lent or passed on is made once.
    let passes = |result: &str, body: &str| {
        let imports = format!(
            r#"(import "" "new" (func $new (param i32) (result i32)))
               (import "" "f" (func $f (param i32) {result}))
               (global $handle (mut i32) (i32.const 0))"#
        );
        let init = "(if (i32.eqz (global.get $handle))
            (then (global.set $handle (call $new (i32.const 7)))))";
        looping(&imports, &format!("{init} {body}"))
    };
    bench_loop(
        "guest calls guest: func(borrow<r>)",
        &passes("", "(call $f (global.get $handle))"),
        |guests, inst| {
            let ty = guest_resource(guests, inst);
            let new = guests.builtin(inst, Builtin::ResourceNew(ty.clone()));
            let other = guests.instance();
            let drop = guests.builtin(other, Builtin::ResourceDrop(ty.clone()));
            let core = guests.core(other, DROPS, &[drop]);
            let ty = func_type(&[Type::new(Kind::Borrow(ty)).unwrap()], None);
            let func = canon::lift(core.func("f"), ty, core.options(), other, "f");
            vec![new, guests.lower(inst, func, Options::default())]
        },
        |bare| {
            let drop = bare.bare(1, 0, nothing);
            let func = bare_core(bare, DROPS, &[drop]).func("f");
            vec![bare.bare(1, 1, constant(1)), bare.bare(1, 0, forward(func))]
        },
    );
    bench_loop(
        "guest calls guest: func(own<r>) -> own<r>",
        &passes("(result i32)", "(global.set $handle (call $f (global.get $handle)))"),
        |guests, inst| {
            let ty = guest_resource(guests, inst);
            let new = guests.builtin(inst, Builtin::ResourceNew(ty.clone()));
            let other = guests.instance();
            let core = guests.core(other, RETURNS, &[]);
            let own = Type::new(Kind::Own(ty)).unwrap();
            let ty = func_type(std::slice::from_ref(&own), Some(own.clone()));
            let func = canon::lift(core.func("f"), ty, core.options(), other, "f");
            vec![new, guests.lower(inst, func, Options::default())]
        },
        |bare| {
            let func = bare_core(bare, RETURNS, &[]).func("f");
            vec![bare.bare(1, 1, constant(1)), bare.bare(1, 1, forward(func))]
        },
    );
}

/// A function that drops the handle that it gets, and one that gives it back.
const DROPS: &str = r#"(module
    (import "" "drop" (func $drop (param i32)))
    (func (export "f") (param i32) (call $drop (local.get 0))))"#;
const RETURNS: &str = r#"(module (func (export "f") (param i32) (result i32) (local.get 0)))"#;

/// A resource type that `inst` implements, without a destructor.
fn guest_resource(guests: &mut Guests, inst: InstanceId) -> ResourceType {
    let ty = ResourceType::new("r");
    runtime::define_resource(&mut guests.cx(), &ty, inst, None);
    ty
}
