//! How the bucket of a lake is used.

use clap::{Args as Group, ValueEnum};
use serde::Deserialize;

use super::given;

/// How the bucket of a lake is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Group, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[allow(clippy::struct_field_names, reason = "the names are those of the options")]
pub struct S3Options {
    /// Where the name of the bucket stands: `virtual` before the host, `path` behind it. Default: before the
    /// host at AWS, behind it where an endpoint is set.
    #[arg(
        long,
        global = true,
        value_name = "STYLE",
        hide_short_help = true,
        hide_possible_values = true,
        help_heading = "S3 options"
    )]
    pub s3_addressing: Option<Addressing>,

    /// How the store encrypts what is put: `AES256` (SSE-S3), `aws:kms` or `aws:kms:dsse`. Default: as the
    /// bucket does it.
    #[arg(
        long,
        global = true,
        value_name = "SSE",
        hide_short_help = true,
        hide_possible_values = true,
        help_heading = "S3 options"
    )]
    pub s3_sse: Option<Sse>,

    /// The KMS key to encrypt with: its id, alias or ARN. Default: the account's own for S3.
    #[arg(long, global = true, value_name = "KEY", hide_short_help = true, help_heading = "S3 options")]
    pub s3_sse_kms_key_id: Option<String>,

    /// The storage class of data objects, such as `STANDARD_IA` or `INTELLIGENT_TIERING`; one that can be read
    /// at once, since each fold reads. Default: the bucket's own.
    #[arg(long, global = true, value_name = "CLASS", hide_short_help = true, help_heading = "S3 options")]
    pub s3_storage_class: Option<String>,

    /// A checksum that the store verifies and keeps with each object, `sha256` or `crc64nvme`, beside the
    /// signature, which covers the bytes anyway. Default: none.
    #[arg(
        long,
        global = true,
        value_name = "ALGORITHM",
        hide_short_help = true,
        hide_possible_values = true,
        help_heading = "S3 options"
    )]
    pub s3_checksum: Option<S3Checksum>,
}

impl S3Options {
    /// These options, and those of `file` where these say nothing.
    pub fn or(self, file: Self) -> Self {
        Self {
            s3_addressing: self.s3_addressing.or(file.s3_addressing),
            s3_sse: self.s3_sse.or(file.s3_sse),
            s3_sse_kms_key_id: given(self.s3_sse_kms_key_id).or(given(file.s3_sse_kms_key_id)),
            s3_storage_class: given(self.s3_storage_class).or(given(file.s3_storage_class)),
            s3_checksum: self.s3_checksum.or(file.s3_checksum),
        }
    }
}

/// Where the name of the bucket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Addressing {
    /// As the endpoint suggests.
    Auto,
    /// Behind the host.
    Path,
    /// Before the host.
    Virtual,
}

/// How the store encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
pub enum Sse {
    /// By keys of the store.
    #[value(name = "AES256")]
    #[serde(rename = "AES256")]
    Aes256,
    /// By a key of KMS.
    #[value(name = "aws:kms")]
    #[serde(rename = "aws:kms")]
    Kms,
    /// Twice, by a key of KMS.
    #[value(name = "aws:kms:dsse")]
    #[serde(rename = "aws:kms:dsse")]
    Dsse,
}

/// A checksum that the store verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum S3Checksum {
    /// SHA-256.
    Sha256,
    /// CRC-64/NVME.
    Crc64nvme,
}
