//! A copy of one object under a name of its own, without its bytes passing through here wherever that can be
//! done. What is copied is what the manifest names, or it is no copy.

use sha2::{Digest, Sha256};

use super::stats::stats;
use super::{Publication, lake_changed};
use crate::data_file::{self, End, Reader};
use crate::error::{Error, Result};
use crate::lake::open_object;
use crate::manifest::ObjectState;
use crate::schema::Table;
use crate::store::{Creation, Etag, Store};

/// Footers are smaller.
const END_BYTES: u64 = 512 << 10;

/// Copies the object at `source` of the lake to `path` of its Delta table, and answers its statistics.
///
/// # Errors
/// [`lake_changed`] when what lies there is not `object`; those of the stores.
pub async fn copy(
    publication: &Publication<'_>,
    table: &'static Table,
    source: &str,
    object: &ObjectState,
    path: &str,
) -> Result<String> {
    let Publication { lake, target, .. } = *publication;
    let place = format!("{}/{path}", table.name);
    let copied = match lake.origin(source) {
        Some(origin) => target.copy(&origin, &place).await?,
        None => None,
    };
    match copied {
        None => copy_bytes(lake, target, source, object, &place).await?,
        Some(etag) if is_proven(target, &place, &etag, object).await? => {}
        Some(_) => {
            target.delete(&place).await?;
            return Err(lake_changed(&lake.uri(source)));
        }
    }
    let reader = footer(target, table, &place).await?;
    let is_as_told = reader.rows() == object.rows && reader.bytes() == object.bytes;
    if is_as_told { Ok(stats(table, &reader)) } else { Err(lake_changed(&lake.uri(source))) }
}

/// The same version has the same bytes; another one may still have them.
async fn is_proven(target: &dyn Store, place: &str, etag: &Etag, object: &ObjectState) -> Result<bool> {
    if *etag == object.etag {
        return Ok(true);
    }
    let copy = target.get(place).await?;
    Ok(copy.is_some_and(|copy| is_of(&copy.bytes, object)))
}

async fn copy_bytes(
    lake: &dyn Store,
    target: &dyn Store,
    source: &str,
    object: &ObjectState,
    place: &str,
) -> Result<()> {
    let found = lake.get(source).await?.filter(|found| is_of(&found.bytes, object));
    let found = found.ok_or_else(|| lake_changed(&lake.uri(source)))?;
    match target.create(place, found.bytes).await? {
        Creation::Created(_) => Ok(()),
        Creation::Exists => Err(Error::internal("a published file's name was given twice")),
    }
}

fn is_of(bytes: &[u8], object: &ObjectState) -> bool {
    hex::encode(Sha256::digest(bytes)) == object.sha256
}

/// Of a file in a bucket only the end is read.
async fn footer(target: &dyn Store, table: &'static Table, place: &str) -> Result<Reader> {
    if let Some(end) = target.end(place, END_BYTES).await?
        && let Ok(reader) = data_file::open(table, End::new(end.bytes, end.size))
    {
        return Ok(reader);
    }
    let opened = open_object(target, table, place).await?;
    opened.map(|(reader, _)| reader).ok_or_else(|| lake_changed(&target.uri(place)))
}
