//! Plans and undos against a model: random accounts, random sources with fields absent, every mode.
//!
//! The model implements DESIGN.md §7 in a few lines, without plans and batches.

use std::sync::LazyLock;

use crate::{
    contact::{Chat, ChatType, Contact},
    plan::{
        Mode, PlanOptions,
        chats::Replaced,
        diff::{Difference, difference},
    },
    run::integrity,
    sandbox::{Options, UriShown},
};
use proptest::{collection::vec, option, prelude::*, sample::subsequence};

use super::{
    laboratory::{Laboratory, OPEN},
    shared::{State, state},
};

const MESSENGERS: [ChatType; 3] = [ChatType::Whatsapp, ChatType::Telegram, ChatType::Vk];
const IDS: [&str; 7] = ["a", "b", "ü", "d/e", "f?", "7", "8"];

/// A server that returns links as written, and one that returns its own addresses.
static LABORATORIES: LazyLock<[std::sync::Mutex<Laboratory>; 2]> = LazyLock::new(|| {
    [UriShown::Stored, UriShown::ApiPath].map(|uri| {
        std::sync::Mutex::new(Laboratory::with(Options {
            uri,
            ..Options::default()
        }))
    })
});

fn text(prefix: &'static str) -> impl Strategy<Value = String> {
    (0..3).prop_map(move |number| format!("{prefix}{number}"))
}

/// Chats in any order, no two of a messenger with the same account; telegram's may have a name and a number too.
fn chats(min: usize) -> impl Strategy<Value = Vec<Chat<'static>>> {
    let chat = (
        0..MESSENGERS.len(),
        0..3_u8,
        "(ann|bob_b)?",
        "(79990001122)?",
    );
    vec(chat, min..4).prop_map(|chats| {
        let mut distinct: Vec<Chat<'static>> = Vec::new();
        for (messenger, number, username, phone) in chats {
            let mut chat = Chat::by_id(MESSENGERS[messenger], format!("7999111000{number}"));
            if chat.chat_type == ChatType::Telegram {
                (chat.username, chat.phone) = (username.into(), phone.into());
            }
            if !distinct.iter().any(|other| is_twin(other, &chat)) {
                distinct.push(chat);
            }
        }
        distinct
    })
}

/// True if both chats denote the same account of a messenger.
fn is_twin(one: &Chat<'_>, other: &Chat<'_>) -> bool {
    one.chat_type == other.chat_type && one.chat_id == other.chat_id
}

fn whole() -> impl Strategy<Value = Contact<'static>> {
    (
        text("user-"),
        text("Name "),
        text("https://crm.example.com/"),
        chats(1),
    )
        .prop_map(|(responsible, name, uri, contact_data)| Contact {
            id: "".into(),
            responsible_user_id: responsible.into(),
            name: name.into(),
            uri: uri.into(),
            contact_data,
            ..Contact::default()
        })
}

/// A contact with any fields absent.
fn part() -> impl Strategy<Value = Contact<'static>> {
    (whole(), any::<[bool; 4]>()).prop_map(|(mut contact, absent)| {
        let [responsible, name, uri, chats] = absent;
        for (absent, field) in [
            (responsible, &mut contact.responsible_user_id),
            (name, &mut contact.name),
            (uri, &mut contact.uri),
        ] {
            if absent {
                *field = "".into();
            }
        }
        if chats {
            contact.contact_data.clear();
        }
        contact
    })
}

fn contacts(one: impl Strategy<Value = Contact<'static>> + Clone) -> impl Strategy<Value = State> {
    vec(option::of(one), IDS.len()).prop_map(|contacts| {
        let named = IDS.iter().zip(contacts).filter_map(|(id, contact)| {
            Some(Contact {
                id: (*id).into(),
                ..contact?
            })
        });
        named
            .map(|contact| (contact.id.to_string(), contact))
            .collect()
    })
}

#[derive(Clone, Debug)]
struct Case {
    mode: Mode,
    /// True if the server returns its own address in place of the link.
    links_hidden: bool,
    remote: State,
    local: State,
    cleared: Vec<ChatType>,
}

impl Case {
    fn options(&self) -> PlanOptions {
        PlanOptions {
            mode: self.mode,
            cleared: self.cleared.clone(),
            bounds: OPEN,
            batch_size: 2,
            ..PlanOptions::default()
        }
    }

    fn laboratory(&self) -> std::sync::MutexGuard<'static, Laboratory> {
        let laboratory = LABORATORIES[usize::from(self.links_hidden)]
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        laboratory.set_state(&self.remote);
        laboratory
    }

    /// The account before the run.
    fn before(&self) -> State {
        in_order(self.remote.clone())
    }

    /// The account after the run.
    fn expected(&self) -> State {
        let mut state = self.remote.clone();
        for (id, local) in &self.local {
            let is_whole = local.missing().next().is_none();
            let blind = matches!(self.mode, Mode::Create | Mode::Update) && is_whole;
            match self.remote.get(id) {
                Some(_) if self.mode == Mode::Missing => {}
                Some(_) if blind => drop(state.insert(id.clone(), local.clone())),
                Some(remote) => drop(state.insert(id.clone(), self.merged(local, remote))),
                None if is_whole && self.mode != Mode::Update => {
                    state.insert(id.clone(), local.clone());
                }
                None => {}
            }
        }
        if self.mode == Mode::Mirror {
            state.retain(|id, _| self.local.contains_key(id));
        }
        in_order(state)
    }

    fn merged(&self, local: &Contact<'static>, remote: &Contact<'static>) -> Contact<'static> {
        let mut merged = remote.clone();
        for (field, value) in [
            (&mut merged.responsible_user_id, &local.responsible_user_id),
            (&mut merged.name, &local.name),
        ] {
            if !value.is_empty() {
                field.clone_from(value);
            }
        }
        let fits = |local: &Chat<'_>, remote: &Chat<'_>| {
            is_twin(local, remote) && says_no_other(local, remote)
        };
        let (known, mut new): (Vec<_>, Vec<_>) = (local.contact_data.iter())
            .partition(|chat| remote.contact_data.iter().any(|it| fits(chat, it)));
        let others = &mut merged.contact_data;
        others.retain(|it| {
            !self.cleared.contains(&it.chat_type) && !known.iter().any(|chat| fits(chat, it))
        });
        // A new chat replaces one of its type: the same account with other names, or else the first.
        for is_replaced in [shares_value, shares_type] {
            new.retain(|chat| {
                let replaced = others.iter().position(|it| is_replaced(chat, it));
                replaced.map(|index| others.remove(index)).is_none()
            });
        }
        for chat in &local.contact_data {
            // Values that only the account has are not a difference, and stay.
            let twin = remote.contact_data.iter().find(|it| fits(chat, it));
            others.push(twin.unwrap_or(chat).clone());
        }
        // A contact needs a chat: the row is rejected, and the account's contact is unchanged.
        if merged.contact_data.is_empty() {
            return remote.clone();
        }
        // A link that the API does not return is sent with other changes, and by itself only by an update.
        let sorted = |contact: &Contact<'static>| state(std::slice::from_ref(contact));
        let is_told =
            sorted(&merged) != sorted(remote) || !self.links_hidden || self.mode == Mode::Update;
        if !local.uri.is_empty() && is_told {
            merged.uri.clone_from(&local.uri);
        }
        merged
    }
}

fn case(modes: &'static [Mode]) -> impl Strategy<Value = Case> {
    let cleared = subsequence(MESSENGERS.to_vec(), 0..=MESSENGERS.len());
    (
        proptest::sample::select(modes),
        any::<bool>(),
        contacts(whole().boxed()),
        contacts(part().boxed()),
        prop_oneof![Just(Vec::new()), cleared],
    )
        .prop_map(|(mode, links_hidden, remote, mut local, cleared)| {
            // `create` only accepts complete contacts.
            if mode == Mode::Create {
                local.retain(|_, contact| contact.missing().next().is_none());
            }
            Case {
                mode,
                links_hidden,
                remote,
                local,
                cleared,
            }
        })
}

fn shares_type(one: &Chat<'_>, other: &Chat<'_>) -> bool {
    one.chat_type == other.chat_type
}

fn shares_value(one: &Chat<'_>, other: &Chat<'_>) -> bool {
    let same = |one: &str, other: &str| !one.is_empty() && one == other;
    is_twin(one, other)
        || (shares_type(one, other)
            && (same(&one.username, &other.username) || same(&one.phone, &other.phone)))
}

/// True if the account's chat has everything that the source's has.
fn says_no_other(local: &Chat<'_>, remote: &Chat<'_>) -> bool {
    let pairs = [
        (&local.username, &remote.username),
        (&local.phone, &remote.phone),
    ];
    pairs
        .into_iter()
        .all(|(local, remote)| local.is_empty() || local == remote)
}

fn in_order(state: State) -> State {
    super::shared::state(&state.into_values().collect::<Vec<_>>())
}

fn without_links(mut state: State) -> State {
    for contact in state.values_mut() {
        contact.uri = "".into();
    }
    state
}

/// All decisions of a plan.
fn decisions(laboratory: &Laboratory, run: &str) -> Vec<Vec<String>> {
    let queries = [
        "SELECT codes FROM decision",
        "SELECT * FROM change ORDER BY seq",
        "SELECT * FROM deletion ORDER BY seq",
        "SELECT * FROM batch ORDER BY no",
    ];
    queries.map(|query| laboratory.rows(run, query)).into()
}

const ALL: &[Mode] = &[
    Mode::Create,
    Mode::Update,
    Mode::Upsert,
    Mode::Mirror,
    Mode::Missing,
];
const COMPARING: &[Mode] = &[Mode::Upsert, Mode::Mirror, Mode::Missing];

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_account_becomes_what_the_model_says_in_every_mode(case in case(ALL)) {
        let laboratory = case.laboratory();
        let (run, plan) = laboratory.plan("model.run", &case.local, &case.options(), 2);
        if plan.verdict.is_some() {
            prop_assert_eq!(plan.tally.rows.contacts, 0);
            prop_assert_eq!(laboratory.state(), case.before());
        } else {
            laboratory.apply(&run);
            prop_assert_eq!(laboratory.state(), case.expected());
        }
    }

    #[test]
    fn the_plan_of_an_applied_plan_is_empty(case in case(COMPARING)) {
        let laboratory = case.laboratory();
        let (run, plan) = laboratory.plan("first.run", &case.local, &case.options(), 2);
        prop_assume!(plan.verdict.is_none());
        laboratory.apply(&run);
        let (_, again) = laboratory.plan("second.run", &case.local, &case.options(), 2);
        let planned = again.tally.plan;
        prop_assert_eq!((planned.create, planned.update, planned.delete), (0, 0, 0));
    }

    #[test]
    fn undo_restores_the_account_and_undoing_that_does_too(case in case(COMPARING)) {
        let laboratory = case.laboratory();
        let (run, plan) = laboratory.plan("do.run", &case.local, &case.options(), 2);
        prop_assume!(plan.verdict.is_none());
        laboratory.apply(&run);
        let done = laboratory.state();
        let (undo, _, losses) = laboratory.undo("undo.run", &run);
        prop_assert_eq!(losses.left_alone, 0);
        laboratory.apply(&undo);
        let (redo, _, _) = laboratory.undo("redo.run", &undo);
        let undone = laboratory.state();
        laboratory.apply(&redo);
        if case.links_hidden {
            prop_assert_eq!(without_links(undone), without_links(case.before()));
            prop_assert_eq!(without_links(laboratory.state()), without_links(done));
        } else {
            prop_assert_eq!(losses.links, 0);
            prop_assert_eq!(undone, case.before());
            prop_assert_eq!(laboratory.state(), done);
        }
    }

    /// Comparing with the last result is equivalent to comparing with the account.
    #[test]
    fn nights_of_changes_come_to_what_the_model_says(
        case in case(&[Mode::Upsert]), files in vec(contacts(part().boxed()), 1..4),
    ) {
        let mut case = Case { links_hidden: false, ..case };
        let laboratory = case.laboratory();
        laboratory.forget();
        for (night, file) in files.into_iter().enumerate() {
            case.local = file;
            laboratory.night(&case.local, &case.options());
            prop_assert_eq!(laboratory.state(), case.expected(), "night {}", night);
            // A new chat replaces the first one of its type, so the order of the account counts.
            case.remote = laboratory.contacts();
        }
    }

    #[test]
    fn a_plan_is_the_same_at_one_thread_and_at_many(case in case(ALL)) {
        let laboratory = case.laboratory();
        for (name, threads) in [("one.run", 1), ("many.run", 6)] {
            let (run, _) = laboratory.plan(name, &case.local, &case.options(), threads);
            drop(run);
        }
        prop_assert_eq!(decisions(&laboratory, "one.run"), decisions(&laboratory, "many.run"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Contacts whose JSON is equal are not read when a plan is made.
    #[test]
    fn a_contact_does_not_differ_from_itself(contact in whole()) {
        prop_assert_eq!(difference(&contact, &contact, Replaced::OfTypes(&ChatType::ALL)), Difference::Unchanged);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn contacts_of_a_plan_are_sent_alone_and_the_others_later(
        case in case(ALL), wanted in subsequence(IDS.to_vec(), 0..=IDS.len()), of_each in 1..4_usize,
    ) {
        let laboratory = case.laboratory();
        let options = PlanOptions { batch_size: of_each, ..case.options() };
        let (run, plan) = laboratory.plan("part.run", &case.local, &options, 2);
        prop_assume!(plan.verdict.is_none());
        let tally = laboratory.apply_only(&run, &wanted);
        let (before, expected) = (case.before(), case.expected());
        let state_now = laboratory.state();
        for id in IDS {
            let then = if wanted.contains(&id) { &expected } else { &before };
            prop_assert_eq!(state_now.get(id), then.get(id), "{}", id);
        }
        prop_assert_eq!(tally.contradiction(), None);
        integrity::check(&run).unwrap();
        laboratory.apply(&run);
        prop_assert_eq!(laboratory.state(), expected);
    }
}
