//! The tables of a lake, each declared once in a file of its own.
//!
//! Adding a table is one file here, one line in [`ALL`], one sample page under `tests/fixtures` and one
//! endpoint of the simulator.

mod accounts;
mod campaign_members;
mod campaigns;
mod contacts;
mod conversation_list;
mod conversations;
mod inboxes;
mod landing_pages;
mod meetings;
mod messages;
mod playbooks;
mod teams;
mod users;

use crate::schema::Table;

pub use self::campaign_members::CAMPAIGN_MEMBERS;
pub use self::campaigns::CAMPAIGNS;
pub use self::contacts::CONTACTS;
pub use self::conversation_list::CONVERSATION_LIST;
pub use self::conversations::{CONVERSATIONS, DETAIL, LIST, STATS};
pub use self::inboxes::INBOXES;
pub use self::meetings::MEETINGS;
pub use self::messages::{MESSAGES, THREAD};

/// All tables, in the order in which a run reads them and the documentation shows them.
pub static ALL: &[&Table] = &[
    &CONVERSATIONS,
    &MESSAGES,
    &CAMPAIGNS,
    &CAMPAIGN_MEMBERS,
    &INBOXES,
    &CONTACTS,
    &users::USERS,
    &teams::TEAMS,
    &accounts::ACCOUNTS,
    &playbooks::PLAYBOOKS,
    &landing_pages::LANDING_PAGES,
    &MEETINGS,
];

/// The table of this name.
pub fn by_name(name: &str) -> Option<&'static Table> {
    ALL.iter().copied().find(|table| table.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::schema::{Kind, Partition};

    #[test]
    fn names_and_columns_stand_once() {
        let mut names = HashSet::new();
        for table in ALL {
            assert!(names.insert(table.name), "{} stands twice", table.name);
            let mut columns = HashSet::new();
            for column in table.all_columns() {
                assert!(columns.insert(column.name), "{}.{} stands twice", table.name, column.name);
                assert!(column.about.ends_with('.'), "{}.{} lacks a sentence", table.name, column.name);
            }
        }
    }

    #[test]
    fn keys_sorts_and_partitions_name_columns_of_fitting_kinds() {
        for table in ALL {
            assert!(table.sort.starts_with(table.key), "{} is not sorted by its key", table.name);
            for name in table.sort {
                let kind = table.column(name).expect("a sort column is declared").kind;
                assert!(matches!(kind, Kind::Int | Kind::Text), "{}.{name} cannot be a key", table.name);
            }
            if let Partition::Time(name) = table.partition {
                let kind = table.column(name).expect("the partition column is declared").kind;
                assert!(matches!(kind, Kind::Time));
            }
        }
    }

    #[test]
    fn tables_that_are_brought_along_exist() {
        for table in ALL {
            table.brings.iter().for_each(|name| assert!(by_name(name).is_some(), "{name} is unknown"));
        }
    }
}
