"""Which of two texts is usually read as yes: words of people, numbers, and words of trades."""

import re

YES_NO: dict[str, tuple[str, ...]] = {
    "1": ("0", "-1"),
    "true": ("false",),
    "t": ("f",),
    "yes": ("no",),
    "y": ("n",),
    "on": ("off",),
    "ja": ("nein", "nee", "nej", "nei"),
    "j": ("n",),
    "wahr": ("falsch",),
    "oui": ("non",),
    "o": ("n",),
    "vrai": ("faux",),
    "si": ("no",),
    "sí": ("no",),
    "sì": ("no",),
    "s": ("n",),
    "v": ("f",),
    "vero": ("falso",),
    "verdadero": ("falso",),
    "sim": ("não", "nao"),
    "verdadeiro": ("falso",),
    "da": ("ne", "nu"),
    "да": ("нет",),
    "tak": ("nie",),
    "ano": ("ne",),
    "igen": ("nem",),
    "evet": ("hay\u0131r", "hayir"),
    "kyllä": ("ei",),
    "是": ("否",),
    "はい": ("いいえ",),
    "예": ("아니요", "아니오"),
}
"""What says yes, and what says no beside it."""
TRADES: dict[str, tuple[str, ...]] = {
    "+": ("-",),
    "positive": ("negative",),
    "pos": ("neg",),
    "p": ("n",),
    "malignant": ("benign",),
    "bad": ("good",),
    "late": ("on time", "ontime", "in time", "early", "punctual"),
    "churned": ("stayed", "retained", "active"),
    "churn": ("stay", "active"),
    "fraud": ("legit", "legitimate", "genuine", "normal", "ok"),
    "spam": ("ham",),
    "default": ("paid", "fully paid", "current"),
    "abnormal": ("normal",),
    "anomaly": ("normal",),
}
"""The event that people ask for, and its absence."""
NEGATIONS = ("not", "no", "non", "un")
NUMBER = r"[+-]?[0-9]+(\.[0-9]+)?"


def usual_positive(one: str, other: str) -> str | None:
    """That of two texts which usually means yes beside the other; None where nothing is usual."""
    word = _word(one)
    other_word = _word(other)
    if _is_opposite(word, other_word):
        return one
    if _is_opposite(other_word, word):
        return other
    return None


def usual_negatives(positive: str) -> tuple[str, ...]:
    """What people say for no where this says yes, in small letters; empty where it is no word for yes.

    A number or a letter may be a code, of which another is the opposite.
    """
    word = _word(positive)
    is_code = len(word) == 1 and word.isascii()
    if is_code:
        return ()
    return YES_NO.get(word, ())


def says_yes(text: str) -> bool:
    """Whether a text alone is a word for yes, or for what people ask for; a number may be a code."""
    word = _word(text)
    if re.fullmatch(NUMBER, word):
        return False
    return word in YES_NO or word in TRADES


def says_no(text: str) -> bool:
    """Whether a text alone is a word for no, or for the absence of what people ask for."""
    word = _word(text)
    if re.fullmatch(NUMBER, word):
        return False
    opposites = [*YES_NO.values(), *TRADES.values()]
    return any(word in words for words in opposites)


def _is_opposite(positive: str, negative: str) -> bool:
    opposites = [
        *YES_NO.get(positive, ()),
        *TRADES.get(positive, ()),
    ]
    opposites += [f"{negation} {positive}" for negation in NEGATIONS]
    if negative in opposites:
        return True
    is_number = re.fullmatch(NUMBER, positive)
    return is_number is not None and negative == "0" and float(positive) > 0


def _word(text: str) -> str:
    """Small letters, with single spaces for what joins words; numbers as they are written shortest."""
    small = text.strip().lower()
    words = re.sub(r"(?<=\w)[_\s-]+(?=\w)", " ", small)
    if re.fullmatch(NUMBER, words):
        return f"{float(words):g}"
    return words
