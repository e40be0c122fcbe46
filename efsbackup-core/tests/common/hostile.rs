//! Definitions of a wanted size, each of a shape that would take a careless check quadratic
//! time. A test and a benchmark use them.

use efsbackup_core::pipeline::{Definition, Object, Parameter, ParameterValue};

/// One shape.
pub struct Shape {
    /// What is many or long in it.
    pub name: &'static str,
    make: fn(usize) -> Definition,
}

impl Shape {
    /// A definition of this shape that takes about so many bytes as JSON.
    pub fn of_size(&self, bytes: usize) -> Definition {
        (self.make)(bytes)
    }
}

fn objects(objects: impl Iterator<Item = Object>) -> Definition {
    Definition { objects: objects.collect(), ..Definition::default() }
}

fn task(id: String) -> Object {
    Object::new(id).text("type", "ShellCommandActivity")
}

fn one(fields: impl Iterator<Item = (String, String)>) -> Definition {
    let object = fields.fold(task("A".to_owned()), |object, (key, text)| object.text(key, text));
    objects([object].into_iter())
}

/// Bytes of an object with one reference, of a field, and of an object with a text field.
const LINKED: usize = 85;
const FIELD: usize = 24;

/// Every shape.
pub const SHAPES: &[Shape] = &[
    Shape {
        name: "a chain of parents",
        make: |size| {
            let link = |i: usize| task(format!("T{i}")).reference("parent", format!("T{}", i + 1));
            objects((0..size / LINKED).map(link))
        },
    },
    Shape {
        name: "a chain of parents, each with a field of its own",
        make: |size| {
            let link = |i: usize| {
                let object = Object::new(format!("T{i}")).text(format!("myF{i}"), "x");
                object.reference("parent", format!("T{}", i + 1))
            };
            objects((0..size / LINKED).map(link))
        },
    },
    Shape {
        name: "many that inherit much",
        make: |size| {
            let base = (0..size / 2 / FIELD)
                .fold(Object::new("Base"), |base, i| base.text(format!("myF{i}"), "x"));
            let child =
                |i: usize| task(format!("T{i}")).reference("parent", "Base").text("command", "x");
            objects([base].into_iter().chain((0..size / 2 / LINKED).map(child)))
        },
    },
    Shape {
        name: "many that inherit much to wait for",
        make: |size| {
            let count = size / 3 / LINKED;
            let base = (0..2 * count).fold(Object::new("Base"), |base, i| {
                base.reference("dependsOn", format!("T{}", i % count)).reference("output", "D")
            });
            let child = |i: usize| task(format!("T{i}")).reference("parent", "Base");
            let data = Object::new("D").text("type", "S3DataNode");
            objects([base, data].into_iter().chain((0..count).map(child)))
        },
    },
    Shape {
        name: "a long script that many inherit",
        make: |size| {
            let base = Object::new("Base").text("command", "echo \"x\"; ".repeat(size / 2 / 12));
            let child = |i: usize| task(format!("T{i}")).reference("parent", "Base");
            objects([base].into_iter().chain((0..size / 2 / LINKED).map(child)))
        },
    },
    Shape {
        name: "a chain of dependsOn",
        make: |size| {
            let link =
                |i: usize| task(format!("T{i}")).reference("dependsOn", format!("T{}", i + 1));
            objects((0..size / LINKED).map(link))
        },
    },
    Shape {
        name: "circles within circles",
        make: |size| {
            let link = |i: usize| {
                let next = task(format!("T{i}")).reference("dependsOn", format!("T{}", i + 1));
                next.reference("dependsOn", "T0")
            };
            objects((0..size / (LINKED + 20)).map(link))
        },
    },
    Shape {
        name: "a fan of dependsOn",
        make: |size| {
            let count = size / (LINKED + 20);
            let first = (0..count).fold(task("First".to_owned()), |task, i| {
                task.reference("dependsOn", format!("T{i}"))
            });
            let rest = |i: usize| task(format!("T{i}")).text("command", "x");
            objects([first].into_iter().chain((0..count).map(rest)))
        },
    },
    Shape {
        name: "two columns of objects, each tied to its neighbours",
        make: |size| {
            let count = size / 180;
            let left = |i: usize| {
                let task = task(format!("A{i}")).reference("dependsOn", format!("B{i}"));
                task.reference("dependsOn", format!("B{}", (i + 1) % count))
                    .reference("dependsOn", format!("B{}", i * 7919 % count))
            };
            let right = |i: usize| task(format!("B{i}"));
            objects((0..count).map(left).chain((0..count).map(right)))
        },
    },
    Shape {
        name: "references to nobody in fields of many names",
        make: |size| {
            let field = |task: Object, i: usize| task.reference(format!("k{i}"), format!("B{i}"));
            objects([(0..size / 32).fold(task("A".to_owned()), field)].into_iter())
        },
    },
    Shape {
        name: "references to nobody",
        make: |size| {
            let lost =
                |i: usize| task(format!("T{i}")).reference("dependsOn", format!("Tx{}", i + 7));
            objects((0..size / LINKED).map(lost))
        },
    },
    Shape {
        name: "the same id",
        make: |size| objects((0..size / 50).map(|_| task("T".to_owned()))),
    },
    Shape {
        name: "unknown types",
        make: |size| {
            objects(
                (0..size / 60).map(|i| Object::new(format!("T{i}")).text("type", "ShellComand")),
            )
        },
    },
    Shape {
        name: "unknown fields of one object",
        make: |size| one((0..size / FIELD).map(|i| (format!("comand{i}"), "x".to_owned()))),
    },
    Shape {
        name: "one field many times",
        make: |size| one((0..size / 12).map(|i| ("scriptArgument".to_owned(), format!("h{i}:/a")))),
    },
    Shape {
        name: "a long id with many faults",
        make: |size| {
            let object = Object::new("A".repeat(size / 4)).text("type", "Ec2Resource");
            let fields = (0..size / 2 / FIELD)
                .fold(object, |object, i| object.text(format!("nonesuch{i}"), "x"));
            objects([fields].into_iter())
        },
    },
    Shape {
        name: "a long type that many inherit",
        make: |size| {
            let base = Object::new("Base").text("type", "T".repeat(size / 2));
            let child = |i: usize| Object::new(format!("T{i}")).reference("parent", "Base");
            objects([base].into_iter().chain((0..size / 2 / 60).map(child)))
        },
    },
    Shape {
        name: "names in one text",
        make: |size| {
            let text: String = (0..size / 12).map(|i| format!("#{{myA{i}}} ")).collect();
            one([("command".to_owned(), text)].into_iter())
        },
    },
    Shape {
        name: "parameters, and names that are none",
        make: |size| {
            let mut made =
                one((0..size / 2 / 40).map(|i| (format!("myF{i}"), format!("#{{myNone{i}}}"))));
            let parameter = |i: usize| Parameter::new(format!("myParameter{i}"));
            made.parameters = (0..size / 2 / 60).map(parameter).collect();
            made
        },
    },
    Shape {
        name: "parameters, and fields that are them",
        make: |size| {
            let count = size / 3 / 60;
            let mut made = one((0..2 * count)
                .map(|i| ("scriptArgument".to_owned(), format!("#{{myP{}}}", i % count))));
            made.parameters = (0..count)
                .map(|i| Parameter::new(format!("myP{i}")).with("default", "h:/a"))
                .collect();
            made
        },
    },
    Shape {
        name: "values that are not allowed",
        make: |size| {
            let mut parameter = Parameter::new("myP").with("isArray", "true");
            for i in 0..size / 2 / 12 {
                parameter = parameter.with("allowedValues", format!("v{i}"));
            }
            let values = (0..size / 2 / 20).map(|i| ParameterValue::new("myP", format!("x{i}")));
            Definition {
                parameters: vec![parameter],
                values: values.collect(),
                ..Definition::default()
            }
        },
    },
    Shape {
        name: "sums of sums",
        make: |size| {
            let text = format!("#{{{}1{}}}", "(".repeat(60), ")".repeat(60));
            one((0..size / 150).map(|i| (format!("myF{i}"), text.clone())))
        },
    },
    Shape {
        name: "one expression that never ends",
        make: |size| one([("command".to_owned(), format!("#{{{}", "(".repeat(size)))].into_iter()),
    },
    Shape {
        name: "expressions in an expression that never end",
        make: |size| one([("command".to_owned(), "#{'".repeat(size / 3))].into_iter()),
    },
    Shape {
        name: "a script of one word",
        make: |size| {
            let text = format!("{}={}", "a".repeat(size / 2), "$1".repeat(size / 4));
            one([("command".to_owned(), text)].into_iter())
        },
    },
    Shape {
        name: "a script of open braces",
        make: |size| one([("command".to_owned(), "${x".repeat(size / 3))].into_iter()),
    },
    Shape {
        name: "secrets",
        make: |size| one((0..size / 30).map(|i| (format!("*myF{i}"), format!("#{{*myP{i}}}")))),
    },
];
