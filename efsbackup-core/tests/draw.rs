//! Pictures: everything is in them, nothing overlaps, and no text can break out.

#![cfg(feature = "draw")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use efsbackup_core::draw::{self, Options, Theme};
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

fn svg(definition: &Definition) -> String {
    draw::svg(definition, &Options::default())
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
                assert!(["amp", "lt", "gt", "quot", "#39", "#10"].contains(&name), "&{entity}");
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
    let svg = svg(&backup());
    assert_well_formed(&svg);
    assert_eq!(
        titles(&svg),
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

/// The first line of each card's title.
fn titles(svg: &str) -> Vec<&str> {
    let titles = between(svg, "<title>", "</title>");
    titles.into_iter().map(|title| title.split("&#10;").next().unwrap()).collect()
}

/// The cards' rectangles: x, y, width, height.
fn cards(svg: &str) -> Vec<[f64; 4]> {
    let mut cards = Vec::new();
    for piece in svg.split("<g transform=\"translate(").skip(1) {
        let (x, y) = piece.split(')').next().unwrap().split_once(' ').unwrap();
        let shift: [f64; 2] = [x.parse().unwrap(), y.parse().unwrap()];
        cards.extend(between(piece, "</title>\n<rect ", "/>").into_iter().map(|rect| {
            let [x, y, width, height] = ["x", "y", "width", "height"]
                .map(|key| between(rect, &format!("{key}=\""), "\"")[0].parse::<f64>().unwrap());
            [x + shift[0], y + shift[1], width, height]
        }));
    }
    cards
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
    let svg = svg(&backup());
    let [default, hourly, boxed, run, told, stop] = cards(&svg).try_into().unwrap();
    assert!(hourly[0] < default[0] && boxed[0] < run[0] && run[0] < told[0]);
    assert_eq!(told[0], stop[0]);
    assert_apart(&cards(&svg));
}

#[test]
fn circles_dangling_references_and_doubles_are_drawn_too() {
    let task = |id: &str| Object::new(id).text("type", "ShellCommandActivity");
    let svg = svg(&of(vec![
        task("A").reference("dependsOn", "B").reference("runsOn", "Nothing"),
        task("B").reference("dependsOn", "C"),
        task("C").reference("dependsOn", "A").reference("dependsOn", "C"),
        task("A").reference("dependsOn", "C"),
        Object::new("Loose"),
    ]));
    assert_well_formed(&svg);
    let titles = titles(&svg);
    assert_eq!(titles.len(), 5);
    assert!(titles.contains(&"Nothing (there is no such object)"));
    assert_apart(&cards(&svg));
    assert_well_formed(&draw::svg(&Definition::default(), &Options::default()));
}

#[test]
fn secrets_are_not_drawn() {
    let object = Object::new("D").text("type", "JdbcDatabase").text("*password", "s3cr3t");
    let definition = of(vec![object]);
    for picture in [
        svg(&definition),
        draw::dot(&definition, &Options::default()),
        draw::mermaid(&definition, &Options::default()),
        draw::text(&definition, &Options::default()),
    ] {
        assert!(picture.contains('D') && !picture.contains("s3cr3t"));
    }
}

#[test]
fn the_other_forms_say_the_same() {
    assert_eq!(
        draw::text(&of(backup().objects[2..4].to_vec()), &Options::default()),
        "Box (Ec2Resource)\n  terminateAfter 50 Minutes\nRun (ShellCommandActivity)\n  \
         command efsbackup backup \"$1\" …\n  runsOn → Box\n  \
         onSuccess → Told (there is no such object)\n  onFail → Told (there is no such object)\n  \
         onLateAction → Stop (there is no such object)\n"
    );
    let nasty = of(vec![Object::new("a\"b\\c;<d>#").reference("x", "a\"b\\c;<d>#")]);
    assert!(
        draw::dot(&nasty, &Options::default())
            .contains("n0 [label=\"a\\\"b\\\\c;<d>#\\nno type\"];")
    );
    let mermaid = draw::mermaid(&nasty, &Options::default());
    assert!(mermaid.contains("n0[\"a#34;b#92;c#59;#60;d#62;#35;<br/>no type\"]"), "{mermaid}");
    assert!(mermaid.contains("n0 -->|\"x\"| n0"));
    let dot = draw::dot(&backup(), &Options::default());
    assert!(dot.contains("n2 -> n3 [label=\"runsOn\", dir=back];"), "{dot}");
    assert!(dot.contains("n3 -> n4 [label=\"onSuccess, onFail\"];"), "{dot}");
}

fn task(id: String) -> Object {
    Object::new(id).text("type", "ShellCommandActivity").text("command", "x")
}

/// Definitions of a hundred objects: loose, a chain, a grid, and a fan out and in.
fn hundreds() -> Vec<Definition> {
    let shape = |refer: &dyn Fn(usize, Object) -> Object| {
        let mut objects = vec![Object::new("Box").text("type", "Ec2Resource")];
        let tasks = (0..99).map(|i| refer(i, task(format!("T{i}")).reference("runsOn", "Box")));
        objects.extend(tasks);
        of(objects)
    };
    let after = |step: usize| {
        move |i: usize, task: Object| match i.checked_sub(step) {
            Some(before) => task.reference("dependsOn", format!("T{before}")),
            None => task,
        }
    };
    let fan = |i: usize, task: Object| match i {
        0 => task,
        98 => (1..98).fold(task, |task, i| task.reference("dependsOn", format!("T{i}"))),
        _ => task.reference("dependsOn", "T0"),
    };
    vec![shape(&|_, task| task), shape(&after(1)), shape(&after(10)), shape(&fan)]
}

#[test]
fn a_hundred_objects_stand_apart_on_a_sheet_of_readable_shape() {
    for definition in hundreds() {
        let svg = svg(&definition);
        assert_well_formed(&svg);
        let cards = cards(&svg);
        assert_eq!(cards.len(), 100);
        assert_apart(&cards);
        let [width, height] = ["width", "height"]
            .map(|key| between(&svg, &format!(" {key}=\""), "\"")[0].parse::<f64>().unwrap());
        assert!(cards.iter().all(|[x, y, w, h]| x + w < width && y + h < height));
        assert!((0.4..2.5).contains(&(width / height)), "{width} by {height}");
        // No line to the resource of all: it is named on every card.
        assert_eq!(svg.matches("→ Box</text>").count(), 99);
        assert!(svg.contains(">99 objects</text>"));
    }
}

#[test]
fn what_default_says_is_not_said_again() {
    let objects = (0..2).map(|i| task(format!("T{i}")).reference("schedule", "Hourly"));
    let svg = svg(&of(backup().objects.into_iter().take(2).chain(objects).collect()));
    assert_eq!(svg.matches(">schedule</text>").count(), 1);
}

#[test]
fn themes_differ_in_colours_only() {
    let with = |theme| draw::svg(&backup(), &Options { theme, ..Options::default() });
    let [auto, light, dark] = [Theme::Auto, Theme::Light, Theme::Dark].map(with);
    assert!(light.contains("fill=\"#ffffff\"") && !light.contains("<style>"));
    assert!(!dark.contains("#ffffff") && !dark.contains("<style>"));
    assert!(dark.contains("<rect width=\"100%\" height=\"100%\" fill=\"#0f172a\"/>"));
    let colourless = |svg: &str| {
        let mut parts = svg.split('#');
        let first = parts.next().unwrap().to_owned();
        first + &parts.map(|part| part.get(6..).unwrap_or_default()).collect::<String>()
    };
    assert_eq!(colourless(&light), colourless(&dark));
    // Colours of its own for viewers that know neither style nor preference; every other
    // colour has its dark one in the style.
    let (before, rest) = auto.split_once("<style>").unwrap();
    let (style, after) = rest.split_once("</style>\n").unwrap();
    assert_eq!(format!("{before}{after}"), light);
    for colour in between(after, "fill=\"", "\"").into_iter().filter(|c| c.starts_with('#')) {
        assert!(style.contains(&format!("[fill=\"{colour}\"]")), "{colour}");
    }
}

#[test]
fn states_are_written_marked_and_explained() {
    let states = [("Run", "FINISHED"), ("Run", "FAILED"), ("Box", "RUNNING"), ("Gone", "x")];
    let states = states.map(|(id, state)| (id.to_owned(), state.to_owned())).to_vec();
    let options = Options { states, theme: Theme::Light };
    let svg = draw::svg(&backup(), &options);
    assert_well_formed(&svg);
    // On the card and in the legend, each with a circle.
    assert!(svg.contains(">FAILED · ShellCommandActivity</text>"), "{svg}");
    assert!(svg.contains(">FAILED 1</text>") && svg.contains(">RUNNING 1</text>"));
    assert_eq!(svg.matches("<circle").count(), 4);
    assert!(!svg.contains("FINISHED"), "only the last state counts");
    assert!(draw::text(&backup(), &options).contains("Run (ShellCommandActivity) ✗ FAILED\n"));
    assert!(draw::mermaid(&backup(), &options).contains("Activity<br/>✗ FAILED"));
    let dot = draw::dot(&backup(), &options);
    assert!(dot.contains("✗ FAILED\", style=\"rounded,filled\", color=\"#b91c1c\""), "{dot}");
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
        assert_well_formed(&svg(&definition));
        draw::dot(&definition, &Options::default());
        draw::mermaid(&definition, &Options::default());
        draw::text(&definition, &Options::default());
    }
}
