"""Of the errors that a champion's life may have, how many one look may make."""


def spent(confidence: float, look: int) -> float:
    """The probability that this look promotes what it should not.

    1/2, 1/6, 1/12 ... of ``1 - confidence``, which is what all looks together may spend (Lan and DeMets, Biometrika
    70(3), 1983, with looks for information). The first look has half of it: one side of an interval of that confidence.
    """
    in_all = 1 - confidence
    share = look * (look + 1)
    return in_all / share
