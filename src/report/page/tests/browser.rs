//! Pages in headless Chromium. Skipped with a message on machines without it.
//!
//! Chromium starts once for each colour scheme: a page with a frame for each report and width collects what a script in the
//! report finds.

use std::{env, fmt::Write as _, fs, io::Write as _, path::PathBuf, process::Command};

use super::{HOSTILE, Sample};

const WIDTHS: [u32; 2] = [390, 1_280];
const NAMES: [&str; 3] = [
    "chromium-headless-shell",
    "chromium",
    "google-chrome-stable",
];

/// Records errors from the beginning.
const WATCH: &str = "window.faults = [];
addEventListener('error', event => faults.push(event.message || `${event.target.tagName} failed`), true);
addEventListener('securitypolicyviolation', event => faults.push(`policy: ${event.violatedDirective}`));";

/// Uses the page as a reader does, and reports to the frame's parent.
const USE: &str = "addEventListener('load', () => {
  const all = [...document.querySelectorAll('.list tbody tr')];
  const rows = () => [...document.querySelectorAll('.list tbody tr')].filter(row => row.getClientRects().length);
  const first = () => Number(rows()[0].cells[0].textContent.replaceAll(',', ''));
  const found = { all: all.length, shown: rows().length };
  for (const element of document.querySelectorAll('main *')) {
    const { right } = element.getBoundingClientRect();
    if (right > innerWidth + 1 && !element.closest('.scroll')) faults.push(`${element.tagName} is too wide: ${right}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`wide: ${document.documentElement.scrollWidth}`);
  if (found.all) {
    const search = document.querySelector('.search input');
    search.value = 'NUMBER7 wrong';
    search.dispatchEvent(new Event('input'));
    found.searched = `${rows().length} shown, ${document.querySelector('.search output').textContent}`;
    search.value = '';
    search.dispatchEvent(new Event('input'));
    const head = document.querySelector('.list th');
    head.click();
    const least = first();
    head.click();
    found.sorted = least < first() && head.getAttribute('aria-sort') === 'descending';
  }
  found.harmed = window.harmed || 0;
  found.back = getComputedStyle(document.body).backgroundColor;
  const picture = [...document.querySelectorAll('svg.flow')].filter(svg => getComputedStyle(svg).display !== 'none');
  found.pictures = picture.map(svg => svg.getAttribute('class').split(' ')[1]).join();
  found.faults = faults;
  parent.postMessage({ name: location.hash.slice(1), found }, '*');
});";

/// Collects the messages of the frames.
const COLLECT: &str = "addEventListener('message', event => {
  const line = document.createElement('p');
  line.textContent = `${event.data.name} ${JSON.stringify(event.data.found)}`;
  document.body.append(line);
});";

fn browser() -> Option<PathBuf> {
    let directories: Vec<_> = env::split_paths(&env::var_os("PATH")?).collect();
    let mut paths = NAMES.iter().flat_map(|name| {
        directories
            .iter()
            .map(move |directory| directory.join(name))
    });
    paths.find(|path| path.is_file())
}

/// The page with scripts that exercise it.
fn with_scripts(page: &str) -> String {
    let nonce = page.split("nonce=\"").nth(1).unwrap();
    let nonce = &nonce[..nonce.find('"').unwrap()];
    let script = |text: &str| format!("<script nonce=\"{nonce}\">{text}</script>");
    let page = page.replacen("<title>", &format!("{}<title>", script(WATCH)), 1);
    page.replacen("</body>", &format!("{}</body>", script(USE)), 1)
}

/// Opens a file and returns the document after its scripts have run.
fn opened(browser: &PathBuf, sample: &Sample, is_dark: bool) -> String {
    let scheme = i32::from(!is_dark);
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args(["--virtual-time-budget=60000", "--window-size=1400,900"])
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .arg(format!(
            "--user-data-dir={}",
            sample.path("browser").display()
        ))
        .arg(format!("file://{}", sample.path("frames.html").display()))
        .output()
        .expect("the browser starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn reports_of_any_size_work_in_a_browser() {
    let Some(browser) = browser() else {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no Chromium was found, looked for {NAMES:?}"
        );
        return;
    };
    let samples = [
        ("none", Sample::new(0, "name")),
        ("ten", Sample::new(10, HOSTILE)),
        (
            "many",
            Sample::new(100_000, "a-long-word-without-any-space"),
        ),
    ];
    let home = &samples[0].1;
    let mut frames = format!("<!DOCTYPE html><meta charset=utf-8><body><script>{COLLECT}</script>");
    for (name, sample) in &samples {
        let path = home.path(&format!("{name}.html"));
        fs::write(&path, with_scripts(&sample.page())).unwrap();
        for width in WIDTHS {
            let url = format!("file://{}#{name}-{width}", path.display());
            let _ = write!(
                frames,
                "<iframe width={width} height=600 style=border:0 src=\"{url}\"></iframe>"
            );
        }
    }
    fs::write(home.path("frames.html"), frames).unwrap();
    for (is_dark, back) in [(false, "rgb(255, 255, 255)"), (true, "rgb(20, 24, 28)")] {
        let document = opened(&browser, home, is_dark);
        for (name, all, searched) in [
            ("none", 0, ""),
            ("ten", 10, "1 shown, 1 of 10"),
            ("many", 10_000, "200 shown, 1,111 of 10,000"),
        ] {
            for width in WIDTHS {
                let found = found(&document, &format!("{name}-{width}"));
                let picture = if width == 390 { "narrow" } else { "wide" };
                assert_eq!(found["faults"], serde_json::json!([]), "{name}-{width}");
                assert_eq!(found["all"], all);
                assert_eq!(found["shown"], all.min(200));
                assert_eq!(found["harmed"], 0);
                assert_eq!(found["back"], back);
                assert_eq!(found["pictures"], picture);
                if all > 0 {
                    assert_eq!(found["searched"], searched);
                    assert_eq!(found["sorted"], true);
                }
            }
        }
    }
}

fn found(document: &str, name: &str) -> serde_json::Value {
    let line = document.split(&format!("<p>{name} ")).nth(1);
    let line = line.unwrap_or_else(|| panic!("{name} sent nothing:\n{document}"));
    serde_json::from_str(&line[..line.find("</p>").unwrap()]).unwrap()
}
