//! Pictures: everything is in them, nothing overlaps, and no text can break out.

#![cfg(feature = "draw")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::draw;
use efsbackup_core::pipeline::{Definition, Object};
use proptest::prelude::*;

fn of(objects: Vec<Object>) -> Definition {
    Definition { objects, ..Definition::default() }
}

fn backup() -> Definition {
    of(vec![
        Object::new("Default").reference("schedule", "Hourly"),
        Object::new("Hourly").text("type", "Schedule").text("period", "1 hours"),
        Object::new("Box").text("type", "Ec2Resource").text("terminateAfter", "50 Minutes"),
        Object::new("Run")
            .text("type", "ShellCommandActivity")
            .text("command", "#!/bin/bash\nset -eu\nefsbackup backup \"$1\"\n")
            .reference("runsOn", "Box")
            .reference("onSuccess", "Told")
            .reference("onFail", "Told")
            .reference("onLateAction", "Stop"),
        Object::new("Told").text("type", "SnsAlarm").text("subject", "done"),
        Object::new("Stop").text("type", "Terminate"),
    ])
}

/// What stands between `before` and `after`, each time.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).map(|rest| rest.split(after).next().unwrap()).collect()
}

/// A stand-in for an XML parser: elements close in order, and text has no bare markup.
fn assert_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    for (index, piece) in svg.split('<').enumerate().skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("{index}: <{piece}"));
        for part in [tag, text] {
            for entity in part.split('&').skip(1) {
                let name = entity.split(';').next().unwrap();
                assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "&{entity}");
            }
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        assert!(!text.contains('>'), "{text}");
        match (tag.strip_prefix('/'), tag.ends_with('/')) {
            (Some(name), _) => assert_eq!(open.pop(), Some(name)),
            (None, true) => {}
            (None, false) => open.push(tag.split(' ').next().unwrap()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let allowed = |c: char| c == '\n' || !c.is_control() || ('\u{7f}'..='\u{9f}').contains(&c);
    assert!(svg.chars().all(|c| allowed(c) && c != '\u{fffe}' && c != '\u{ffff}'));
}

#[test]
fn every_object_and_reference_is_drawn_once() {
    let svg = draw::svg(&backup());
    assert_well_formed(&svg);
    let titles = between(&svg, "<title>", "</title>");
    assert_eq!(
        titles,
        [
            "Default (for all objects)",
            "Hourly (Schedule)",
            "Box (Ec2Resource)",
            "Run (ShellCommandActivity)",
            "Told (SnsAlarm)",
            "Stop (Terminate)",
        ]
    );
    let labels: Vec<_> = ["schedule", "runsOn", "onSuccess, onFail", "onLateAction"]
        .map(|label| svg.matches(&format!(">{label}</text>")).count())
        .to_vec();
    assert_eq!(labels, [1, 1, 1, 1]);
    assert!(svg.contains(">efsbackup backup"), "the first telling line of a script");
    // Its own background, and no colour left to the viewer.
    assert!(svg.contains("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"));
    assert!(between(&svg, "<text", ">").iter().all(|text| text.contains("fill=\"#")));
}

/// The cards' rectangles: x, y, width, height.
fn cards(svg: &str) -> Vec<[f64; 4]> {
    between(svg, "</title>\n<rect ", "/>")
        .into_iter()
        .map(|rect| {
            ["x", "y", "width", "height"]
                .map(|key| between(rect, &format!("{key}=\""), "\"")[0].parse().unwrap())
        })
        .collect()
}

fn assert_apart(cards: &[[f64; 4]]) {
    for (index, a) in cards.iter().enumerate() {
        for b in &cards[index + 1..] {
            let apart = |at: usize| a[at] + a[at + 2] <= b[at] || b[at] + b[at + 2] <= a[at];
            assert!(apart(0) || apart(1), "{a:?} and {b:?}");
        }
    }
}

#[test]
fn what_is_needed_stands_left_of_what_needs_it() {
    let svg = draw::svg(&backup());
    let [default, hourly, boxed, run, told, stop] = cards(&svg).try_into().unwrap();
    assert!(hourly[0] < default[0] && boxed[0] < run[0] && run[0] < told[0]);
    assert_eq!(told[0], stop[0]);
    assert_apart(&cards(&svg));
}

#[test]
fn circles_dangling_references_and_doubles_are_drawn_too() {
    let task = |id: &str| Object::new(id).text("type", "ShellCommandActivity");
    let svg = draw::svg(&of(vec![
        task("A").reference("dependsOn", "B").reference("runsOn", "Nothing"),
        task("B").reference("dependsOn", "C"),
        task("C").reference("dependsOn", "A").reference("dependsOn", "C"),
        task("A").reference("dependsOn", "C"),
        Object::new("Loose"),
    ]));
    assert_well_formed(&svg);
    let titles = between(&svg, "<title>", "</title>");
    assert_eq!(titles.len(), 5);
    assert!(titles.contains(&"Nothing (there is no such object)"));
    assert_apart(&cards(&svg));
    assert_well_formed(&draw::svg(&Definition::default()));
}

#[test]
fn secrets_are_not_drawn() {
    let object = Object::new("D").text("type", "JdbcDatabase").text("*password", "s3cr3t");
    let definition = of(vec![object]);
    for picture in [
        draw::svg(&definition),
        draw::dot(&definition),
        draw::mermaid(&definition),
        draw::text(&definition),
    ] {
        assert!(picture.contains('D') && !picture.contains("s3cr3t"));
    }
}

#[test]
fn the_other_forms_say_the_same() {
    assert_eq!(
        draw::text(&of(backup().objects[2..4].to_vec())),
        "Box (Ec2Resource)\n  terminateAfter 50 Minutes\nRun (ShellCommandActivity)\n  \
         command efsbackup backup \"$1\" …\n  runsOn → Box\n  \
         onSuccess → Told (there is no such object)\n  onFail → Told (there is no such object)\n  \
         onLateAction → Stop (there is no such object)\n"
    );
    let nasty = of(vec![Object::new("a\"b\\c;<d>#").reference("x", "a\"b\\c;<d>#")]);
    assert!(draw::dot(&nasty).contains("n0 [label=\"a\\\"b\\\\c;<d>#\\nno type\"];"));
    let mermaid = draw::mermaid(&nasty);
    assert!(mermaid.contains("n0[\"a#34;b#92;c#59;#60;d#62;#35;<br/>no type\"]"), "{mermaid}");
    assert!(mermaid.contains("n0 -->|\"x\"| n0"));
    let dot = draw::dot(&backup());
    assert!(dot.contains("n2 -> n3 [label=\"runsOn\", dir=back];"), "{dot}");
    assert!(dot.contains("n3 -> n4 [label=\"onSuccess, onFail\"];"), "{dot}");
}

#[test]
fn a_hundred_objects_stand_apart() {
    let mut objects = vec![Object::new("Box").text("type", "Ec2Resource")];
    objects.extend((0..99).map(|i| {
        let task = Object::new(format!("T{i}")).text("type", "ShellCommandActivity");
        let task = task.text("command", "x").reference("runsOn", "Box");
        if i < 10 { task } else { task.reference("dependsOn", format!("T{}", i - 10)) }
    }));
    let svg = draw::svg(&of(objects));
    assert_well_formed(&svg);
    assert_eq!(cards(&svg).len(), 100);
    assert_apart(&cards(&svg));
}

proptest! {
    #[test]
    fn any_definition_can_be_drawn(
        objects in prop::collection::vec(
            ("[ABC<&\"'\u{0}-\u{1f}日]{0,3}", prop::collection::vec(("\\PC{0,8}|dependsOn|output", any::<String>(), any::<bool>()), 0..5)),
            0..8,
        )
    ) {
        let objects = objects.into_iter().map(|(id, fields)| {
            fields.into_iter().fold(Object::new(id), |object, (key, value, reference)| {
                match reference {
                    true => object.reference(key, value.chars().take(2).collect::<String>()),
                    false => object.text(key, value),
                }
            })
        });
        let definition = of(objects.collect());
        assert_well_formed(&draw::svg(&definition));
        draw::dot(&definition);
        draw::mermaid(&definition);
        draw::text(&definition);
    }
}
