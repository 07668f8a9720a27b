//! Web pages.

use super::*;

#[test]
fn a_web_page_named_xls_is_a_table() {
    let page = "\u{FEFF}<meta http-equiv=\"Content-type\" content=\"text/html;charset=UTF-8\" />\n<style>td{x:<1}</style><TABLE border=\"1\"><thead><tr><th>ID</th><th>Имя</th><th>Телефон</th></tr></thead>\n<tbody><tr><td>1</td><td>Анна&nbsp;&amp;\n <b>К</b>°<br>два &lt;3</td><td>+7999</td></tr><tr><td></td></tr><tr><td>2<td colspan=2>Пётр</table><table><tr><td>other</td></tr></table>";
    let read = read(page.as_bytes());
    assert_eq!(read.kind, Kind::Html);
    assert_eq!(read.columns, ["ID", "Имя", "Телефон"]);
    assert_eq!(cells(&read)[0], ["1", "Анна\u{A0}& К°\nдва <3", "+7999"]);
    assert_eq!(cells(&read)[1], ["2", "Пётр"]);
    assert_eq!(numbers(&read), [2, 4]);
}

#[test]
fn cells_of_several_rows_and_columns_keep_their_place() {
    let page = "<table><tr><th rowspan=2>id<th rowspan=2>Имя<th colspan=2>Телефон<th rowspan=2>x</tr>\
                <tr><th>phone<th>whatsapp</tr><tr><td>1<td rowspan=2>Анна<td>7<td>8<td>9</tr>\
                <tr><td>2<td>5<td rowspan=4000000000>6</tr><tr><td>3<td>Боб<td>4<td>4</table>";
    let read = read(page.as_bytes());
    assert_eq!(read.columns, ["id", "Имя", "phone", "whatsapp", "x"]);
    assert_eq!(cells(&read)[0], ["1", "Анна", "7", "8", "9"]);
    assert_eq!(cells(&read)[1], ["2", "Анна", "5", "6"]);
    assert_eq!(cells(&read)[2], ["3", "Боб", "4", "6", "4"]);
}

#[test]
fn scripts_and_styles_are_not_part_of_a_page() {
    let page = "<table><tr><td>id<td>name</tr><tr><td>1<script>'<td>x'</script><td>A<STYLE>td{}</STYLE>n</tr>\
                <SCRIPT>row('<tr><td>no<td>no</tr>')</SCRIPT><tr><td>2<td>B</tr></table>";
    assert_eq!(cells(&read(page.as_bytes())), [["1", "An"], ["2", "B"]]);
    for tag in ["script", "style"] {
        let endless = format!("<table><tr><td>id<td>name</tr><{tag}><tr><td>1<td>Ann</tr></table>");
        let error = fails(endless.as_bytes()).to_string();
        assert!(
            error.ends_with("a script or a style is never closed"),
            "{error}"
        );
    }
}

#[test]
fn all_entities_of_html_are_resolved() {
    let page = "<table><tr><td>id<td>name<tr><td>1<td>Jos&eacute; &#1055;&euml;&#x442;&#8217;r &unknown; A&ampB</table>";
    let read = read(page.as_bytes());
    assert_eq!(cells(&read), [["1", "José Пëт’r &unknown; A&B"]]);
}

#[test]
fn a_web_page_is_read_in_the_encoding_that_it_names() {
    let page = "<html><meta charset=windows-1251><table><tr><td>ID<td>Имя<tr><td>1<td>Я</table>";
    let (bytes, ..) = encoding_rs::WINDOWS_1251.encode(page);
    assert_eq!(cells(&read(&bytes)), [["1", "Я"]]);
}

#[test]
fn a_page_without_its_end_is_refused_unless_only_the_table_lacks_its_end_tag() {
    let row = |id: u32| format!("<tr><td>{id}</td><td>Ann</td><td>79990000{id:03}</td></tr>");
    let rows: String = (1..=20).map(row).collect();
    let page = format!("<html><body>{HEAD}{rows}");
    for at in [page.len(), page.len() - 12, page.len() - 3, page.len() - 60] {
        for cut in [&page[..at], &format!("{}<!-- </table>", &page[..at])] {
            let error = read_with(cut.as_bytes(), |_| {}).err().unwrap();
            assert!(error.is_incomplete(), "{error}");
        }
    }
    for end in ["</table>", "</body>", "</HTML>\n"] {
        assert_eq!(
            read(format!("{page}{end}").as_bytes()).rows.len(),
            20,
            "{end}"
        );
    }
}

const HEAD: &str = "<table><tr><th>id<th>name<th>phone</tr>";

/// The cells below a header of id, name and phone.
fn below_head(rows: &str) -> Vec<Vec<String>> {
    let read = read(format!("{HEAD}{rows}</table>").as_bytes());
    let owned = |cells: Vec<&str>| cells.into_iter().map(str::to_owned).collect();
    cells(&read).into_iter().map(owned).collect()
}

#[test]
fn a_table_in_a_cell_belongs_to_the_cell() {
    let all = [["1", "Ann", "7"], ["2", "Bob", "8"]];
    for rows in [
        "<tr><td>1<td><table><tr><td>Ann</tr></table><td>7</tr><tr><td>2<td>Bob<td>8</tr>",
        "<tr><td>1<td><table><td><table><td>Ann</table></table></td><td>7<tr><td>2<td>Bob<td>8",
        "<tr><td>1<td><table><caption><table><td>Ann</table></table><td>7<tr><td>2<td>Bob<td>8",
        "<tr><td>1<td>Ann<td><table></table>7</td></tr></tr></td><tr><td>2<td>Bob<td>8</tr>",
    ] {
        assert_eq!(below_head(rows), all, "{rows}");
    }
    let inner = "<tr><td>1<td>Ann <table><tr><td>call<td>back</tr><tr><td>Monday</table><td>7";
    assert_eq!(below_head(inner), [["1", "Ann\ncall back\nMonday", "7"]]);
    // Outside a cell, a table ends the previous one.
    assert_eq!(
        below_head("<tr><td>1<td>Ann<td>7</tr><table><tr><td>2<td>Bob<td>8"),
        [["1", "Ann", "7"]]
    );
}

#[test]
fn the_table_with_known_names_is_read_even_inside_the_layout() {
    let rows = "<tr><td>1<td>Ann<td>7<tr><td>2<td>Bob<td>8";
    let page =
        format!("<table><td>Menu<td>{HEAD}{rows}</table><td>Right<tr><td>Footer<td>x</table>");
    assert_eq!(
        cells(&read(page.as_bytes())),
        [["1", "Ann", "7"], ["2", "Bob", "8"]]
    );
    // Many small tables don't crowd out the large one, and its text does not make the layout's row too long.
    let many = "<tr><td>1<td>Ann<td>12345".repeat(10_000);
    let small = "<table><td>x</table>".repeat(50);
    let page = format!("{small}<table><td>Menu<td>{HEAD}{many}</table></table>{small}");
    let read = read_with(page.as_bytes(), |options| {
        options.limits.record_bytes = 1 << 16;
    })
    .unwrap();
    assert_eq!(read.table.split("sheet ").last(), Some("`table 52`"));
    assert_eq!(read.rows.len(), 10_000);
}

#[test]
fn rows_may_lack_their_tags() {
    let rows = "<td>1<td>Ann<td>7</tr><td>2<td>Bob<td>8</tr><tbody><td>3<td>Cid<td>9";
    assert_eq!(
        below_head(rows),
        [["1", "Ann", "7"], ["2", "Bob", "8"], ["3", "Cid", "9"]]
    );
}

#[test]
fn the_value_of_a_cell_that_spans_rows_is_in_each_of_them() {
    let rows = "<tr><td>1<td rowspan=2>Ann<td>7<tr><td>2<td>8<tr><td>3<td>Bob<td>9";
    let wanted = [["1", "Ann", "7"], ["2", "Ann", "8"], ["3", "Bob", "9"]];
    assert_eq!(below_head(rows), wanted);
    // A group of rows ends it, and it has no rows itself.
    for count in ["0", "99999999", "99999999999999999999999"] {
        let rows = format!(
            "<tbody><tr><td>1<td rowspan={count}>Ann<td>7<tr><td>2<td>8<tr><tr></tr></tbody><tr><td>3<td>Bob<td>9"
        );
        assert_eq!(below_head(&rows), wanted);
    }
}

#[test]
fn the_text_of_merged_cells_is_limited() {
    let long = "x".repeat(2000);
    let rows = format!(
        "<tr><td rowspan=9999>{long}<td>2{}",
        "<tr><td>3".repeat(2000)
    );
    let page = format!("{HEAD}{rows}</table>");
    let error = read_with(page.as_bytes(), |options| {
        options.limits.held_bytes = 1 << 20;
    })
    .err()
    .unwrap();
    assert!(
        matches!(error.kind, SourceErrorKind::TooLarge { .. }),
        "{error}"
    );
}

#[test]
fn hidden_text_is_left_out_and_counted() {
    for hidden in [
        "<span style='color:red;DISPLAY : none !important'><b>9</b><span>9</span></span>Ann",
        "<p hidden>9<p>Ann",
        "<div style=visibility:hidden>9<div>9</div></div>Ann",
        "<table style=display:none><tr><td>9</table>Ann",
        "<table><tr hidden><td>9<tr><td>Ann</table>",
        "<table><td hidden>9<td>Ann</table>",
        "Ann<span style=display:none>9",
        "Ann<td hidden>9",
        "Ann<input style=display:none>",
        "<b style=display:block>Ann</b>",
    ] {
        let read = read(format!("{HEAD}<tr><td>1<td>{hidden}<td>7</table>").as_bytes());
        assert_eq!(cells(&read), [["1", "Ann", "7"]], "{hidden}");
        let counted = read
            .summary
            .notes
            .contains(&"cells with hidden text, which was left out: 1".to_owned());
        assert_eq!(counted, hidden.contains('9'), "{hidden}");
    }
}

#[test]
fn hidden_rows_are_read_and_counted() {
    for (rows, count) in [
        (
            "<tr style='display:none'><td>1<td>Ann<td>7<tr><td>2<td>Bob<td>8<tr hidden><td></tr>",
            1,
        ),
        (
            "<tbody hidden><tr><td>1<td>Ann<td>7<tr><td>2<td>Bob<td>8</tbody>",
            2,
        ),
    ] {
        let read = read(format!("{HEAD}{rows}</table>").as_bytes());
        assert_eq!(cells(&read), [["1", "Ann", "7"], ["2", "Bob", "8"]]);
        assert_eq!(
            read.summary.notes,
            [format!("hidden rows, also read: {count}")]
        );
    }
}

#[test]
fn a_hidden_table_is_not_chosen() {
    let shown = "<tr><td>1<td>Ann<td>7</table>";
    let page = format!("<div hidden>{HEAD}<tr><td>x<td>x<td>x</table></div>{HEAD}{shown}");
    assert_eq!(cells(&read(page.as_bytes())), [["1", "Ann", "7"]]);
    let page = format!("<div hidden>{HEAD}{shown}");
    assert_eq!(cells(&read(page.as_bytes())), [["1", "Ann", "7"]]);
}

#[test]
fn a_link_is_the_value_of_the_columns_that_want_it() {
    let page = format!(
        "{HEAD}<tr><td>1<td><a href='https://a.example/1?a=1&amp;b=2'>Open</a><td><a href=https://a.example>7</a>\
         <tr><td>2<td><a href='javascript:go()'>Open</a><td>8</table>"
    );
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(page.as_bytes()).unwrap();
    let mut tables = open(file.path(), &ReadOptions::new(&silent(), &known)).unwrap();
    tables[0].take_values(vec![CellValue::Code, CellValue::Link]);
    let read = read_table(tables.remove(0)).unwrap();
    assert_eq!(
        cells(&read),
        [
            ["1", "https://a.example/1?a=1&b=2", "7"],
            ["2", "Open", "8"]
        ]
    );
}

#[test]
fn text_before_a_page_does_not_hide_it() {
    let page = format!("{HEAD}<tr><td>1<td>Ann<td>7</table>");
    for before in [
        "Contacts",
        "Warning: x, y; \"z\" in a.php\n",
        "\u{feff}a\tb\r\n <html>",
    ] {
        let read = read(format!("{before}{page}").as_bytes());
        assert_eq!((read.kind, read.rows.len()), (Kind::Html, 1), "{before}");
    }
    for text in [
        "id,name\n1,<table><tr><td>x\n",
        "id,\"name\n<table><tr>\"\n1,Ann\n",
        "id;name<table><tr>\n1;Ann\n",
    ] {
        assert_eq!(read(text.as_bytes()).kind, Kind::Text, "{text}");
    }
}

#[test]
fn hostile_pages_cost_no_more_than_their_size() {
    let many = |text: &str| text.repeat(1 << 14);
    for rows in [
        many("<tr><td><table>"),
        many("<table>"),
        many("<td rowspan=99999999 colspan=1000>"),
        many("<tr><td rowspan=99999999 colspan=1000>x</tr>"),
        many("<span hidden>"),
        many("</table>"),
        many("<tr><td><table><caption>x</table>"),
    ] {
        let page = format!("{HEAD}<tr><td>1<td>Ann<td>7</tr>{rows}");
        let _ = read_with(page.as_bytes(), |_| ());
    }
}
