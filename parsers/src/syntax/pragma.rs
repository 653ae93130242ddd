//! `#rkeep: name key=value …` in a comment line of its own: what rkeep can do beyond the originals, in files that they
//! still read.

const MARK: &[u8] = b"#rkeep:";

/// What a line says to rkeep alone, without the mark.
pub fn of_line(line: &[u8]) -> Option<&[u8]> {
    line.trim_ascii().strip_prefix(MARK)
}
