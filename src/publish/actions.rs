//! What stands in the log of a Delta table, as far as this program writes it or goes by it. Fields that are not
//! named here are passed over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// By column; none for null.
pub type PartitionValues = BTreeMap<String, Option<String>>;

/// One line of a commit, or one row of a checkpoint: exactly one of these.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Action {
    /// Who committed, when and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_info: Option<Value>,
    /// What readers and writers must be able to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// What the table is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta_data: Option<MetaData>,
    /// How far an application has got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txn: Option<Txn>,
    /// A file goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<Remove>,
    /// A file comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add: Option<Add>,
}

/// What readers and writers must be able to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Protocol {
    /// For reading.
    pub min_reader_version: i32,
    /// For writing.
    pub min_writer_version: i32,
}

/// What the table is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetaData {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// One sentence about it.
    pub description: Option<String>,
    /// The form of its files.
    pub format: Format,
    /// Its schema, as JSON.
    pub schema_string: String,
    /// Its partition columns.
    pub partition_columns: Vec<String>,
    /// Its settings.
    pub configuration: BTreeMap<String, String>,
    /// When it was made, in milliseconds.
    pub created_time: Option<i64>,
}

/// The form of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// `parquet`
    pub provider: String,
    /// None.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// How far an application has got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Txn {
    /// The application.
    pub app_id: String,
    /// How far.
    pub version: i64,
    /// When, in milliseconds.
    #[serde(default)]
    pub last_updated: Option<i64>,
}

/// A file goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Remove {
    /// Its path in the table.
    pub path: String,
    /// When, in milliseconds.
    #[serde(default)]
    pub deletion_timestamp: Option<i64>,
    /// Whether rows go with it.
    pub data_change: bool,
    /// Whether the two fields below are there.
    #[serde(default)]
    pub extended_file_metadata: Option<bool>,
    /// Its partition.
    #[serde(default)]
    pub partition_values: Option<PartitionValues>,
    /// Its size in bytes.
    #[serde(default)]
    pub size: Option<i64>,
}

/// A file comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Add {
    /// Its path in the table.
    pub path: String,
    /// Its partition.
    pub partition_values: PartitionValues,
    /// Its size in bytes.
    pub size: i64,
    /// When it was made, in milliseconds.
    pub modification_time: i64,
    /// Whether rows come with it.
    pub data_change: bool,
    /// Counts and bounds of its columns, as JSON.
    #[serde(default)]
    pub stats: Option<String>,
}

impl Add {
    /// The same file, going.
    pub fn removed(&self, at_ms: i64) -> Remove {
        Remove {
            path: self.path.clone(),
            deletion_timestamp: Some(at_ms),
            data_change: true,
            extended_file_metadata: Some(true),
            partition_values: Some(self.partition_values.clone()),
            size: Some(self.size),
        }
    }
}

impl From<Add> for Action {
    fn from(add: Add) -> Self {
        Self { add: Some(add), ..Self::default() }
    }
}

impl From<Remove> for Action {
    fn from(remove: Remove) -> Self {
        Self { remove: Some(remove), ..Self::default() }
    }
}

impl From<Txn> for Action {
    fn from(txn: Txn) -> Self {
        Self { txn: Some(txn), ..Self::default() }
    }
}

impl From<MetaData> for Action {
    fn from(meta_data: MetaData) -> Self {
        Self { meta_data: Some(meta_data), ..Self::default() }
    }
}

impl From<Protocol> for Action {
    fn from(protocol: Protocol) -> Self {
        Self { protocol: Some(protocol), ..Self::default() }
    }
}
