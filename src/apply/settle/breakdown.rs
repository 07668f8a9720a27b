//! Who is to blame where the server breaks down on a parcel, or forbids it: see [`suspects`](super::super::suspects).

use super::{Settler, id_of};
use crate::{
    api::{ApiError, ApiErrorKind, Refusal},
    apply::{
        lookup::Found,
        parcel::Parcel,
        suspects::{InVain, Kind, Suspect},
    },
    contact::Action,
    reject::RejectCode,
};

impl Settler<'_> {
    /// The server breaks down on the parcel every time: [`Self::settle_suspects`] has to find out because of whom.
    pub(super) fn suspect(&mut self, parcel: &Parcel, kind: Kind, reason: &str) {
        self.suspects.failed(kind, self.client.moment());
        let parcel = parcel.clone();
        if parcel.len() > 1 {
            self.suspects.wait(kind, parcel);
        } else {
            let reason = reason.to_owned();
            self.suspects.add(Suspect {
                parcel,
                kind,
                reason,
            });
        }
    }

    /// Something in the parcel is forbidden: found out as a breakdown is, because it can still be the token.
    pub(super) fn forbidden(&mut self, parcel: &Parcel, refusal: &Refusal) {
        let kind = if refusal.is_page {
            Kind::Page
        } else {
            Kind::Forbidden
        };
        self.forbidden = Some(refusal.description.clone());
        self.suspect(parcel, kind, &refusal.to_string());
    }

    /// The client gave up. A server that still answers a look-up is there, and breaks down on these contacts; one that
    /// does not, or that takes none of them however they are divided, is down.
    pub(super) fn gave_up(
        &mut self,
        parcel: &Parcel,
        gave_up: ApiError,
        rounds: u32,
    ) -> Result<(), ApiError> {
        self.suspects.failed(Kind::Breakdown, self.client.moment());
        if let Some((_, json)) = parcel.items().next() {
            self.account.contact(&id_of(parcel.action, json))?;
        }
        let reason = gave_up.to_string();
        self.gave_up = Some(gave_up);
        if parcel.action == Action::Create {
            return self.suspect_missing(parcel, &reason, rounds);
        }
        self.suspect(parcel, Kind::Breakdown, &reason);
        Ok(())
    }

    /// A proxy that says that the server is not available may have handed a create on all the same.
    fn suspect_missing(
        &mut self,
        parcel: &Parcel,
        reason: &str,
        rounds: u32,
    ) -> Result<(), ApiError> {
        let found = self.account.compare(parcel)?;
        let those = |kind| parcel.select(|index| found[index] == kind);
        self.arrived(&those(Found::AsSent));
        let missing = those(Found::Missing);
        if !missing.is_empty() {
            self.suspect(&missing, Kind::Breakdown, reason);
        }
        self.update_instead(&those(Found::Otherwise), rounds.saturating_sub(1))
    }

    /// Divides what failed until the culprits are alone. Where nothing comes of it, the batch stays in doubt.
    fn divide(&mut self, action: Action) -> Result<(), ApiError> {
        loop {
            let accepted = self.client.last_accepted(action);
            match self.suspects.next(accepted) {
                Ok(Some(parcel)) => self.halve(&parcel, 1)?,
                Ok(None) => return Ok(()),
                Err(InVain) => {
                    self.in_doubt = true;
                    return self.gave_up.take().map_or(Ok(()), Err);
                }
            }
        }
    }

    /// What never arrived while others did is rejected. The last request of a suspect may have been carried
    /// out like any other, so each is looked up first: a row that is in the account is never handed back.
    pub(super) fn settle_suspects(&mut self, action: Action) -> Result<(), ApiError> {
        self.divide(action)?;
        let mut absent = Vec::new();
        for suspect in self.suspects.take() {
            if self
                .account
                .compare(&suspect.parcel)?
                .contains(&Found::AsSent)
            {
                self.arrived(&suspect.parcel);
            } else {
                absent.push(suspect);
            }
        }
        self.in_doubt |= !absent.iter().all(|suspect| self.is_guilty(suspect));
        if self.in_doubt {
            let forbidden = self.forbidden.take();
            return forbidden.map_or(Ok(()), |detail| {
                let sent = self.has_sent;
                let kind = ApiErrorKind::Forbidden { detail };
                Err(ApiError { kind, sent })
            });
        }
        for suspect in absent {
            self.reject_suspect(&suspect);
        }
        Ok(())
    }

    /// Does anything speak against the suspect? One that has no neighbours and that a firewall's page forbids is
    /// believed to be the reason once; not twice without anything being taken in between.
    fn is_guilty(&self, suspect: &Suspect) -> bool {
        let action = suspect.parcel.action;
        let accepted = self.client.last_accepted(action);
        self.suspects.have_a_witness(suspect.kind, accepted)
            || (suspect.kind == Kind::Page && self.size == 1 && self.client.take_acceptance(action))
    }

    fn reject_suspect(&mut self, suspect: &Suspect) {
        let reason = format!(
            "the server fails whenever this contact is sent ({}), and takes its neighbours",
            suspect.reason
        );
        self.fail(&suspect.parcel, None, RejectCode::RefusedByServer, &reason);
    }
}
