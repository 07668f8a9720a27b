//! A flow chart (a Sankey diagram) of the counts, from rows to contacts to their outcomes, as inline SVG.
//!
//! Every column adds up to the previous one, so nothing can be missing. The chart is drawn in a wide and a narrow
//! version, and the style sheet shows the one that fits: a scaled chart would be unreadable on a phone.

use maud::{Markup, html};

use super::content::ReportedPhase;
use crate::{
    plan::Mode,
    report::summary::Summary,
    wording::{float, grouped},
};

/// Height of the bar of the largest column.
const BARS: f64 = 220.0;
/// Height of a label of two lines.
const LABEL: f64 = 40.0;
const LABEL_WIDTH: f64 = 112.0;
/// Distance of two columns.
const STEP_MAX: f64 = 360.0;
const BAR_WIDTH: f64 = 12.0;
const BAR_MIN: f64 = 2.0;

/// A count, with its word and colour class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    count: u64,
    word: &'static str,
    class: &'static str,
}

/// The contacts or rows that flow from a node to one in the next column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Band {
    from: usize,
    to: usize,
    count: u64,
}

/// Two or three columns of nodes, and the bands between them.
#[derive(Debug, Default)]
struct Flow {
    columns: Vec<Vec<Node>>,
    bands: Vec<Vec<Band>>,
}

impl Node {
    /// The word, in the singular for a count of one.
    fn noun(&self) -> &'static str {
        match (self.count, self.word) {
            (1, "rows") => "row",
            (1, "contacts") => "contact",
            (_, word) => word,
        }
    }
}

const fn node(count: u64, word: &'static str, class: &'static str) -> Node {
    Node { count, word, class }
}

/// The last column: the plan, or its results.
fn outcomes(summary: &Summary, phase: ReportedPhase) -> Vec<Node> {
    let Summary { plan, done, .. } = summary;
    match phase {
        ReportedPhase::Checked => Vec::new(),
        ReportedPhase::Planned => vec![
            node(plan.create, "to create", "created"),
            node(plan.update, "to update", "updated"),
            node(plan.unchanged, "unchanged", "same"),
            node(plan.delete, "to delete", "deleted"),
        ],
        ReportedPhase::Sent => vec![
            node(done.created, "created", "created"),
            node(done.updated, "updated", "updated"),
            node(plan.unchanged, "unchanged", "same"),
            node(
                done.failed.saturating_sub(done.stale),
                "refused",
                "rejected",
            ),
            node(done.stale, "changed since", "rejected"),
            node(done.unknown, "no answer", "rejected"),
            node(done.not_attempted, "not sent", "same"),
            node(done.deleted, "deleted", "deleted"),
        ],
    }
}

impl Flow {
    fn of(summary: &Summary, phase: ReportedPhase) -> Self {
        let rows = &summary.rows;
        let is_undo = summary.mode == Mode::Undo.as_str();
        let mut flow = Self::default();
        let deletes = if is_undo { 0 } else { summary.plan.delete };
        let outcomes = outcomes(summary, phase);
        if is_undo {
            let all = outcomes.iter().map(|node| node.count).sum();
            flow.columns = vec![vec![node(all, "contacts", "contacts")]];
        } else {
            let middle = vec![
                node(rows.contacts, "contacts", "contacts"),
                node(rows.merged, "merged", "same"),
                node(rows.not_selected, "not selected", "same"),
                node(rows.blank, "blank", "same"),
                node(rows.rejected, "rejected", "rejected"),
            ];
            let middle: Vec<_> = filled(middle);
            let bands = (0..).zip(&middle).map(|(to, node)| Band {
                from: 0,
                to,
                count: node.count,
            });
            flow.bands.push(bands.collect());
            flow.columns = vec![vec![node(rows.read, "rows", "contacts")], middle];
        }
        if !outcomes.is_empty() {
            flow.add_outcomes(filled(outcomes), deletes);
        }
        flow
    }

    /// Adds the outcomes. Contacts to be deleted are not in the source, so they get a node of their own.
    fn add_outcomes(&mut self, outcomes: Vec<Node>, deletes: u64) {
        let Some(column) = self.columns.last_mut() else {
            return;
        };
        let contacts = column.iter().position(|node| node.class == "contacts");
        if deletes > 0 {
            column.push(node(deletes, "not in the file", "deleted"));
        }
        let missing = column.len() - 1;
        let mut left = deletes;
        let mut bands = Vec::new();
        // From the bottom: deletions first, then outcomes that don't reveal their operation.
        for (to, outcome) in outcomes.iter().enumerate().rev() {
            let takes_deletes =
                !["created", "updated"].contains(&outcome.class) && outcome.word != "unchanged";
            let taken = if takes_deletes {
                left.min(outcome.count)
            } else {
                0
            };
            left -= taken;
            bands.push(Band {
                from: missing,
                to,
                count: taken,
            });
            bands.push(Band {
                from: contacts.unwrap_or(missing),
                to,
                count: outcome.count - taken,
            });
        }
        bands.retain(|band| band.count > 0);
        bands.sort_by_key(|band| (band.from, band.to));
        self.bands.push(bands);
        self.columns.push(outcomes);
    }
}

fn filled(nodes: Vec<Node>) -> Vec<Node> {
    nodes.into_iter().filter(|node| node.count > 0).collect()
}

/// The chart as a section of the page; empty if there are no counts.
pub(super) fn flow(summary: &Summary, phase: ReportedPhase) -> Markup {
    let flow = Flow::of(summary, phase);
    if flow.columns.iter().flatten().all(|node| node.count == 0) {
        return html! {};
    }
    html! {
        section {
            h2 { "From rows to contacts" }
            (flow.picture(880.0, "wide"))
            (flow.picture(348.0, "narrow"))
        }
    }
}

/// The top and the height of each bar in a column.
fn bars(nodes: &[Node], scale: f64) -> Vec<(f64, f64)> {
    let mut top = 4.0;
    let mut bars = Vec::new();
    for node in nodes {
        let height = height(node.count, scale);
        bars.push((top, height));
        top += height.max(LABEL) + 8.0;
    }
    bars
}

/// The base line of a label: beside the middle of a tall bar, where the widest band is.
fn label(top: f64, height: f64) -> f64 {
    if height > 2.0 * LABEL {
        top + height / 2.0
    } else {
        top + 15.0
    }
}

fn height(count: u64, scale: f64) -> f64 {
    (float(count) * scale).max(BAR_MIN)
}

impl Flow {
    fn picture(&self, width: f64, class: &str) -> Markup {
        let total = |nodes: &Vec<Node>| nodes.iter().map(|node| node.count).sum::<u64>();
        let largest = self.columns.iter().map(total).max().unwrap_or(1).max(1);
        let scale = BARS / float(largest);
        let bars: Vec<_> = self
            .columns
            .iter()
            .map(|nodes| bars(nodes, scale))
            .collect();
        let bottom = bars.iter().filter_map(|column| column.last());
        let bottom = bottom
            .map(|(top, height)| top + height.max(LABEL))
            .fold(0.0, f64::max)
            + 4.0;
        // The labels of the last column also need space.
        let steps = self.columns.len().saturating_sub(1).max(1) as u64;
        let step = ((width - LABEL_WIDTH) / float(steps)).min(STEP_MAX);
        let left = |column: usize| float(column as u64) * step;
        html! {
            svg.flow.(class) viewBox=(format!("0 0 {width:.0} {bottom:.0}")) role="img" aria-label=(self.in_words()) {
                @for (column, bands) in self.bands.iter().enumerate() {
                    @for path in bands_between(bands, [&bars[column], &bars[column + 1]], [left(column), left(column + 1)], scale) {
                        path.band.(self.columns[column + 1][path.1].class) d=(path.0) {}
                    }
                }
                @for (column, nodes) in self.columns.iter().enumerate() {
                    @for (node, (top, height)) in nodes.iter().zip(&bars[column]) {
                        rect.bar.(node.class) x=(px(left(column))) y=(px(*top)) width=(px(BAR_WIDTH)) height=(px(*height)) rx="1.5" {}
                        text x=(px(left(column) + BAR_WIDTH + 7.0)) y=(px(label(*top, *height))) { (grouped(node.count)) }
                        text.word x=(px(left(column) + BAR_WIDTH + 7.0)) y=(px(label(*top, *height) + 16.0)) { (node.noun()) }
                    }
                }
            }
        }
    }

    /// A text version for screen readers.
    fn in_words(&self) -> String {
        let column = |nodes: &Vec<Node>| {
            let nodes = nodes
                .iter()
                .map(|node| format!("{} {}", grouped(node.count), node.noun()));
            nodes.collect::<Vec<_>>().join(", ")
        };
        self.columns
            .iter()
            .map(column)
            .collect::<Vec<_>>()
            .join("; of these: ")
    }
}

/// The outlines of the bands between two columns, each with its target.
fn bands_between(
    bands: &[Band],
    bars: [&[(f64, f64)]; 2],
    lefts: [f64; 2],
    scale: f64,
) -> Vec<(String, usize)> {
    // The used part of each bar.
    let mut used = [vec![0.0; bars[0].len()], vec![0.0; bars[1].len()]];
    let mut paths = Vec::new();
    for band in bands {
        let thickness = height(band.count, scale);
        let mut end = |side: usize, node: usize| {
            let (top, height) = bars[side][node];
            // A bar of minimum height is shared.
            let from = (top + used[side][node])
                .min(top + height - thickness)
                .max(top);
            used[side][node] += thickness;
            (from, (from + thickness).min(top + height))
        };
        let ((a, b), (c, d)) = (end(0, band.from), end(1, band.to));
        let (left, right) = (lefts[0] + BAR_WIDTH, lefts[1]);
        let middle = f64::midpoint(left, right);
        paths.push((
            format!(
                "M{left:.1} {a:.1}C{middle:.1} {a:.1} {middle:.1} {c:.1} {right:.1} {c:.1}L{right:.1} {d:.1}C{middle:.1} {d:.1} {middle:.1} {b:.1} {left:.1} {b:.1}Z"
            ),
            band.to,
        ));
    }
    paths
}

fn px(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Done, Planned, Rows};

    #[test]
    fn every_column_adds_up_to_the_one_before() {
        let summary = Summary {
            rows: Rows {
                read: 100,
                blank: 1,
                merged: 2,
                rejected: 3,
                not_selected: 4,
                contacts: 90,
            },
            plan: Planned {
                create: 40,
                update: 30,
                unchanged: 20,
                delete: 10,
            },
            done: Done {
                created: 35,
                updated: 25,
                deleted: 4,
                failed: 6,
                unknown: 3,
                not_attempted: 7,
                ..Done::default()
            },
            ..Summary::default()
        };
        for phase in [ReportedPhase::Planned, ReportedPhase::Sent] {
            let flow = Flow::of(&summary, phase);
            assert_eq!(flow.bands.len(), 2);
            for (bands, columns) in flow.bands.iter().zip(flow.columns.windows(2)) {
                for (to, target) in columns[1].iter().enumerate() {
                    let into = bands.iter().filter(|band| band.to == to);
                    let into: u64 = into.map(|band| band.count).sum();
                    // Contacts to be deleted come from the account.
                    if target.word != "not in the file" {
                        assert_eq!(into, target.count, "{target:?}");
                    }
                }
                for (from, source) in columns[0].iter().enumerate() {
                    let out: u64 = bands
                        .iter()
                        .filter(|band| band.from == from)
                        .map(|band| band.count)
                        .sum();
                    assert!(out == 0 || out == source.count, "{source:?}");
                }
            }
        }
    }

    #[test]
    fn an_undo_has_contacts_and_no_rows() {
        let summary = Summary {
            mode: "undo".to_owned(),
            plan: Planned {
                update: 3,
                delete: 10,
                ..Planned::default()
            },
            ..Summary::default()
        };
        let flow = Flow::of(&summary, ReportedPhase::Planned);
        assert_eq!(
            flow.in_words(),
            "13 contacts; of these: 3 to update, 10 to delete"
        );
    }
}
