//! Accounts: deleted ones vanish from the list, yet answer by id.

use super::unknown::Place;
use super::{DAY_MS, World, WorldConfig};
use crate::chance::{Chance, Topic};
use crate::json::JsonText;

#[derive(Clone, Copy, Debug)]
pub(super) struct AccountRecord {
    pub(super) version: u32,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) deleted: bool,
}

impl AccountRecord {
    pub(super) fn of(config: &WorldConfig, row: u32) -> Self {
        let mut chance = Chance::at(config.seed, Topic::Account, u64::from(row), 0);
        let created_ms = config.now_ms - (100 + chance.below(900) as i64) * DAY_MS;
        let updated_ms = created_ms + chance.below(100 * DAY_MS as u64) as i64;
        Self { version: 0, created_ms, updated_ms, deleted: row % 50 == 7 }
    }
}

impl World {
    /// How many accounts there ever were.
    pub fn account_rows(&self) -> u32 {
        self.accounts.len() as u32
    }

    /// Whether the account is in `GET /accounts`.
    pub fn account_is_listed(&self, row: u32) -> bool {
        !self.accounts[row as usize].deleted
    }

    /// The rows of the accounts that are listed.
    pub fn listed_accounts(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.account_rows()).filter(|row| self.account_is_listed(*row))
    }

    /// The id of account `row`: a number and a domain.
    pub fn account_id(row: u32) -> String {
        format!("{}_{}", 90_001 + row, account_domain(row))
    }

    /// The row of an account id, deleted ones included.
    pub fn account_row(&self, id: &str) -> Option<u32> {
        let number: u32 = id.split_once('_')?.0.parse().ok()?;
        number.checked_sub(90_001).filter(|row| *row < self.account_rows() && Self::account_id(*row) == id)
    }

    pub(crate) fn write_account(&self, row: u32, json: &mut JsonText) {
        let record = self.accounts[row as usize];
        let mut chance = Chance::at(self.config.seed, Topic::Account, u64::from(row), 1);
        json.open('{').text_field("accountId", &Self::account_id(row));
        let owner = chance.below(u64::from(self.config.users.max(1))) as u32;
        if self.config.strict || !chance.one_in(6) {
            json.number_field("ownerId", Self::user_id(owner));
        }
        json.text_field("name", &format!("Firma {row} v{} & Söhne", record.version));
        json.text_field("domain", &account_domain(row)).bool_field("deleted", record.deleted);
        json.bool_field("targeted", chance.one_in(3));
        json.number_field("createDateTime", record.created_ms)
            .number_field("updateDateTime", record.updated_ms);
        self.write_properties(&mut chance, json);
        self.write_unknown(&mut chance, Place::Account, json);
        json.close('}');
    }

    fn write_properties(&self, chance: &mut Chance, json: &mut JsonText) {
        let shape = chance.below(6);
        if shape == 0 && !self.config.strict {
            return;
        }
        json.key("customProperties").open('[');
        let values = [
            ("NUMBER", "2"),
            ("NUMBER", "2.50"),
            ("STRING", r#""gold""#),
            ("LIST", r#"["a",1]"#),
            ("ANY", "null"),
        ];
        for (number, (kind, value)) in
            values.iter().skip(chance.below(5) as usize).enumerate().filter(|_| shape > 1)
        {
            json.open('{').text_field("label", "Tier").text_field("name", &format!("tier{number}"));
            json.raw_field("value", value).text_field("type", kind);
            self.write_unknown(chance, Place::AccountProperty, json);
            json.close('}');
        }
        json.close(']');
    }
}

fn account_domain(row: u32) -> String {
    format!("firm-{row}.example.test")
}
