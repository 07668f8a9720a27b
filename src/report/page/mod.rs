//! The report: one HTML file that shows a run to others.
//!
//! The counts come from the [`Summary`](crate::report::summary::Summary), and everything else from the run file. The
//! page is written in pieces, so memory use is bounded. Lists are limited to a length that browsers can show; the page
//! states how many entries are left out.
//!
//! All texts come from sources, accounts and servers that others control. `maud` escapes them,
//! [`visible`](crate::characters::visible) shows characters that would change the writing direction, and the page's
//! content security policy only permits its own script, which is marked with a random nonce. The page loads nothing, so
//! it works offline.

mod changed;
mod charts;
mod content;
mod credentials;
mod facts;
mod flow;
mod owners;
mod rejected;
mod requests;
mod sources;
mod words;

use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(crate) use self::content::{NextStep, ReportPage, ReportedFailure, ReportedPhase};
use self::{content::PageWriter, facts::facts, flow::flow, sources::Sources};
use crate::{
    output::{IoError, OutputFile, Symlinks},
    report::{ReportError, notes::Invocation, overwritten},
    requested::{GENERATOR, RequestedFile},
    run::{journal, sent},
};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Checks that the report can be written to this path without replacing input or output of the run. Returns the
/// absolute path. Must be called before the token is requested, which may use up a refresh token.
pub(crate) fn check_page(
    path: &Path,
    sources: &[PathBuf],
    run: Option<&Path>,
) -> Result<PathBuf, ReportError> {
    let report = RequestedFile::Report;
    if let Some(what) = overwritten(path, sources, run.as_slice()) {
        let path = std::path::absolute(path).map_err(IoError::at(path))?;
        let reason = format!("the report would overwrite the {what} {}", path.display());
        return Err(report.misplaced(reason).into());
    }
    Ok(report.check(path)?)
}

/// Writes the page, readable only by its owner. The file is complete before it gets its name.
pub(crate) fn save(page: &ReportPage<'_>, path: &Path) -> Result<(), ReportError> {
    // The command or another program may have created the file since the path was checked.
    let report = RequestedFile::Report;
    let checked = report.check_replaceable(path).map_err(io::Error::other);
    checked.map_err(report.unwritable(path))?;
    save_file(path, |out| write(page, out, path))
}

fn save_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let mut out =
        BufWriter::new(OutputFile::open(path, Symlinks::Follow).map_err(IoError::at(path))?);
    write(&mut out)?;
    Ok(OutputFile::finish_buffer(out).map_err(IoError::at(path))?)
}

/// Writes the page to `out`. Errors refer to it as `name`.
pub(crate) fn write(
    page: &ReportPage<'_>,
    out: &mut dyn Write,
    name: &Path,
) -> Result<(), ReportError> {
    write_parts(page, out, name).map_err(|error| match error {
        ReportError::Run(error) => ReportError::Incomplete(error),
        error => error,
    })
}

fn write_parts(page: &ReportPage<'_>, out: &mut dyn Write, name: &Path) -> Result<(), ReportError> {
    let nonce = nonce();
    let mut out = PageWriter { out, name };
    let sources = Sources::of(page.run, &page.notes)?;
    out.put(&html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\">"))
        (head(&words::title(page.summary), &nonce))
        (PreEscaped("<body><main>"))
        (top(page))
        (flow(page.summary, page.phase))
        (facts(page, &sources))
        (sources.mapping()?)
        (sources.cell_changes())
    })?;
    let not_deleted = sent::failed_deletions(page.run)?;
    rejected::write(page, &sources, not_deleted.len() as u64, &mut out)?;
    rejected::write_not_deleted(&not_deleted, &mut out)?;
    let timelines = journal::traffic(page.run)?;
    out.put(&html! {
        (changed::updates(page)?)
        (changed::deletions(page)?)
        (owners::owners(page)?)
        (requests::requests(&timelines))
        (sources.shared())
        (footer())
        (PreEscaped("</main>"))
        (PreEscaped("</body></html>\n"))
    })?;
    Ok(out.out.flush().map_err(IoError::at(name))?)
}

/// Writes a page about a command that failed before it had a run. It replaces the report of an earlier run, which
/// would otherwise be mistaken for this one's.
pub(crate) fn save_failure(
    invocation: &Invocation,
    started_at: &str,
    failure: &ReportedFailure,
    path: &Path,
) -> Result<(), ReportError> {
    let nonce = nonce();
    let page = html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\">"))
        (head("A command that failed", &nonce))
        body { main {
            header {
                p.kicker { (words::moment(started_at)) }
                h1 { "The command failed before it had a run to report" }
                p { span.status.bad { "Failed" } }
            }
            (stopped(failure))
            (facts::failed(invocation, started_at))
            (footer())
        } }
        (PreEscaped("</html>\n"))
    };
    RequestedFile::Report.check_replaceable(path)?;
    save_file(path, |out| PageWriter { out, name: path }.put(&page))
}

/// A random number for each page, required to run its scripts and styles.
fn nonce() -> String {
    format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

fn footer() -> Markup {
    html! {
        footer {
            "Written by wazzup-contacts " (env!("CARGO_PKG_VERSION")) ". This report contains personal data."
        }
    }
}

fn head(title: &str, nonce: &str) -> Markup {
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'"
    );
    html! {
        head {
            meta charset="utf-8";
            meta name="generator" content=(GENERATOR);
            meta http-equiv="Content-Security-Policy" content=(policy);
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="referrer" content="no-referrer";
            meta name="robots" content="noindex";
            title { (title) }
            style nonce=(nonce) { (PreEscaped(STYLE)) }
            script nonce=(nonce) { (PreEscaped(SCRIPT)) }
        }
    }
}

/// The result in a sentence, warnings, and next steps.
fn top(page: &ReportPage<'_>) -> Markup {
    let (tone, status) = words::status(page);
    html! {
        header {
            p.kicker { (words::title(page.summary)) " · " (words::moment(&page.summary.started_at)) }
            h1 { (words::unbroken(&words::headline(page.summary, page.phase))) }
            p { span.status.(tone) { (status) } }
        }
        @if let Some(verdict) = &page.summary.gate {
            section.box.bad {
                h2 { "Why nothing was sent" }
                p { (words::message(&verdict.to_string())) }
                p { (words::message(&verdict.hint())) }
            }
        }
        @if let Some(undone) = &page.undone {
            section.box { p { (words::message(undone)) "." } }
        }
        @if let Some(failure) = &page.failure { (stopped(failure)) }
        @if !page.summary.warnings.is_empty() {
            section.box.warn {
                h2 { "Warnings" }
                ul { @for warning in &page.summary.warnings { li { (words::message(warning)) } } }
            }
        }
        @if !page.next.is_empty() {
            section.box {
                h2 { "Next steps" }
                dl.steps {
                    @for NextStep { words, command } in &page.next {
                        dt { (words::message(words)) }
                        @if let Some(command) = command { dd { (words::command(command)) } }
                    }
                }
            }
        }
    }
}

fn stopped(ReportedFailure { message, hint }: &ReportedFailure) -> Markup {
    html! {
        section.box.bad {
            h2 { "Why it stopped" }
            p { (words::message(message)) }
            @if let Some(hint) = hint { p { (words::message(hint)) } }
        }
    }
}

#[cfg(test)]
mod tests;
