//! Its steps.

use async_trait::async_trait;
use auth_core::{Advance, Advanced, Generation, RotateTokens, StoreError, TokenKind, TokenLookup};

use super::{
    Defect,
    store::{Token, WrongTokens},
};
use crate::meanwhile;

#[async_trait]
impl RotateTokens<String> for WrongTokens {
    async fn advance(
        &self,
        key: &TokenLookup,
        step: &Advance,
    ) -> Result<Option<Advanced<String>>, StoreError> {
        self.forget();
        if self.reach(Defect::FailureIsNone, ())?.is_some() {
            return Ok(None);
        }
        if self.has(Defect::StepWritesBack) || self.has(Defect::StepsInTwoWrites) {
            return Ok(self.advance_slowly(key, step).await);
        }
        let mut table = self.table();
        let is_it = |row: &&mut Token| match self.defect {
            Defect::StepsByAPrefix => row.digest.as_bytes()[..31] == key.digest.as_bytes()[..31],
            _ => row.digest == key.digest,
        };
        let Some(row) = table.rows.iter_mut().find(is_it) else {
            if self.has(Defect::StepInserts) {
                table.rows.push(self.made_up(key, step.at));
            }
            return Ok(None);
        };
        let before = row.clone();
        if !self.is_makeable(row, step) {
            return Ok((!self.has(Defect::AnswersNoneIfNotMade)).then(|| Advanced::new(before, false)));
        }
        self.make(row, step);
        let after = row.clone();
        if self.has(Defect::StepsEveryToken) {
            table.rows.iter_mut().for_each(|row| self.make(row, step));
        }
        let answer = match self.defect {
            Defect::AnswersWithTheTokenBefore => before,
            _ => after,
        };
        Ok(Some(Advanced::new(answer, true)))
    }
}

impl WrongTokens {
    /// With a round trip in the middle.
    async fn advance_slowly(&self, key: &TokenLookup, step: &Advance) -> Option<Advanced<String>> {
        let mut row = self.row(key)?;
        if !self.is_makeable(&row, step) {
            return Some(Advanced::new(row, false));
        }
        if self.has(Defect::StepWritesBack) {
            meanwhile().await;
            self.make(&mut row, step);
            self.write_back(row.clone());
            return Some(Advanced::new(row, true));
        }
        let change = |change: &dyn Fn(&mut Token)| {
            let mut table = self.table();
            let row = table.rows.iter_mut().find(|row| row.digest == key.digest)?;
            change(row);
            Some(row.clone())
        };
        change(&|row| generation(row, step.kind).number = step.from + 1)?;
        meanwhile().await;
        let row = change(&|row| self.make(row, step))?;
        Some(Advanced::new(row, true))
    }

    fn is_makeable(&self, row: &Token, step: &Advance) -> bool {
        let number = row.generation(step.kind).number;
        let is_from = match self.defect {
            Defect::StepsIn32Bits => number as i32 == step.from as i32,
            _ => number == step.from,
        };
        (is_from || self.has(Defect::StepsFromAny))
            && (row.is_live(step.at) || self.has(Defect::StepsTheExpired))
    }

    fn make(&self, row: &mut Token, step: &Advance) {
        let number = match self.defect {
            Defect::StepsIn32Bits => i64::from((step.from as i32).wrapping_add(1)),
            _ => step.from.wrapping_add(1),
        };
        let since = match self.defect {
            Defect::StepsToTheSecond => step.at.replace_millisecond(0).expect("0 ms"),
            _ => step.at,
        };
        let next = Generation::new(number, Some(since));
        *generation(row, step.kind) = next;
        if self.has(Defect::StepsBothKinds) {
            (row.access_generation, row.refresh_generation) = (next, next);
        }
        row.last_used_at = step.at;
        row.expires_at = match (self.defect, step.keep_until) {
            (Defect::StepsForEver, None) => None,
            (Defect::StepsLeaveTheExpiry, _) | (_, None) => row.expires_at,
            (Defect::StepsPastTheLimit, until) => until,
            (_, Some(until)) => Some(row.bounded(until)),
        };
    }
}

fn generation(row: &mut Token, kind: TokenKind) -> &mut Generation {
    match kind {
        TokenKind::Access => &mut row.access_generation,
        TokenKind::Refresh => &mut row.refresh_generation,
    }
}
