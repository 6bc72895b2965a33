"""How numbers are written in figures and sentences."""


def percent(share: float) -> str:
    """A share from 0 to 1 with as many digits as are sensible."""
    if 0 < share < 0.0005:
        return "<0.1%"
    return f"{share:.0%}" if share >= 0.0995 or share == 0 else f"{share:.1%}"
