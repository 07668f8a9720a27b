//! The reports of commands that failed, were declined or had nothing to do, and of undone runs.

use std::fs;

use crate::{
    harness::{World, faults},
    report::{holds, rows, text},
};

fn world() -> World {
    let world = World::new();
    world.write("a.csv", rows(&[("1", "Anna"), ("2", "Boris")]));
    world
}

#[test]
fn a_run_whose_report_can_not_be_written_has_failed() {
    let world = world();
    let path = world.path("x.html");
    world
        .sandbox
        .after_request(1, move |_| fs::write(&path, "not ours").unwrap());
    let ran = world.run(["import", "a.csv", "--report", "x.html", "--json"]);
    let ran = ran
        .ends_with(1)
        .tells("does not hold a report of this tool");
    assert_eq!(ran.json()["done"]["created"], 2);
    assert_eq!(world.read("x.html"), "not ours");
}

#[test]
fn a_run_that_was_undone_says_so_and_offers_no_undo() {
    let world = world();
    let import = ["import", "a.csv", "--run", "a.run", "-q"];
    world.run(import).ends_with(0);
    let preview = ["undo", "a.run", "--dry-run", "--report", "preview.html"];
    world.run(preview).ends_with(0);
    let page = text(&world, "preview.html");
    holds(&page, "2 contacts to delete Preview: nothing was sent");
    assert_eq!(world.sandbox.contact_count(), 2);
    let report = ["report", "a.run", "-o", "a.html"];
    world.run(report).ends_with(0);
    let offer = "To revert the changes of this run";
    holds(&text(&world, "a.html"), offer);

    let undone = world.run(["undo", "a.run", "--yes", "--json"]);
    let undo = undone.ends_with(0).json()["run"]
        .as_str()
        .unwrap()
        .to_owned();
    world.run(report).ends_with(0);
    let page = text(&world, "a.html");
    holds(&page, "2 rows: 2 contacts created Undone since");
    holds(&page, &format!("the run was undone by {undo} on 20"));
    assert!(!page.contains(offer), "{page}");
    world
        .run(["apply", "a.run", "--report", "b.html"])
        .ends_with(0);
    holds(
        &text(&world, "b.html"),
        &format!("the run was undone by {undo} on 20"),
    );

    world.run(["report", &undo, "-o", "undo.html"]).ends_with(0);
    let page = text(&world, "undo.html");
    holds(&page, "Undo of a.run");
    holds(&page, "2 contacts deleted Done");
    holds(&page, offer);
}

#[test]
fn the_report_of_an_undo_says_how_to_revert_what_it_left_alone() {
    let world = world();
    let import = ["import", "a.csv", "--run", "a.run", "-q"];
    world.run(import).ends_with(0);
    world.write("later.csv", world.read("a.csv").replace("Anna", "Hanna"));
    world.run(["import", "later.csv", "-q"]).ends_with(0);
    let undo = ["undo", "a.run", "--yes", "--report", "undo.html"];
    world.run(undo).ends_with(3);
    let page = text(&world, "undo.html");
    holds(&page, "1 contact deleted");
    let url = world.sandbox.base_url();
    let force =
        format!("lose their later changes: wazzup-contacts undo a.run --base-url {url} --force");
    holds(&page, &force);
    holds(&page, "From rows to contacts 1 contact 1 deleted");
    world.run([&undo[..], &["--force"]].concat()).ends_with(0);
    let page = text(&world, "undo.html");
    holds(&page, "1 contact deleted Done");
    assert_eq!(world.sandbox.contact_count(), 0);
}

#[test]
fn a_command_that_had_nothing_to_do_writes_its_report() {
    let world = world();
    world
        .run(["import", "a.csv", "--run", "a.run", "-q"])
        .ends_with(0);
    world.run(["undo", "a.run", "--yes", "-q"]).ends_with(0);
    let again = ["undo", "a.run", "--report", "undo.html"];
    world
        .run(again)
        .ends_with(0)
        .tells("nothing is left to undo");
    holds(&text(&world, "undo.html"), "nothing to undo Done");
    let none = world.run(["apply", "--report", "none.html"]).ends_with(0);
    none.tells("no report was written, because no run was found");
    assert!(!world.path("none.html").exists());
}

#[test]
fn a_command_that_failed_replaces_the_report_of_an_earlier_one() {
    let world = world();
    let import = ["import", "a.csv", "--report", "a.html"];
    world.run(import).ends_with(0);
    world.sandbox.set_faults(faults(["GET:404"]));
    world
        .run(import)
        .ends_with(1)
        .tells("report written to a.html");
    let page = text(&world, "a.html");
    holds(
        &page,
        "The command failed before it had a run to report Failed Why it stopped",
    );
    holds(
        &page,
        "Command wazzup-contacts import a.csv --report a.html",
    );
    assert!(!page.contains("Done"), "{page}");
    world.write("a.csv", "");
    world
        .run(["check", "a.csv", "--report", "a.html"])
        .ends_with(1);
    holds(&text(&world, "a.html"), "is empty");
    let ran = world.run(import.iter().chain(&["--json"])).ends_with(1);
    assert_eq!(ran.json()["files"]["report"], "a.html");
}

#[test]
fn a_plan_that_was_not_confirmed_has_a_report() {
    let world = world();
    world
        .run(["import", "a.csv", "--run", "a.run", "-q"])
        .ends_with(0);
    world.write("b.csv", rows(&[("1", "Anna")]));
    let mirror = "import b.csv --mode mirror --max-delete 1 --report b.html";
    world.run(mirror.split(' ')).ends_with(2);
    let undo = "undo a.run --report undo.html";
    world.run(undo.split(' ')).ends_with(2);
    for (name, headline) in [
        ("b.html", "1 row: 1 contact to delete, 1 unchanged"),
        ("undo.html", "2 contacts to delete"),
    ] {
        let page = text(&world, name);
        holds(
            &page,
            &format!("{headline} Preview: nothing was sent Why it stopped"),
        );
        holds(&page, "Not confirmed: nothing was sent");
    }
}

#[test]
fn a_report_that_can_not_be_written_after_sending_is_in_the_exit_code() {
    let world = world();
    let folder = world.path("out");
    fs::create_dir(&folder).unwrap();
    world
        .sandbox
        .after_request(1, move |_| fs::remove_dir_all(&folder).unwrap());
    let ran = world.run(["import", "a.csv", "--report", "out/a.html", "--json"]);
    let object = ran.ends_with(1).json();
    assert_eq!(
        (&object["exit_code"], &object["done"]["created"]),
        (&1.into(), &2.into())
    );
    assert!(object["files"]["report"].is_null(), "{object}");
    assert!(
        object["error"]["message"].as_str().unwrap().contains("out"),
        "{object}"
    );
}

#[test]
fn a_report_that_lacks_something_does_not_ask_for_another_import() {
    let world = world();
    world
        .run(["import", "a.csv", "--run", "a.run", "-q"])
        .ends_with(0);
    let run = rusqlite::Connection::open(world.path("a.run")).unwrap();
    run.execute("UPDATE source SET mapping = '{'", []).unwrap();
    drop(run);
    let ran = world.run(["report", "a.run", "-o", "a.html"]).ends_with(1);
    assert!(
        !ran.stderr.contains("import the source again"),
        "{}",
        ran.shown()
    );
    ran.tells("can't create the report")
        .tells("only the report is missing");
}

#[cfg(unix)]
#[test]
fn a_report_on_standard_output_is_not_mixed_with_the_result() {
    let world = world();
    for args in [
        "import a.csv --json",
        "check a.csv",
        "import a.csv --dry-run",
    ] {
        let args = args.split(' ').chain(["--report", "/dev/stdout"]);
        let ran = world.run(args).ends_with(2);
        ran.tells("would be mixed on standard output");
    }
    let ran = world
        .run(["import", "a.csv", "--report", "/dev/stdout"])
        .ends_with(0);
    assert!(ran.stdout.starts_with("<!DOCTYPE html>"), "{}", ran.shown());
    assert!(ran.stdout.ends_with("</html>\n"), "{}", ran.shown());
}

#[cfg(unix)]
#[test]
fn ids_that_are_typed_are_asked_for() {
    let world = world();
    let call = world.call(["plan", "a.csv", "--ids", "-", "-o", "a.run"]);
    // Ctrl-D ends the input.
    let (code, said) = call.on_terminal(100, "1\n\u{4}");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("reading the ids from standard input"),
        "{said}"
    );
    assert!(said.contains("1 to create"), "{said}");
}

#[test]
fn passwords_and_keys_in_links_are_not_shown() {
    let world = World::new();
    let source = "id,responsible_user_id,name,whatsapp,Comment\n1,u,Ann,79990000001,x\n";
    world.write("a.csv", source);
    let link = "uri=https://user:s3cret@crm.example.com/{id}?api_key=s3cret";
    let import = ["import", "a.csv", "--set", link, "--report", "a.html"];
    world.run(import).ends_with(0);
    world.write("a.csv", source.replace("Ann", "Anna"));
    let import = ["import", "a.csv", "--set", link, "--report", "b.html"];
    world.run(import).ends_with(0);
    for name in ["a.html", "b.html"] {
        assert!(
            !world.read(name).contains("s3cret"),
            "{}",
            text(&world, name)
        );
        holds(
            &text(&world, name),
            "https://(hidden)@crm.example.com/{id}?api_key=(hidden)",
        );
        holds(&text(&world, name), "1 column not used");
    }
}

#[test]
fn the_report_of_a_rehearsal_offers_nothing_that_its_sandbox_would_have_to_answer() {
    let world = world();
    let import = "import a.csv --sandbox --run a.run -q";
    world.run(import.split(' ')).ends_with(0);
    world.run(["report", "a.run", "-o", "a.html"]).ends_with(0);
    let page = text(&world, "a.html");
    holds(
        &page,
        "2 rows: 2 contacts created Done From rows to contacts",
    );
    assert!(!page.contains("wazzup-contacts undo"), "{page}");
}
