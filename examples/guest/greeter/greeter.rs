//! The greeter in Rust.

wit_bindgen::generate!({ path: "greeter.wit", world: "greeter" });

struct Greeter;

impl Guest for Greeter {
    fn greet(people: Vec<Person>) -> Vec<String> {
        demo::greeter::log::line(if people.len() == 1 { "one of them" } else { "more than one of them" });
        let before = |visits| if visits > 0 { "Welcome back" } else { "Hello" };
        people.iter().map(|person| format!("{}, {}!", before(person.visits), person.name)).collect()
    }
}

export!(Greeter);
