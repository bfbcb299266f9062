//! Which functions get the forms that do not wait.

use cmabi_bindgen::{Input, Language, Options, generate};

const TEXT: &str = "package a:b@1.0.0;
    interface i {
        resource r { constructor(); m: func() -> u8; }
        f: func() -> u8;
        g: async func() -> u8;
    }
    world w { import i; export i; export f: func() -> u8; export g: async func() -> u8; }";

/// The names of the async forms in the header.
fn forms(names: &[&str], language: Language) -> Vec<String> {
    let input = Input::parse("t.wit", TEXT, None).unwrap();
    let asyncs = names.iter().map(|&name| name.to_owned()).collect();
    let options = Options { asyncs, ..Options::default() };
    let files = generate(input, language, &options).unwrap_or_else(|error| panic!("{error}"));
    let words = files[0].text.split(['(', ' ', '\n', '*']);
    let mut forms: Vec<_> = words
        .filter(|word| word.ends_with("_start") || word.ends_with("_return"))
        .filter(|word| !word.starts_with("cmabi_") && !word.contains(':'))
        .map(str::to_owned)
        .collect();
    forms.sort();
    forms.dedup();
    forms
}

#[test]
fn those_of_wit_and_those_that_are_named_have_them() {
    let of_wit = ["a_b_i_g_return", "exports_a_b_i_g_start", "w_g_start"];
    assert_eq!(forms(&[], Language::C), of_wit);
    assert_eq!(forms(&["none"], Language::C), [""; 0]);
    for name in ["r.m", "[method]r.m", "i#r.m", "a:b/i#r.m", "a:b/i@1.0.0#[method]r.m"] {
        let both = ["a_b_i_method_r_m_return", "exports_a_b_i_method_r_m_start"];
        assert_eq!(forms(&["none", name], Language::C), both, "{name}");
    }
    // A name without an interface is that of all functions that have it.
    let all_of_f = ["a_b_i_f_return", "exports_a_b_i_f_start", "w_f_start"];
    assert_eq!(forms(&["none,f"], Language::C), all_of_f);
    assert_eq!(forms(&["w#f", "none"], Language::C), ["w_f_start"]);
    assert_eq!(forms(&["w#f"], Language::C), [&of_wit[..2], &["w_f_start", "w_g_start"]].concat());
    assert_eq!(forms(&["all"], Language::C).len(), 10);
}

#[test]
fn cpp_has_them_as_members() {
    assert_eq!(forms(&[], Language::Cpp), ["g_start"]);
    assert_eq!(forms(&["none"], Language::Cpp), [""; 0]);
    assert_eq!(forms(&["all"], Language::Cpp), ["create_start", "f_start", "g_start", "m_start"]);
}
