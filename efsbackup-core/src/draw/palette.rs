//! Colours. Every element names that of a light page; a dark page has one of its own for each.

use super::Theme;
use super::graph::Role;
use super::state::State;

pub(super) const PAGE: &str = "#ffffff";
/// Ids.
pub(super) const INK: &str = "#0f172a";
/// Values.
pub(super) const TEXT: &str = "#1e293b";
/// Names of fields, and lines.
pub(super) const FAINT: &str = "#64748b";

/// Each colour of a light page with that of a dark one.
const DARK: [(&str, &str); 24] = [
    (PAGE, "#0f172a"),
    (INK, "#f8fafc"),
    (TEXT, "#e2e8f0"),
    (FAINT, "#94a3b8"),
    ("#f1f5f9", "#1e293b"),
    ("#7c3aed", "#c4b5fd"),
    ("#f3effe", "#2b2350"),
    ("#b45309", "#fdba74"),
    ("#fdf1e6", "#3a2415"),
    ("#1d4ed8", "#93c5fd"),
    ("#eaf1fe", "#182c55"),
    ("#0f766e", "#5eead4"),
    ("#e6f6f4", "#10363a"),
    ("#854d0e", "#fde047"),
    ("#fdf6dd", "#38300f"),
    ("#be185d", "#f9a8d4"),
    ("#fdecf3", "#431c33"),
    ("#475569", "#cbd5e1"),
    ("#f4f5f7", "#232d3d"),
    ("#b91c1c", "#fca5a5"),
    ("#fef2f2", "#451d20"),
    ("#15803d", "#86efac"),
    ("#e9f7ee", "#143524"),
    ("#c2410c", "#fb923c"),
];

/// Accent and tint of a role.
pub(super) fn of_role(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Default => (FAINT, "#f1f5f9"),
        Role::Schedule => ("#7c3aed", "#f3effe"),
        Role::Resource => ("#b45309", "#fdf1e6"),
        Role::Activity => ("#1d4ed8", "#eaf1fe"),
        Role::Data => ("#0f766e", "#e6f6f4"),
        Role::Precondition => ("#854d0e", "#fdf6dd"),
        Role::Action => ("#be185d", "#fdecf3"),
        Role::Other => ("#475569", "#f4f5f7"),
        Role::Missing => ("#b91c1c", "#fef2f2"),
    }
}

/// Accent and tint of a state.
pub(super) fn of_state(state: State) -> (&'static str, &'static str) {
    match state {
        State::Finished => ("#15803d", "#e9f7ee"),
        State::Failed => ("#b91c1c", "#fef2f2"),
        State::Stopped => ("#c2410c", "#fdf1e6"),
        State::Running => ("#1d4ed8", "#eaf1fe"),
        State::Waiting => (FAINT, "#f1f5f9"),
    }
}

/// What is written for `colour`.
pub(super) fn shown(theme: Theme, colour: &'static str) -> &'static str {
    let dark = || DARK.iter().find(|(light, _)| *light == colour).map(|(_, dark)| *dark);
    if theme == Theme::Dark { dark().unwrap_or(colour) } else { colour }
}

/// What a viewer that prefers dark pages takes instead.
pub(super) fn style(theme: Theme) -> String {
    if theme != Theme::Auto {
        return String::new();
    }
    let mut out = "<style>@media (prefers-color-scheme: dark) {\n".to_owned();
    for (light, dark) in DARK {
        for kind in ["fill", "stroke"] {
            let rule = format!(".efsbackup [{kind}=\"{light}\"] {{ {kind}: {dark} }}\n");
            out.push_str(&rule);
        }
    }
    out + "}</style>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, by the Web Content Accessibility Guidelines.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn every_text_stands_out_on_both_pages() {
        let roles = [
            Role::Default,
            Role::Schedule,
            Role::Resource,
            Role::Activity,
            Role::Data,
            Role::Precondition,
            Role::Action,
            Role::Other,
            Role::Missing,
        ];
        let states =
            [State::Finished, State::Failed, State::Stopped, State::Running, State::Waiting];
        let pairs: Vec<_> =
            roles.into_iter().map(of_role).chain(states.into_iter().map(of_state)).collect();
        for theme in [Theme::Light, Theme::Dark] {
            let shown = |colour| shown(theme, colour);
            for (accent, tint) in &pairs {
                // What WCAG asks for small text.
                for text in [accent, INK, TEXT, FAINT] {
                    let found = contrast(shown(text), shown(tint));
                    let least = if text == FAINT { 4.0 } else { 4.5 };
                    assert!(found >= least, "{text} on {tint}: {found:.2} {theme:?}");
                }
                assert!(contrast(shown(accent), shown(PAGE)) >= 4.5, "{accent} on the page");
            }
        }
        for (light, _) in pairs.iter().flat_map(|pair| [(pair.0, 0), (pair.1, 0)]) {
            assert!(DARK.iter().any(|(known, _)| *known == light), "{light} has no dark twin");
        }
    }
}
