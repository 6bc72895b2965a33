"""What a process does when a lock or a slot is held by another."""


class GaveUp(Exception):
    """Raised by a waiter instead of waiting."""


def give_up() -> None:
    raise GaveUp
