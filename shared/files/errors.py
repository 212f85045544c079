"""What can go wrong with an object, sorted by what the caller can do.

FilesError
├── ObjectMissing       there is no object of that name
├── ObjectRefused       it never succeeds as it stands: a bad name, no right, too large
├── ObjectMismatch      what arrived is not what was expected: discard it, or begin anew
└── StoreUnavailable    try again later
"""


class FilesError(Exception):
    """Its text names the object and the reason, and no secret."""


class ObjectMissing(FilesError):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} does not exist")


class ObjectRefused(FilesError):
    pass


class ObjectMismatch(FilesError):
    """Another checksum or size than expected, or the object changed while it was read."""


class StoreUnavailable(FilesError):
    pass
