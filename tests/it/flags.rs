//! Every flag has a test that fails when the flag has no effect; here is which.
//!
//! The table is held against the command line's own definition and against the tests' own text, so a new
//! flag without a test, and a test that was renamed, are noticed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use clap::CommandFactory as _;
use wazzup_contacts::cli::Cli;

/// Command (`*`: every one that has the flag), flag, test.
const COVERED: &[(&str, &str, &str)] = &[
    (
        "*",
        "--changed-only",
        "one_change_in_5000_takes_exactly_one_request_and_no_listing",
    ),
    (
        "*",
        "--full-every",
        "reset_and_every_nth_run_compare_with_the_account",
    ),
    (
        "*",
        "--other-account",
        "another_account_than_the_profile_used_last_time_is_stopped",
    ),
    (
        "undo",
        "--dry-run",
        "a_dry_run_shows_the_undo_and_sends_nothing_and_so_does_no_answer",
    ),
    (
        "undo",
        "--force",
        "what_others_changed_since_is_left_alone_and_listed_unless_forced",
    ),
    (
        "undo",
        "--rejects",
        "what_an_undo_leaves_alone_is_written_where_it_was_asked_for",
    ),
    (
        "undo",
        "--yes",
        "a_dry_run_shows_the_undo_and_sends_nothing_and_so_does_no_answer",
    ),
    (
        "*",
        "--base-url",
        "the_environment_beats_the_profile_and_a_flag_beats_both",
    ),
    (
        "*",
        "--batch-size",
        "a_batch_and_the_limit_are_as_large_as_asked",
    ),
    (
        "*",
        "--blank",
        "an_empty_cell_clears_a_messenger_only_when_asked_to",
    ),
    ("*", "--color", "colours_are_there_when_asked_for"),
    (
        "*",
        "--concurrency",
        "a_batch_and_the_limit_are_as_large_as_asked",
    ),
    (
        "*",
        "--config",
        "the_file_can_be_named_and_is_found_in_the_configuration_directory",
    ),
    ("*", "--delimiter", "how_the_file_is_read_can_be_said"),
    ("*", "--encoding", "how_the_file_is_read_can_be_said"),
    ("*", "--header-row", "how_the_file_is_read_can_be_said"),
    (
        "*",
        "--json",
        "data_goes_to_standard_output_and_words_to_standard_error",
    ),
    (
        "*",
        "--log-format",
        "verbose_says_what_is_done_in_the_form_asked_for",
    ),
    ("*", "--map", "columns_are_taken_from_where_the_user_says"),
    (
        "*",
        "--mapping",
        "columns_are_taken_from_where_the_user_says",
    ),
    (
        "*",
        "--max-delete",
        "more_deletes_than_allowed_are_stopped_with_the_numbers_and_the_flag",
    ),
    (
        "*",
        "--max-rejects",
        "a_source_that_is_mostly_wrong_is_stopped_at_the_gate",
    ),
    ("*", "--mode", "create_and_update_do_not_list"),
    (
        "*",
        "--on-duplicate",
        "the_first_or_the_last_row_counts_where_that_is_asked_for",
    ),
    (
        "*",
        "--phone-as",
        "the_mapping_that_is_written_reads_the_file_the_same_way",
    ),
    ("*", "--profile", "a_profile_gives_address_token_and_more"),
    (
        "*",
        "--quiet",
        "data_goes_to_standard_output_and_words_to_standard_error",
    ),
    ("*", "--rate", "a_batch_and_the_limit_are_as_large_as_asked"),
    ("*", "--region", "how_the_file_is_read_can_be_said"),
    (
        "*",
        "--rejects",
        "where_rejects_go_can_be_said_and_no_rejects_make_no_file",
    ),
    (
        "*",
        "--sandbox",
        "a_command_with_a_sandbox_of_its_own_needs_no_account",
    ),
    ("*", "--set", "columns_are_taken_from_where_the_user_says"),
    ("*", "--sheet", "a_sheet_is_chosen_by_name_number_or_all"),
    (
        "*",
        "--threads",
        "verbose_says_what_is_done_in_the_form_asked_for",
    ),
    ("*", "--token-file", "a_token_file_beats_the_environment"),
    (
        "*",
        "--verbose",
        "verbose_says_what_is_done_in_the_form_asked_for",
    ),
    (
        "*",
        "--wait",
        "a_second_run_against_the_account_is_refused_or_waits",
    ),
    (
        "apply",
        "--force",
        "contacts_that_changed_since_the_plan_are_left_out_unless_forced",
    ),
    (
        "apply",
        "--rejects",
        "a_plan_is_applied_later_with_its_rejects_where_they_are_wanted",
    ),
    (
        "apply",
        "--stale-after",
        "a_plan_that_is_fresh_enough_is_not_looked_at_again",
    ),
    (
        "apply",
        "--yes",
        "a_plan_with_deletes_is_sent_only_after_a_yes",
    ),
    ("auth", "--refresh", "a_token_is_renewed_when_asked_to"),
    ("check", "--mode", "a_mode_decides_what_a_row_must_have"),
    ("check", "--show", "as_many_contacts_are_shown_as_asked_for"),
    (
        "check",
        "--write-mapping",
        "the_mapping_that_is_written_reads_the_file_the_same_way",
    ),
    (
        "delete",
        "--yes",
        "without_a_terminal_nothing_is_deleted_unless_yes_was_said",
    ),
    (
        "export",
        "--output",
        "without_a_file_the_contacts_go_to_standard_output",
    ),
    ("import", "--dry-run", "a_dry_run_plans_and_leaves_nothing"),
    ("import", "--run", "a_run_file_is_where_it_was_asked_for"),
    ("import", "--yes", "nobody_said_yes_so_nothing_is_deleted"),
    (
        "plan",
        "--exit-code",
        "a_plan_ends_with_6_when_there_are_changes_and_that_is_asked_for",
    ),
    ("plan", "--output", "a_run_file_is_where_it_was_asked_for"),
    (
        "verify",
        "--on-duplicate",
        "a_file_with_rows_of_one_id_is_compared_as_it_would_be_imported",
    ),
    (
        "show",
        "--all",
        "what_failed_and_what_was_not_sent_can_be_listed",
    ),
    (
        "prune",
        "--keep",
        "old_runs_are_removed_and_as_many_kept_as_asked_for",
    ),
    (
        "sandbox",
        "--contacts",
        "the_sandbox_in_the_foreground_prints_what_to_copy_and_serves_until_interrupted",
    ),
    (
        "sandbox",
        "--existing",
        "a_sandbox_behaves_as_its_flags_say",
    ),
    ("sandbox", "--fault", "a_sandbox_behaves_as_its_flags_say"),
    (
        "sandbox",
        "--page-cap",
        "a_sandbox_behaves_as_its_flags_say",
    ),
    (
        "sandbox",
        "--port",
        "the_sandbox_in_the_foreground_prints_what_to_copy_and_serves_until_interrupted",
    ),
    (
        "sandbox",
        "--seed",
        "a_seed_decides_what_goes_wrong_by_chance",
    ),
    ("sandbox", "--uri", "a_sandbox_behaves_as_its_flags_say"),
];

/// Command and long flag, for every flag that there is.
fn flags(command: &clap::Command, found: &mut BTreeSet<(String, String)>) {
    for argument in command
        .get_arguments()
        .filter(|argument| !argument.is_global_set())
    {
        if let Some(long) = argument
            .get_long()
            .filter(|long| !["help", "version"].contains(long))
        {
            found.insert((command.get_name().to_owned(), format!("--{long}")));
        }
    }
    for inner in command.get_subcommands() {
        flags(inner, found);
    }
}

#[test]
fn every_flag_has_a_test() {
    let cli = Cli::command();
    let mut found = BTreeSet::new();
    flags(&cli, &mut found);
    let global = cli
        .get_arguments()
        .filter(|argument| argument.is_global_set());
    found.extend(global.map(|argument| {
        (
            "*".to_owned(),
            format!("--{}", argument.get_long().unwrap_or_default()),
        )
    }));
    let covered: BTreeMap<(&str, &str), &str> = COVERED
        .iter()
        .map(|(command, flag, test)| ((*command, *flag), *test))
        .collect();
    assert_eq!(covered.len(), COVERED.len(), "a flag is listed twice");
    for (command, flag) in &found {
        assert!(
            covered.contains_key(&(command, flag)) || covered.contains_key(&("*", flag)),
            "`{command} {flag}` has no test: write one and name it in COVERED"
        );
    }
    for (command, flag, _) in COVERED {
        let exists =
            |(of, name): &(String, String)| name == flag && (*command == "*" || of == command);
        assert!(found.iter().any(exists), "there is no `{command} {flag}`");
    }
}

#[test]
fn every_test_in_the_table_exists() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let text: String = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for (command, flag, test) in COVERED {
        assert!(
            text.contains(&format!("fn {test}(")),
            "{command} {flag}: no test {test}"
        );
    }
}
