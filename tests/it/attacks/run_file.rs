//! Run files that were made to do harm to the person who opens them.

use crate::harness::World;

/// Every command that opens a run file by its name.
const OPENERS: [[&str; 3]; 4] = [
    ["runs", "show", "x.run"],
    ["verify", "x.run", "--quiet"],
    ["undo", "x.run", "--yes"],
    ["apply", "x.run", "--yes"],
];

#[test]
fn a_directory_is_not_opened_as_a_run_file() {
    let world = World::new();
    std::fs::create_dir(world.path("x.run")).unwrap();
    for command in OPENERS {
        let ran = world.run(command);
        assert!(matches!(ran.code, Some(1 | 2)), "{}", ran.shown());
    }
}
