// The greeter in JavaScript.
import { line } from "demo:greeter/log";

export function greet(people) {
  line(people.length === 1 ? "one of them" : "more than one of them");
  return people.map(({ name, visits }) => `${visits > 0 ? "Welcome back" : "Hello"}, ${name}!`);
}
