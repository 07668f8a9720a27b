//! Non-standard quoting of cells, and undoubled quotes.

use proptest::prelude::*;

use super::*;

#[test]
fn other_ways_to_quote_cells_are_read_as_csv() {
    let wanted = [["1", "Lee, \"Ann\"", "x"], ["2", "O'Brien", ""]];
    for (text, note) in [
        (
            "\"id\", \"name\", \"note\"\n\"1\", \"Lee, \"\"Ann\"\"\", \"x\"\n\"2\" , \"O'Brien\",  \"\"\n",
            "spaces before the quotes",
        ),
        (
            "'id','name','note'\n'1','Lee, \"Ann\"','x'\n'2', 'O''Brien' ,''\n",
            "single quotes",
        ),
        (
            "'id','name','note'\n1,'Lee, \"Ann\"','x'\n2,'O\\'Brien',''\n",
            "single quotes",
        ),
        (
            "'id','name','note'\n'1','Lee, \"Ann\"','x'\n'2','O'Brien',''\n",
            "single quotes",
        ),
        (
            "\"id,name,note\"\n\"1,\"\"Lee, \"\"\"\"Ann\"\"\"\"\"\",x\"\n\"2,O'Brien,\"\n",
            "whole lines",
        ),
        (
            "id,name,note\n\"1,\"\"Lee, \"\"\"\"Ann\"\"\"\"\"\",x\"\n\"2,O'Brien,\"\n",
            "whole lines",
        ),
    ] {
        for block_bytes in [1, 16, 1 << 20] {
            let read = read_with(text.as_bytes(), |options| {
                options.limits.block_bytes = block_bytes;
            });
            let read = read.unwrap();
            assert_eq!(read.columns, ["id", "name", "note"], "{text}");
            assert_eq!(cells(&read), wanted, "{text}");
            assert_eq!(numbers(&read), [2, 3], "{text}");
            assert!(
                read.notes.iter().any(|it| it.contains(note)),
                "{:?}",
                read.notes
            );
        }
    }
}

#[test]
fn line_breaks_in_cells_stay_in_their_cells_however_these_are_quoted() {
    for text in [
        "\"id\"; \"name\"\n\"1\"; \"Ann;\n; Lee\"\n\"2\"; \"Bob\"\n",
        "'id';'name'\n'1';'Ann;\n; Lee'\n'2';'Bob'\n",
    ] {
        let read = read(text.as_bytes());
        assert_eq!(cells(&read), [["1", "Ann;\n; Lee"], ["2", "Bob"]]);
        assert_eq!(numbers(&read), [2, 3]);
    }
}

#[test]
fn csv_is_not_taken_for_another_way_to_quote() {
    for text in [
        "id,name\n1,'Ann'\n2,Bob\n",
        "id,name\n\"1\",\"a, \"\"b\"\"\"\n\"2\",Bob\n",
        "name,note\n\"Lee, Ann\",x\n\"Lee, Bob\",y\n",
        "id,phone\n'1,'79990000001\n'2,'79990000002\n",
        "id\n\"a, b\"\n",
        "id,tags\n1,\"['vip', 'new', 'old', 'far', 'near']\"\n",
        "id\ttags\n1\tx,'a','b','c'\n2\tx,'a','b','c'\n",
        "id,name\n1,'Ann'\n2,'Bob'\n3,'Eve'\n",
        "id,note\n1,\"a\n, \"\"b\"\", \"\"c\"\", \"\"d\"\", x\"\n",
    ] {
        let notes = read(text.as_bytes()).notes;
        let is_about_quotes = |note: &String| note.contains("quotes");
        assert!(!notes.iter().any(is_about_quotes), "{text}: {notes:?}");
    }
}

#[test]
fn quotes_that_are_not_doubled_are_repaired_or_a_fault() {
    for (row, name) in [
        (r#"1,"Petrov \"Ace\" Ivan",x"#, Some("Petrov \"Ace\" Ivan")),
        (r#"1,"B, \"C\"",x"#, Some("B, \"C\"")),
        (r#"1,"Petrov "Ace" Ivan",x"#, Some("Petrov \"Ace\" Ivan")),
        (r#"1,"Ivan "Ace"",x"#, Some("Ivan \"Ace\"")),
        (r#"1,"say "a, b" to",x"#, Some("say \"a, b\" to")),
        (r#"1,"Ivan" ,x"#, Some("Ivan ")),
        (r#"1,"Ivan "Ace,x"#, None),
        (r#"1,"Ivan "Ace", Bob",x"#, None),
        (r#"1,"Ann" Lee,x"#, None),
    ] {
        let text = format!("id,name,note\n{row}\n\"2\",\"Bob\"\"s\",\"y\"\n");
        let read = read(text.as_bytes());
        match name {
            Some(name) => {
                assert_eq!(cells(&read)[0], ["1", name, "x"]);
                assert!(read.rows[0].2.is_empty());
            }
            None => assert_eq!(read.rows[0].2, [CellFaultKind::StrayQuote], "{row}"),
        }
        assert_eq!(cells(&read)[1], ["2", "Bob\"s", "y"]);
        assert!(read.rows[1].2.is_empty());
    }
}

/// Rows and faults, or the error.
fn outcome(text: &str, block_bytes: usize) -> Result<(Vec<Seen>, u32), String> {
    let read = read_with(text.as_bytes(), |options| {
        options.limits.block_bytes = block_bytes;
    });
    let read = read.map_err(|error| format!("{:?}: {}", error.row, error.kind))?;
    Ok((read.rows, read.blank))
}

fn quoted_text() -> impl Strategy<Value = String> {
    let token = proptest::sample::select(vec![
        "a", "b", ",", ", ", "\n", "\r\n", "\"", "\"", "'", "\\\"", "\"\"", " ", "\"x\"", "\", \"",
        "','", "'\n'",
    ]);
    let body = proptest::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat());
    let head = proptest::sample::select(vec![
        "id,name,note\n",
        "\"id\", \"name\", \"note\"\n\"1\", \"Ann\", \"x\"\n",
        "'id','name','note'\n'1','Ann','x'\n'2','Bob','y'\n",
        "\"id,name,note\"\n\"1,Ann,x\"\n\"2,Bob,y\"\n",
    ]);
    (head, body).prop_map(|(head, body)| format!("{head}{body}\n"))
}

/// Cells written with a quoting.
fn written(rows: &[Vec<String>], quoting: usize) -> String {
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| match quoting {
                0 | 1 => format!("\"{}\"", cell.replace('"', "\"\"")),
                _ => format!("'{}'", cell.replace('\'', "''")),
            })
            .collect();
        let line = cells.join(if quoting == 0 { ", " } else { "," });
        let line = match quoting {
            1 => format!("\"{}\"", line.replace('"', "\"\"")),
            _ => line,
        };
        text += &line;
        text += "\n";
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn the_size_of_blocks_changes_no_row_whatever_the_quotes(text in quoted_text(), size in 1_usize..50) {
        prop_assert_eq!(outcome(&text, size), outcome(&text, 1 << 20), "{}", text);
    }

    #[test]
    fn cells_survive_every_way_to_quote_them(
        rows in proptest::collection::vec(proptest::collection::vec("[ab,;\"x]{0,3}[ab',é]{0,2}[abé]", 3), 2..9),
        quoting in 0_usize..3,
    ) {
        let header = ["id", "name", "note"].map(str::to_owned).to_vec();
        let all = [vec![header], rows.clone()].concat();
        let read = read_with(written(&all, quoting).as_bytes(), |options| options.delimiter = Some(b','));
        let read = read.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(cells(&read), rows, "{}", written(&all, quoting));
    }
}
