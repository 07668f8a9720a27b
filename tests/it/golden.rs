//! Realistic files in every dialect, each with a snapshot of the result.
//!
//! The folder beside this file has them as readable UTF-8 text; code pages, line ends and packing are applied
//! here, and workbooks are generated here. All people in them are invented. A snapshot has the output of `check`
//! (the columns, the changes, the rejects with their reasons, the hints), the account after `import`, and the
//! rejects file.

pub(crate) mod books;
mod dialects;
mod exporters;
mod xlsb;

use std::{fmt::Write as _, fs, path::Path};

use encoding_rs::Encoding;

use crate::harness::World;

/// A file of the folder.
fn text(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// As written by a program on Windows with this code page.
pub(crate) fn encoded(text: &str, code_page: &str) -> Vec<u8> {
    let (bytes, _, lossy) = Encoding::for_label(code_page.as_bytes())
        .unwrap()
        .encode(text);
    assert!(!lossy, "{code_page} has not all of it");
    bytes.into_owned()
}

pub(crate) fn utf_16le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The result for a file.
fn golden(name: &str, bytes: impl AsRef<[u8]>, flags: &[&str]) -> String {
    let world = World::new();
    world.write(name, bytes);
    world.write("bitrix24.toml", text("bitrix24.toml"));
    let call = |command| world.run([command, name].iter().chain(flags));
    let checked = call("check");
    let mut shown = format!("check {name} {}\n{}", flags.join(" "), checked.shown());
    if matches!(checked.code, Some(1 | 2)) {
        return shown;
    }
    // A few bad rows among a few are many.
    let as_written = ["--owners", "as-written"];
    let import = ["import", name, "--max-rejects", "100%"];
    let imported = world.run(import.iter().chain(&as_written).chain(flags));
    let _ = writeln!(shown, "--- import ends with {:?}", imported.code.unwrap());
    for contact in world.sandbox.contacts() {
        let _ = writeln!(shown, "{}", serde_json::to_string(&contact).unwrap());
    }
    let rejects = fs::read_dir(world.dir()).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        let is_rejects = path.to_string_lossy().ends_with(".rejected.csv");
        is_rejects.then_some(path)
    });
    if let Some(path) = rejects {
        let bytes = fs::read(&path).unwrap();
        let _ = writeln!(shown, "--- {}", path.file_name().unwrap().to_string_lossy());
        let (encoding, text) = decoded(&bytes, &checked.said());
        let text = text.replace('\u{feff}', "[BOM]").replace('\r', "[CR]");
        let _ = writeln!(shown, "({encoding})\n{text}");
    }
    shown
}

/// The bytes as text in the encoding that `check` has reported.
fn decoded(bytes: &[u8], checked: &str) -> (&'static str, String) {
    let named = [
        "windows-1251",
        "windows-1252",
        "macintosh",
        "UTF-16LE",
        "UTF-16BE",
    ];
    let headline = checked.lines().next().unwrap();
    let name = named.into_iter().find(|name| headline.contains(name));
    let encoding = Encoding::for_label(name.unwrap_or("utf-8").as_bytes()).unwrap();
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    (encoding.name(), text.into_owned())
}
