"""The two ways in which the API doesn't do what it was asked."""


class ApiRejected(Exception):
    """The API refused the request; the text is its address and message. `status` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class ApiUnavailable(Exception):
    """The API can't answer now. `is_away`: there is nobody at its address. `is_cut_off`: the
    connection broke, and what was asked may have been done."""

    def __init__(self, message: str, *, is_away: bool = False, is_cut_off: bool = False) -> None:
        super().__init__(message)
        self.is_away = is_away
        self.is_cut_off = is_cut_off
