//! An open file with its kind and compression.

use super::{
    Compression, Kind, Origin, ReadOptions, SourceErrorKind, file::SourceFile, inflate::Inflated,
    kind,
};

/// An open file with its detected kind and compression.
pub(super) struct Input<'a> {
    pub(super) origin: &'a Origin,
    pub(super) options: &'a ReadOptions<'a>,
    pub(super) kind: Kind,
    pub(super) compression: Compression,
    /// The file itself, which is hashed.
    pub(super) raw: SourceFile,
    /// The file, unpacked if its kind needs random access.
    pub(super) file: SourceFile,
}

impl<'a> Input<'a> {
    /// Detects the kind of a file.
    pub(super) fn new(
        raw: SourceFile,
        origin: &'a Origin,
        options: &'a ReadOptions<'a>,
    ) -> Result<Self, SourceErrorKind> {
        let compression = Compression::of(&raw.head(4)?);
        let inflated = || Inflated::new(&raw, compression, options.limits.inflated_bytes);
        let mut head = Vec::new();
        inflated()?.fill(&mut head, kind::HEAD_BYTES)?;
        let kind = kind::of_head(&head)?;
        let is_binary = matches!(kind, None | Some(Kind::Xls));
        let file = if is_binary && compression != Compression::None {
            inflated()?.spool()?
        } else {
            raw.clone()
        };
        let kind = match kind {
            Some(kind) => kind,
            None => kind::of_archive(file.reader())?,
        };
        Ok(Self {
            origin,
            options,
            kind,
            compression,
            raw,
            file,
        })
    }
}
