//! An object's card: its id and type, its most telling fields, and what it refers to in words.

use super::graph::{Link, Node, Role};
use super::layout::{FACT, HEAD, LINKS, Rect};
use super::palette::{self, FAINT, INK, TEXT};
use super::state::State;
use super::svg::Pen;
use super::words::{fit, width as width_of, xml};
use std::fmt::{Result, Write};

const MONO: &str = "ui-monospace, 'SF Mono', Consolas, 'DejaVu Sans Mono', monospace";

/// How much wider bold letters are.
const BOLD: f64 = 1.13;
/// Left and right of a card's text.
const PAD: f64 = 12.0;

pub(super) fn draw(node: &Node, rect: &Rect, pen: &mut Pen) -> Result {
    let state = node.state.as_deref().map(State::of);
    let (accent, tint) = match state {
        Some(state) => palette::of_state(state),
        // Colours tell the states then.
        None if pen.shows_states => palette::of_role(Role::Other),
        None => palette::of_role(node.role),
    };
    let (accent, tint) = (pen.colour(accent), pen.colour(tint));
    let Rect { x, y, width, height } = rect;
    let dashes = if node.role == Role::Missing { " stroke-dasharray=\"5 4\"" } else { "" };
    writeln!(pen.out, "<g><title>{}</title>", title(node))?;
    writeln!(
        pen.out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"9\" \
         fill=\"{tint}\" stroke=\"{accent}\" stroke-width=\"1.3\"{dashes}/>"
    )?;
    writeln!(
        pen.out,
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"4\" height=\"28\" rx=\"2\" fill=\"{accent}\"/>",
        x + PAD,
        y + 11.0
    )?;
    let mut room = width - 38.0;
    if let Some(state) = state {
        pen.mark((x + width - 21.0, y + 20.0), state)?;
        room -= 24.0;
    }
    let text_x = x + 25.0;
    // A long id is written smaller before it is cut. Bold letters are wider.
    let size = (room / (width_of(&node.id) * BOLD)).clamp(11.0, 14.0);
    let fill = pen.colour(INK);
    let attributes = format!("font-size=\"{size:.1}\" font-weight=\"600\" fill=\"{fill}\"");
    pen.text((text_x, y + 22.0), &attributes, &fit(&node.id, room / (size * BOLD)))?;
    let kind = match &node.state {
        Some(state) => format!("{state} · {}", node.kind),
        None => node.kind.clone(),
    };
    let attributes = format!("font-size=\"11.5\" fill=\"{accent}\"");
    pen.text((text_x, y + 38.5), &attributes, &fit(&kind, room / 11.5))?;
    rows(node, rect, accent, pen)?;
    writeln!(pen.out, "</g>")
}

/// Everything that the card says or cuts.
fn title(node: &Node) -> String {
    let mut lines = vec![format!("{} ({})", node.id, node.kind)];
    lines.extend(node.state.iter().map(|state| format!("status: {state}")));
    lines.extend(node.facts.iter().map(|fact| format!("{}: {}", fact.key, fact.value)));
    lines.extend(node.links.iter().map(|link| format!("{} → {}", link.key, told(link))));
    let lines: Vec<String> = lines.iter().map(|line| xml(line)).collect();
    lines.join("&#10;")
}

fn told(link: &Link) -> String {
    match link.count {
        1 => link.target.clone(),
        count => format!("{} and {} more", link.target, count - 1),
    }
}

fn rows(node: &Node, rect: &Rect, accent: &str, pen: &mut Pen) -> Result {
    let (left, right) = (rect.x + PAD, rect.x + rect.width - PAD);
    let mut line = rect.y + HEAD + 18.0;
    if !node.facts.is_empty() || !node.links.is_empty() || node.user.is_some() {
        let y = rect.y + HEAD;
        writeln!(
            pen.out,
            "<line x1=\"{left:.1}\" y1=\"{y:.1}\" x2=\"{right:.1}\" y2=\"{y:.1}\" \
             stroke=\"{accent}\" stroke-opacity=\"0.25\"/>",
        )?;
    }
    let faint = format!("font-size=\"11\" fill=\"{}\"", pen.colour(FAINT));
    let mut key = |pen: &mut Pen, text: &str| {
        let text = fit(text, 14.0);
        let at = line;
        line += FACT;
        pen.text((left, at), &faint, &text)?;
        std::result::Result::<_, std::fmt::Error>::Ok((at, right - left - width_of(&text) * 11.0))
    };
    for fact in &node.facts {
        let (y, room) = key(pen, &fact.key)?;
        // A monospaced letter is 0.6 ems wide; the value stands at the right.
        let value = mono_fit(&fact.value, ((room - 10.0) / (10.5 * 0.61)) as usize);
        let fill = pen.colour(TEXT);
        let attributes = format!(
            "font-size=\"10.5\" font-family=\"{MONO}\" text-anchor=\"end\" fill=\"{fill}\""
        );
        pen.text((right, y), &attributes, &value)?;
    }
    let shown = if node.links.len() > LINKS { LINKS - 1 } else { LINKS };
    for link in node.links.iter().take(shown) {
        let (y, room) = key(pen, &link.key)?;
        let more = if link.count > 1 { format!(" +{}", link.count - 1) } else { String::new() };
        let room = (room - 34.0) / 11.0 - width_of(&more);
        let value = format!("{}{more}", fit(&link.target, room));
        reference(pen, (right, y), link.role, &value)?;
    }
    if node.links.len() > shown {
        key(pen, &format!("and {} more fields", node.links.len() - shown))?;
    }
    if let Some((user, count)) = &node.user {
        let (y, room) = key(pen, "used by")?;
        let value = match count {
            1 => fit(user, (room - 10.0) / 11.0),
            count => format!("{count} objects"),
        };
        let fill = pen.colour(FAINT);
        let attributes = format!("font-size=\"11\" text-anchor=\"end\" fill=\"{fill}\"");
        pen.text((right, y), &attributes, &value)?;
    }
    Ok(())
}

/// The name of another object, behind an arrow in the colour of its role.
fn reference(pen: &mut Pen, (right, y): (f64, f64), role: Role, value: &str) -> Result {
    let role = if pen.shows_states { Role::Other } else { role };
    let colour = pen.colour(palette::of_role(role).0);
    let attributes = format!("font-size=\"11\" text-anchor=\"end\" fill=\"{colour}\"");
    pen.text((right, y), &attributes, &format!("→ {value}"))
}

/// The text in at most `cells` monospaced cells; what is not ASCII may take two.
fn mono_fit(text: &str, cells: usize) -> String {
    let size = |c: char| if c.is_ascii() { 1 } else { 2 };
    if text.chars().map(size).sum::<usize>() <= cells {
        return text.to_owned();
    }
    let mut used = 1;
    let mut cut: String = text
        .chars()
        .take_while(|&c| {
            used += size(c);
            used <= cells
        })
        .collect();
    cut.push('…');
    cut
}
