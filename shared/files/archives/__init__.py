"""Trees of files as streams of tar: read, checked, put under another root, written, and indexed."""

from shared.files.archives.index import (
    ArchiveHead,
    ArchiveIndex,
    IndexEntry,
    find_entry,
    index_name,
    opened_index,
)
from shared.files.archives.members import (
    Checked,
    Member,
    below,
    file_member,
    rooted,
    under,
)
from shared.files.archives.tar import read_tar, write_tar
from shared.files.archives.unpacking import unpacked
