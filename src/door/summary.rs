//! The closing lines of a run, for people.

use std::fmt::Write as _;

use drift2parquet::report::{Completeness, Outcome, Report, TableReport};

use super::figures::{aligned, count, size, took};

/// The report in a few lines.
pub fn text(report: &Report) -> String {
    let mut text = headline(report);
    text.push_str(&tables(report));
    if let Some(sum) = &report.completeness {
        let _ = writeln!(text, "{}", completeness(sum));
    }
    for (table, keys) in &report.pending {
        let named: Vec<_> = keys.iter().take(10).map(String::as_str).collect();
        let more = if keys.len() > named.len() { ", …" } else { "" };
        let _ = writeln!(text, "pending in {table}: {}{more}", named.join(", "));
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    text
}

fn headline(report: &Report) -> String {
    let traffic = &report.traffic;
    let (objects, bytes) = written(report);
    let mut text = format!(
        "{} in {}: {} requests ({} tried again, {} answered 429)",
        outcome(report.outcome),
        took(report.duration_ms),
        count(traffic.requests),
        count(traffic.retries),
        count(traffic.throttled),
    );
    let _ = match objects {
        0 => writeln!(text, ", no object changed"),
        1 => writeln!(text, ", 1 object written ({})", size(bytes)),
        _ => writeln!(text, ", {} objects written ({})", count(objects), size(bytes)),
    };
    text
}

fn written(report: &Report) -> (u64, u64) {
    let sum = |figure: fn(&TableReport) -> u64| report.tables.values().map(figure).sum();
    (sum(|table| table.objects_written), sum(|table| table.bytes_written))
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Running => "still running",
        Outcome::Done => "done",
        Outcome::Incomplete => "done, but incomplete,",
        Outcome::OutOfTime => "stopped at --max-time",
        Outcome::Interrupted => "stopped; what was fetched is committed;",
        Outcome::Failed => "failed",
    }
}

fn tables(report: &Report) -> String {
    if report.tables.is_empty() {
        return String::new();
    }
    let title = ["", "rows", "new", "changed", "deleted", "pending", "set aside", "misfits"];
    let mut rows = vec![title.map(str::to_owned).to_vec()];
    for (name, table) in &report.tables {
        let misfits = table.misfits.values().sum();
        let figures = [
            table.rows,
            table.inserted,
            table.updated,
            table.tombstoned,
            table.pending,
            table.set_aside,
            misfits,
        ];
        rows.push([name.clone()].into_iter().chain(figures.map(count)).collect());
    }
    aligned(&rows)
}

fn completeness(sum: &Completeness) -> String {
    let parts = format!(
        "{} listed = {} live + {} missing + {} pending + {} set aside + {} forgotten",
        count(sum.listed),
        count(sum.live),
        count(sum.missing),
        count(sum.pending),
        count(sum.set_aside),
        count(sum.forgotten)
    );
    let word = if sum.holds { "conversations add up" } else { "conversations DO NOT add up" };
    format!("{word}: {parts}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_happened() {
        let mut report = Report { outcome: Outcome::Incomplete, duration_ms: 12_300, ..Report::default() };
        report
            .tables
            .insert("users".into(), TableReport { rows: 1234, objects_written: 1, ..Default::default() });
        report.pending.insert("contacts".into(), vec!["7".into()]);
        report.warnings.push("Something was odd.".into());
        let text = text(&report);
        assert!(text.starts_with("done, but incomplete, in 12.3 s: 0 requests"), "{text}");
        assert!(text.contains("1,234") && text.contains("pending in contacts: 7"), "{text}");
        assert!(text.ends_with("warning: Something was odd.\n"), "{text}");
    }
}
