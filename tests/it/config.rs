//! The precedence of settings: flag > environment > profile > default. Never a token on the command line.

use std::time::{Duration, Instant};

use wazzup_contacts::sandbox::Options;

use crate::{
    csv_files,
    harness::{Call, World},
};

fn world() -> World {
    World::with(Options {
        contacts: 3,
        ..Options::default()
    })
}

/// A call without address and token in its environment.
fn bare<'a>(world: &World, args: impl IntoIterator<Item = &'a str>) -> Call {
    world
        .call(args)
        .without("WAZZUP_BASE_URL")
        .without("WAZZUP_TOKEN")
}

/// A profile with a visible address and rate.
fn profile(world: &World, name: &str) -> String {
    format!(
        "[profiles.{name}]\nbase_url = \"{}\"\ntoken_file = \"{name}.token\"\n",
        world.sandbox.base_url()
    )
}

#[test]
fn a_missing_token_ends_with_4_and_names_both_ways_to_give_one() {
    let world = world();
    let ran = world
        .call(["export"])
        .without("WAZZUP_TOKEN")
        .run()
        .ends_with(4);
    insta::assert_snapshot!(ran.shown(), @"
    exit: 4
    --- stdout
    --- stderr
    error: no token is configured
    hint: set the environment variable WAZZUP_TOKEN or pass --token-file FILE; to try the tool without an account, add --sandbox
    ");
    assert_eq!(world.sandbox.request_count(), 0);
}

#[test]
fn a_wrong_token_ends_with_4_and_is_not_shown() {
    let world = world();
    let ran = world
        .call(["export", "-vv"])
        .env("WAZZUP_TOKEN", "wrong-s3cret")
        .run();
    let ran = ran.ends_with(4);
    assert!(!ran.shown().contains("s3cret"), "{}", ran.shown());
    assert!(ran.stderr.contains("hint: "), "{}", ran.shown());
}

#[test]
fn a_token_file_beats_the_environment() {
    let world = world();
    // As editors write it, the one of Windows among them.
    for mark in ["", "\u{feff}"] {
        let text = format!("{mark}{}\r\n", world.sandbox.token());
        world.write("good.token", text);
        world
            .call(["export", "--token-file", "good.token"])
            .env("WAZZUP_TOKEN", "wrong")
            .run()
            .ends_with(0);
    }
    for file in ["missing.token", "empty.token"] {
        world.write("empty.token", "\n");
        let ran = world.run(["export", "--token-file", file]).ends_with(4);
        assert!(ran.stderr.contains(file), "{}", ran.shown());
    }
}

#[test]
fn a_profile_gives_address_token_and_more() {
    let world = world();
    let text = format!(
        "profile = \"a\"\n{}{}",
        profile(&world, "a"),
        profile(&world, "b")
    );
    world.write("wazzup.toml", text);
    world.write("a.token", world.sandbox.token());
    world.write("b.token", "wrong");
    bare(&world, ["export"]).run().ends_with(0);
    bare(&world, ["export", "--profile", "b"])
        .run()
        .ends_with(4);
    let call = bare(&world, ["export"]).env("WAZZUP_PROFILE", "b");
    call.run().ends_with(4);
    let call = bare(&world, ["export", "--profile", "a"]).env("WAZZUP_PROFILE", "b");
    call.run().ends_with(0);
    let ran = bare(&world, ["export", "--profile", "c"])
        .run()
        .ends_with(2);
    assert!(ran.stderr.contains("profiles: a, b"), "{}", ran.shown());
}

#[test]
fn the_environment_beats_the_profile_and_a_flag_beats_both() {
    let world = world();
    let nowhere = "http://127.0.0.1:1";
    world.write(
        "wazzup.toml",
        format!("profile = \"a\"\n[profiles.a]\nbase_url = \"{nowhere}\"\n"),
    );
    world.run(["export"]).ends_with(0);
    let here = world.sandbox.base_url();
    let call = world.call(["export", "--base-url", &here]);
    call.env("WAZZUP_BASE_URL", nowhere).run().ends_with(0);
}

#[test]
fn the_file_can_be_named_and_is_found_in_the_configuration_directory() {
    let world = world();
    world.write(
        "conf/elsewhere.toml",
        format!("profile = \"a\"\n{}", profile(&world, "a")),
    );
    world.write("conf/a.token", world.sandbox.token());
    let args = ["export", "--config", "conf/elsewhere.toml"];
    bare(&world, args).run().ends_with(0);
    let call = bare(&world, ["export"]).env("WAZZUP_CONFIG", "conf/elsewhere.toml");
    call.run().ends_with(0);
    bare(&world, ["export"]).run().ends_with(4);
    let text = world.read("conf/elsewhere.toml");
    world.write("home/config/wazzup-contacts/wazzup.toml", text);
    world.write("home/config/wazzup-contacts/a.token", world.sandbox.token());
    bare(&world, ["export"]).run().ends_with(0);
    let ran = world.run(["export", "--config", "none.toml"]).ends_with(2);
    assert!(ran.stderr.contains("none.toml"), "{}", ran.shown());
}

#[test]
fn a_setting_that_is_wrong_is_named_where_it_stands() {
    let world = World::new();
    world.write("c.csv", csv_files::csv([("1", "Ann")]));
    for (line, named) in [
        ("concurrency = 0", "the profile's concurrency: `0`"),
        ("concurrency = 60000", "the profile's concurrency: `60000`"),
        ("rate = \"often\"", "the profile's rate"),
        ("region = \"XX\"", "the profile's region"),
    ] {
        world.write(
            "wazzup.toml",
            format!("profile = \"p\"\n[profiles.p]\n{line}\n"),
        );
        let ran = world.run(["import", "c.csv"]).ends_with(2);
        assert!(ran.stderr.contains(named), "{}", ran.shown());
    }
}

#[test]
fn a_key_that_is_not_known_is_an_error_with_its_line() {
    let world = world();
    world.write("wazzup.toml", "[profiles.a]\nraet = \"1/1s\"\n");
    let ran = world.run(["export"]).ends_with(2);
    assert!(
        ran.stderr.contains("raet") && ran.stderr.contains("line 2"),
        "{}",
        ran.shown()
    );
}

#[test]
fn rate_region_mapping_and_concurrency_come_from_the_profile_too() {
    let world = world();
    world.write(
        "conf/wazzup.toml",
        "profile = \"a\"\n[profiles.a]\nrate = \"wrong\"\nregion = \"RU\"\nmapping = \"m.toml\"\nconcurrency = 1\n",
    );
    world.write(
        "conf/m.toml",
        "[columns]\nwhatsapp = \"Call me\"\n[set]\nuri = \"x\"\nresponsible_user_id = \"u\"\n",
    );
    world.write("ru.csv", "id,name,Call me\n1,Ann,8 999 000-00-01\n");
    let config = ["--config", "conf/wazzup.toml"];
    let ran = world
        .run([&["check", "ru.csv"], &config[..]].concat())
        .ends_with(0);
    assert!(ran.said().contains("79990000001"), "{}", ran.shown());
    let ran = world.run([&["export"], &config[..]].concat()).ends_with(2);
    assert!(ran.said().contains("the profile's rate"), "{}", ran.shown());
    world
        .run([&["export", "--rate", "unlimited"], &config[..]].concat())
        .tells("the rate unlimited exceeds the API's limit of 500 requests in 5 s")
        .ends_with(0);
    let ran = world.run([&["export", "--rate", "490/5s"], &config[..]].concat());
    assert!(!ran.said().contains("is more than"), "{}", ran.shown());
}

#[test]
fn only_loopback_may_be_spoken_to_without_tls() {
    let world = world();
    for url in [
        "http://tech.wazzup24.com",
        "ftp://localhost",
        "localhost:80",
    ] {
        let ran = world.run(["export", "--base-url", url]).ends_with(2);
        assert!(ran.stderr.contains("--base-url"), "{}", ran.shown());
    }
}

#[test]
fn a_token_is_no_argument() {
    let world = world();
    world.run(["export", "--token", "x"]).ends_with(2);
}

#[test]
fn a_token_in_the_wrong_place_is_not_shown() {
    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJTRUNSRVQifQ.c2lnbmF0dXJl";
    let world = world();
    let ran = world.run(["export", "--token-file", TOKEN]).ends_with(4);
    assert!(ran.stderr.contains("--token-file"), "{}", ran.shown());
    assert!(!ran.shown().contains("eyJ"), "{}", ran.shown());
    for line in [
        format!("token = \"{TOKEN}\""),
        format!("token = {TOKEN}"),
        format!("rate = [\"{TOKEN}\"]"),
        format!("concurrency = \"{TOKEN}\""),
        format!("token_file = \"{TOKEN}\""),
        TOKEN.to_owned(),
    ] {
        world.write(
            "wazzup.toml",
            format!("profile = \"a\"\n[profiles.a]\n{line}\n"),
        );
        let call = world.call(["export"]).without("WAZZUP_TOKEN");
        let is_file = line.starts_with("token_file");
        let ran = call.run().ends_with(if is_file { 4 } else { 2 });
        assert!(
            ran.stderr.contains("wazzup.toml") || ran.stderr.contains("token_file"),
            "{}",
            ran.shown()
        );
        assert!(!ran.shown().contains("eyJ"), "{line}: {}", ran.shown());
    }
}

#[test]
fn a_proxy_is_named_if_it_is_down_and_refused_if_it_speaks_another_protocol() {
    let world = World::new();
    let get = ["get", "1", "--base-url", "https://contacts.example"];
    let through = |proxy: &str| world.call(get).env("HTTPS_PROXY", proxy).run();
    for scheme in ["socks5", "socks5h", "socks4"] {
        let ran = through(&format!("{scheme}://user:secret@127.0.0.1:1")).ends_with(2);
        let proxy = format!("the proxy {scheme}://127.0.0.1:1 can't be used");
        assert!(ran.stderr.contains(&proxy), "{}", ran.shown());
        assert!(ran.stderr.contains("NO_PROXY"), "{}", ran.shown());
        assert!(!ran.shown().contains("secret"), "{}", ran.shown());
    }
    let started = Instant::now();
    let ran = through("http://user:secret@127.0.0.1:1").ends_with(1);
    // Three attempts, with waits of at most 0.5 and 1 s.
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(ran.stderr.contains("start the proxy"), "{}", ran.shown());
    let route = "no connection to contacts.example through the proxy http://127.0.0.1:1";
    assert!(ran.stderr.contains(route), "{}", ran.shown());
    assert!(!ran.shown().contains("secret"), "{}", ran.shown());
}
