//! Numbers without a country code: a column of them stops every command that would send it, and `--region` says what they are.

use crate::harness::World;

/// A file of one contact for each number.
fn file(numbers: &[&str]) -> String {
    let rows = (1..)
        .zip(numbers)
        .map(|(id, number)| format!("{id},Ana,user-1,https://crm.example.com/{id},{number}\n"));
    let header = "id,name,responsible_user_id,uri,Celular\n".to_owned();
    header + &rows.collect::<String>()
}

const BRAZILIAN: [&str; 3] = ["19987654321", "19991234567", "+55 11 98765-4321"];

#[test]
fn a_column_of_national_numbers_stops_check_plan_and_import_alike() {
    let world = World::new();
    world.write("br.csv", file(&BRAZILIAN));
    for command in ["check", "plan", "import"] {
        world
            .run([command, "br.csv"])
            .tells("2 of the 3 numbers in `Celular` are not valid international numbers, but national ones of BR")
            .tells("(such as 19987654321)")
            .tells("--region BR")
            .tells("--region none")
            .ends_with(5);
    }
    assert_eq!(world.sandbox.count("POST"), 0);
}

#[test]
fn the_region_settles_it_and_none_sends_the_numbers_as_written() {
    let world = World::new();
    world.write("br.csv", file(&BRAZILIAN));
    let sent = |world: &World| {
        let ran = world.run(["get", "1", "--json"]).ends_with(0);
        ran.shown()
    };
    world
        .run(["import", "br.csv", "--region", "none"])
        .tells("2 numbers in `Celular` are not valid in the country that their digits name, and are sent as written (such as 19987654321)")
        .ends_with(0);
    assert!(sent(&world).contains("\"19987654321\""), "{}", sent(&world));
    world
        .run(["import", "br.csv", "--region", "BR"])
        .ends_with(0);
    assert!(
        sent(&world).contains("\"5519987654321\""),
        "{}",
        sent(&world)
    );
}

#[test]
fn rejected_national_numbers_count_and_few_numbers_only_warn() {
    let world = World::new();
    let numbers = ["19987654321", "(11) 98765-4321", "79161234569"];
    world.write("br.csv", file(&numbers));
    world
        .run(["check", "br.csv"])
        .tells("2 of the 3 numbers in `Celular`")
        .ends_with(5);
    // None of them would be sent.
    world.write("ru.csv", file(&["8 916 123-45-67", "8 916 123-45-68"]));
    world.run(["check", "ru.csv"]).ends_with(3);
    let numbers = ["19987654321", "79161234567", "79161234568"];
    world.write("few.csv", file(&numbers));
    world
        .run(["check", "few.csv"])
        .tells("1 number in `Celular` is not valid in the country that its digits name")
        .ends_with(0);
    let ran = world.run(["check", "few.csv", "--json"]).ends_with(0);
    let warning = ran.json()["tables"][0]["warnings"][0].to_string();
    assert!(warning.contains("1 number in `Celular`"), "{warning}");
}
