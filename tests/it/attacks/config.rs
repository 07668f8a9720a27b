//! Configuration files that came into the working directory with a download, or from another user.

use std::{fs, path::Path};

use wazzup_contacts::sandbox::Options;

use crate::harness::{Call, World};

const ELSEWHERE: &str = "base_url = \"https://contacts.example.com\"";

/// A world with this in the default profile of a file in the working directory.
fn world(keys: &str) -> World {
    let world = World::with(Options {
        contacts: 3,
        ..Options::default()
    });
    let text = format!("profile = \"p\"\n[profiles.p]\n{keys}\n");
    world.write("wazzup.toml", text);
    world
}

fn is_refused(call: Call, words: &[&str]) {
    let ran = call.run().ends_with(2);
    for words in [words, &["found in the working directory", "--config"]].concat() {
        assert!(ran.said().contains(words), "{words}: {}", ran.shown());
    }
}

#[test]
fn a_file_that_was_found_runs_no_command_and_sends_the_token_nowhere() {
    for (key, line) in [
        ("token_command", "token_command = \"touch harmed; echo x\""),
        ("base_url", ELSEWHERE),
        (
            "base_url",
            "base_url = \"https://tech.wazzup24.com.example.com\"",
        ),
        ("base_url", "base_url = \"https://tech.wazzup24.com.\""),
        ("base_url", "base_url = \"https://10.0.0.1\""),
        ("token_file", "token_file = \"/etc/hostname\""),
        ("token_file", "token_file = \"../outside\""),
        ("token_file", "token_file = \"conf/../../outside\""),
    ] {
        let world = world(line);
        for command in ["auth", "export", "import c.csv", "check c.csv", "runs"] {
            is_refused(world.call(command.split(' ')), &[&format!("`{key}`")]);
        }
        assert!(!world.path("harmed").exists());
        assert_eq!(world.sandbox.request_count(), 0);
    }
}

#[test]
fn a_token_is_not_read_through_a_link_out_of_the_directory() {
    let world = world("token_file = \"link\"");
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(&outside, world.sandbox.token()).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&outside, world.path("link")).unwrap();
    #[cfg(unix)]
    is_refused(
        world.call(["auth"]).without("WAZZUP_TOKEN"),
        &["`token_file`"],
    );
    fs::remove_file(world.path("link")).ok();
    world.write("link", world.sandbox.token());
    let auth = world.call(["auth"]).without("WAZZUP_TOKEN");
    auth.run().ends_with(0);
}

#[cfg(unix)]
#[test]
fn the_same_file_is_used_if_it_is_named_or_in_the_configuration_directory() {
    let world = world("token_command = \"cat token.txt\"");
    world.write("token.txt", world.sandbox.token());
    let auth = |arguments: &[&str]| {
        world
            .call([&["auth"], arguments].concat())
            .without("WAZZUP_TOKEN")
    };
    is_refused(auth(&[]), &["`token_command`"]);
    is_refused(auth(&["--profile", "p"]), &["`token_command`"]);
    auth(&["--config", "wazzup.toml"]).run().ends_with(0);
    auth(&[])
        .env("WAZZUP_CONFIG", "wazzup.toml")
        .run()
        .ends_with(0);
    let text = world.read("wazzup.toml");
    fs::remove_file(world.path("wazzup.toml")).unwrap();
    let home = "home/config/wazzup-contacts";
    world.write(&format!("{home}/wazzup.toml"), text);
    auth(&[]).run().ends_with(0);
    world.write(&format!("{home}/token.txt"), world.sandbox.token());
    auth(&[]).within(world.path(home)).run().ends_with(0);
}

/// Keys of an unused profile are harmless.
#[test]
fn another_profile_of_the_file_can_be_used() {
    let world = world("region = \"ES\"");
    let text = world.read("wazzup.toml") + "[profiles.q]\ntoken_command = \"touch harmed\"\n";
    world.write("wazzup.toml", text);
    world.run(["export"]).ends_with(0);
    is_refused(
        world.call(["export", "--profile", "q"]),
        &["`token_command`"],
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_everyone_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = world("rate = \"490/5s\"");
    let mode =
        |mode| fs::set_permissions(world.path("wazzup.toml"), fs::Permissions::from_mode(mode));
    mode(0o666).unwrap();
    is_refused(world.call(["export"]), &["everyone can write to it"]);
    world
        .run(["export", "--config", "wazzup.toml"])
        .ends_with(0);
    mode(0o664).unwrap();
    world.run(["export"]).ends_with(0);
}

/// Only root can give a file away; without that right, there is nothing to test.
#[cfg(unix)]
#[test]
fn a_file_or_link_of_another_user_is_refused() {
    use std::os::unix::fs::{chown, lchown, symlink};
    let world = world("rate = \"490/5s\"");
    let file = world.path("wazzup.toml");
    if chown(&file, Some(12_345), None).is_err() {
        return;
    }
    is_refused(world.call(["export"]), &["belongs to another user"]);
    world
        .run(["export", "--config", "wazzup.toml"])
        .ends_with(0);
    chown(&file, Some(0), None).unwrap();
    world.run(["export"]).ends_with(0);
    fs::rename(&file, world.path("other.toml")).unwrap();
    symlink("other.toml", &file).unwrap();
    world.run(["export"]).ends_with(0);
    lchown(&file, Some(12_345), None).unwrap();
    is_refused(world.call(["export"]), &["belongs to another user"]);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_the_file_is_not_waited_for() {
    let world = World::new();
    let made = std::process::Command::new("mkfifo")
        .arg(world.path("wazzup.toml"))
        .status();
    assert!(made.unwrap().success());
    let ran = world.run(["export"]).ends_with(2);
    assert!(ran.stderr.contains("not a file"), "{}", ran.shown());
}

#[test]
fn auth_and_the_log_show_which_file_and_which_server_are_used() {
    let world = world("rate = \"490/5s\"");
    let server = world.sandbox.base_url();
    let ran = world.run(["auth"]).ends_with(0);
    let file = Path::new(".").join("wazzup.toml").display().to_string();
    for line in [format!("server    {server}"), format!("settings  {file}")] {
        assert!(ran.said().contains(&line), "{}", ran.shown());
    }
    let ran = world.run(["auth", "--json"]).ends_with(0);
    assert_eq!(ran.json()["base_url"], server, "{}", ran.shown());
    assert_eq!(ran.json()["config"], file, "{}", ran.shown());
    let wrong = world.call(["auth", "--json"]).env("WAZZUP_TOKEN", "wrong");
    assert_eq!(wrong.run().ends_with(4).json()["base_url"], server);
    let ran = world.run(["export", "-v"]).ends_with(0);
    for words in [server, file] {
        assert!(ran.stderr.contains(&words), "{}", ran.shown());
    }
}

#[cfg(unix)]
#[test]
fn a_mapping_without_end_is_not_read_to_its_end() {
    let world = world("mapping = \"/dev/zero\"");
    world.write("c.csv", "id,name\n1,Ann\n");
    let ran = world.run(["check", "c.csv"]).ends_with(2);
    assert!(ran.stderr.contains("16 MiB"), "{}", ran.shown());
}

/// A file that is named by mistake or maliciously may contain a secret on the wrong line.
#[test]
fn no_line_of_a_file_that_is_not_a_mapping_is_shown() {
    let world = World::new();
    world.write(
        "wazzup.token",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ7In0.c2ln\n",
    );
    world.write("c.csv", "id,name\n1,Ann\n");
    let check = ["check", "c.csv", "--mapping", "wazzup.token"];
    let ran = world.run(check).ends_with(2);
    assert!(ran.stderr.contains("line 1, column "), "{}", ran.shown());
    assert!(!ran.shown().contains("eyJ"), "{}", ran.shown());
}

#[test]
fn a_mapping_is_written_over_no_file_and_through_no_link() {
    let world = World::new();
    world.write("c.csv", "id,name\n1,Ann\n");
    let write = |name| world.run(["check", "c.csv", "--write-mapping", name]);
    let binary = [0xff, 0x00, 0xfe];
    world.write("book.xlsx", binary);
    write("book.xlsx")
        .ends_with(2)
        .tells("exists and is not this mapping");
    assert_eq!(fs::read(world.path("book.xlsx")).unwrap(), binary);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("elsewhere", world.path("link.toml")).unwrap();
        write("link.toml").ends_with(2);
        assert!(!world.path("elsewhere").exists());
    }
}
