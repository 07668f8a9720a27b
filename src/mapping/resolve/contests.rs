//! Steps 3 and 4: several columns for one field, the `ID` of an export of deals, parts of chats.

use super::{Claim, Resolver, place};
use crate::mapping::{
    Field, GroupPart, How, MappingError,
    affix::{Owner, owner},
    alias::{LAST_RESORT, STAND_IN, Weight},
    error::quoted,
    header::{is_anyones_id, key, marks_deals},
};

impl Resolver {
    /// In an export of deals an id is the deal's unless its name says that it is the contact's. `--map` is believed
    /// all the same, and so is a mapping file that names every column, but not in silence.
    pub(super) fn refuse_deals(&mut self, auto: bool) -> Result<(), MappingError> {
        let ids = self.claims.iter().filter(|claim| claim.field == Field::Id);
        let (anyones, others): (Vec<Claim>, Vec<Claim>) = ids.cloned().partition(|claim| {
            claim.how != How::Flag && is_anyones_id(&self.columns[claim.column])
        });
        let Some(first) = anyones.first() else {
            return Ok(());
        };
        let Some(mark) = self.deal_mark() else {
            return Ok(());
        };
        if !others.is_empty() {
            self.drop_claims("its name does not say that it is the contact's", |claim| {
                claim.field == Field::Id && anyones.iter().any(|deal| deal.column == claim.column)
            });
            return Ok(());
        }
        let error = self.deals(first.column, mark);
        if auto {
            return Err(error);
        }
        self.warnings
            .push(format!("{error}; the mapping file takes it all the same"));
        Ok(())
    }

    /// The column that gives an export of deals away. One that is said to be the contact's does, too: the row
    /// itself is something else.
    fn deal_mark(&self) -> Option<String> {
        let first = |gives_away: &dyn Fn(&str) -> bool| {
            let mut names = self.columns.iter();
            names.find(|name| gives_away(name)).cloned()
        };
        first(&marks_deals).or_else(|| first(&|name| matches!(owner(name), Owner::Contact(_))))
    }

    fn deals(&self, column: usize, mark: String) -> MappingError {
        let mut phones = self
            .claims
            .iter()
            .filter(|claim| claim.field == Field::Phone);
        MappingError::Deals {
            column: self.columns[column].clone(),
            mark,
            has_phones: phones.next().is_some(),
        }
    }

    pub(super) fn settle_contests(&mut self) -> Result<(), MappingError> {
        self.settle_stand_ins();
        for field in [
            Field::Id,
            Field::ResponsibleUserId,
            Field::Uri,
            Field::FirstName,
            Field::MiddleName,
            Field::LastName,
        ] {
            self.settle(field)?;
        }
        Ok(())
    }

    /// A company's name or a nickname is a person's only where the exporter lets it stand for one.
    fn settle_stand_ins(&mut self) {
        let is_googles = |claim: &Claim| claim.field == Field::Name && claim.weight == LAST_RESORT;
        if !self.claims.iter().any(is_googles) {
            self.drop_claims("not the contact's own name", |claim| {
                claim.field == Field::Name && claim.weight >= STAND_IN
            });
        }
    }

    /// One name wins; columns of the same name stay together, the first with a value counts.
    fn settle(&mut self, field: Field) -> Result<(), MappingError> {
        let claims = self.claims.iter().filter(|claim| claim.field == field);
        let Some(best) = claims.clone().map(|claim| strength(field, claim)).min() else {
            return Ok(());
        };
        if best == USERS {
            return Ok(());
        }
        let strongest = claims.filter(|claim| strength(field, claim) == best);
        let mut names: Vec<String> = strongest
            .map(|claim| self.columns[claim.column].clone())
            .collect();
        let mut seen = Vec::new();
        names.retain(|name| {
            let new = !seen.contains(&key(name));
            seen.push(key(name));
            new
        });
        let winner = names[0].clone();
        if names.len() > 1 && must_be_sure(field) {
            return Err(MappingError::Ambiguous {
                field,
                columns: names,
            });
        }
        let (columns, winner_key) = (self.columns.clone(), key(&winner));
        let why = format!("{field} is taken from {}", quoted(&winner));
        self.drop_claims(&why, |claim| {
            claim.field == field && key(&columns[claim.column]) != winner_key
        });
        Ok(())
    }

    /// The groups that have a `chat_type`.
    fn typed_groups(&self) -> Vec<u16> {
        let claims = self.claims.iter();
        let typed = claims.filter_map(|claim| match claim.field {
            Field::Group {
                number,
                part: GroupPart::ChatType,
            } => Some(number),
            _ => None,
        });
        typed.collect()
    }

    /// Is `phone` a part of a chat, or a number of no messenger?
    pub(super) fn settle_phones(&mut self) {
        let typed = self.typed_groups();
        for claim in &mut self.claims {
            match claim.field {
                // The long layout's `phone` is the chat's, `Телефон` beside it is nobody's in particular.
                Field::Phone if claim.how == How::Exact && typed.contains(&0) => {
                    claim.field = Field::Group {
                        number: 0,
                        part: GroupPart::Phone,
                    };
                }
                Field::Group {
                    number,
                    part: GroupPart::Phone,
                } if !typed.contains(&number) => claim.field = Field::Phone,
                _ => {}
            }
        }
    }

    /// `chat_id` and `username` are parts of a chat only beside a `chat_type`.
    pub(super) fn settle_groups(&mut self) {
        let typed = self.typed_groups();
        let part = |claim: &Claim| match claim.field {
            Field::Group { number, part } => Some((number, part)),
            _ => None,
        };
        self.drop_claims("there is no chat_type column beside it", |claim| {
            part(claim).is_some_and(|(number, _)| !typed.contains(&number))
        });
        let claims = self.claims.iter().filter_map(part);
        let whole: Vec<u16> = claims
            .filter(|(_, part)| *part != GroupPart::ChatType)
            .map(|(number, _)| number)
            .collect();
        let is_lone =
            |claim: &Claim| part(claim).is_some_and(|(number, _)| !whole.contains(&number));
        self.warn_of_messenger(|claim| {
            part(claim) == Some((0, GroupPart::ChatType)) && is_lone(claim)
        });
        self.drop_claims(
            "there is no chat_id, username or phone column beside it",
            is_lone,
        );
    }

    /// A column says `Telegram` of a number that becomes what `--phone-as` says.
    fn warn_of_messenger(&mut self, is_lone_type: impl Fn(&Claim) -> bool) {
        let phones = self
            .claims
            .iter()
            .filter(|claim| claim.field == Field::Phone);
        let types = self.claims.iter().find(|claim| is_lone_type(claim));
        if let (Some(of_type), Some(phone)) = (types, phones.min_by_key(|claim| place(claim))) {
            let (of_type, phone) = (&self.columns[of_type.column], &self.columns[phone.column]);
            let (of_type, phone) = (quoted(of_type), quoted(phone));
            self.warnings.push(format!(
                "{of_type} is not read, and numbers become the chats of --phone-as whatever it says: if it names \
                 the messenger of the number in {phone}, add --map chat_phone={phone}"
            ));
        }
    }
}

/// Less is stronger; what the user says is strongest.
type Strength = (bool, bool, bool, Weight);
const USERS: Strength = (false, false, false, 0);

fn strength(field: Field, claim: &Claim) -> Strength {
    // An id is never chosen by how well its name sounds: the wrong one writes over other contacts.
    let weight = if field == Field::Id { 0 } else { claim.weight };
    match claim.how {
        How::Flag | How::File => USERS,
        How::Exact => (true, false, false, 0),
        How::Alias => (true, true, !claim.of_contact, weight),
    }
}

/// Where choosing wrongly does harm, we ask.
const fn must_be_sure(field: Field) -> bool {
    matches!(field, Field::Id | Field::ResponsibleUserId | Field::Uri)
}
