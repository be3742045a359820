//! Delta tables as their log says they are, read by the rules of the format and by nothing of the program: all
//! commits from the first one on.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use drift2parquet::manifest::Manifest;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Files of a publication, by path.
pub type Files = BTreeMap<String, Bytes>;

/// The versions of one table, each with what it holds: partition values and SHA-256 of each file.
pub type Versions = Vec<BTreeSet<(String, String)>>;

/// All versions of a table. Each file that the newest one names is there, with its size.
pub fn versions(files: &Files, table: &str) -> Versions {
    let commits: Vec<Vec<Value>> = (0..)
        .map_while(|version| files.get(&format!("{table}/_delta_log/{version:020}.json")))
        .map(|text| serde_json::Deserializer::from_slice(text).into_iter().collect::<Result<_, _>>().unwrap())
        .collect();
    let mut live: BTreeMap<String, Value> = BTreeMap::new();
    let mut versions = Vec::new();
    for (version, commit) in commits.iter().enumerate() {
        if version == 0 {
            assert!(commit.iter().any(|action| action.get("protocol").is_some()));
            assert!(commit.iter().any(|action| action.get("metaData").is_some()));
        }
        assert_eq!(commit.iter().filter(|action| action.get("txn").is_some()).count(), 1);
        for action in commit {
            if let Some(remove) = action.get("remove") {
                assert!(
                    live.remove(remove["path"].as_str().unwrap()).is_some(),
                    "{table}: removed, never added"
                );
            }
        }
        for add in commit.iter().filter_map(|action| action.get("add")) {
            let twice = live.insert(add["path"].as_str().unwrap().to_owned(), add.clone());
            assert!(twice.is_none(), "{table}: a name was given twice");
        }
        versions.push(
            live.iter().map(|(path, add)| (add["partitionValues"].to_string(), sha256_of(path))).collect(),
        );
    }
    for (path, add) in &live {
        let bytes =
            files.get(&format!("{table}/{path}")).unwrap_or_else(|| panic!("{table}/{path} is not there"));
        assert_eq!(bytes.len() as u64, add["size"].as_u64().unwrap());
        assert_eq!(hex::encode(Sha256::digest(bytes)), sha256_of(path), "{table}/{path}");
    }
    versions
}

/// As the name of a file says.
fn sha256_of(path: &str) -> String {
    path.rsplit('/').next().unwrap().split('-').next().unwrap().to_owned()
}

/// What a version that is of this manifest holds.
pub fn wanted(manifest: &Manifest, table: &str) -> BTreeSet<(String, String)> {
    let objects = manifest.tables[table].objects.iter();
    objects.map(|(path, object)| (partition_of(path), object.sha256.clone())).collect()
}

fn partition_of(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let [_, partition, _] = parts[..] else { return "{}".to_owned() };
    let (column, value) = partition.split_once('=').unwrap();
    let value = match value {
        "__HIVE_DEFAULT_PARTITION__" => "null".to_owned(),
        value if column == "bucket" => format!("\"{}\"", value.parse::<u8>().unwrap()),
        value => format!("\"{value}\""),
    };
    format!("{{\"{column}\":{value}}}")
}
