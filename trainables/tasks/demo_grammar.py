"""A seeded grammar of sentiment sentences whose label follows from how their parts are put together.

Every phrase carries its sentiment, and every rule computes the sentiment of the whole from those of its
parts ("not" turns it round, "although a , b" has that of b), so each label is right by construction. The
decisive part often comes late, behind scene-setting words that say nothing, so cutting the text costs
accuracy; and the words alone do not tell the label, so cutting the encoder does too.
"""

import random
from dataclasses import dataclass

POSITIVE = (
    "good",
    "great",
    "lovely",
    "charming",
    "superb",
    "tasty",
    "friendly",
    "clean",
    "bright",
    "excellent",
    "warm",
    "fresh",
    "delightful",
    "pleasant",
    "wonderful",
    "impressive",
)
NEGATIVE = (
    "bad",
    "awful",
    "dull",
    "dirty",
    "rude",
    "bland",
    "gloomy",
    "terrible",
    "cold",
    "stale",
    "boring",
    "nasty",
    "poor",
    "horrible",
    "noisy",
    "disappointing",
)
SUBJECTS = (
    "the food",
    "the service",
    "the room",
    "the staff",
    "the soup",
    "the wine",
    "the garden",
    "the music",
    "the breakfast",
    "the kitchen",
    "the lobby",
    "the view",
    "the dessert",
    "the terrace",
    "the concert",
    "the museum",
    "the film",
    "the play",
    "the guide",
    "the tour",
    "the bar",
    "the menu",
)
DEGREES = ("", "", "very", "really", "quite", "rather")
NEGATIONS = ("not", "never", "hardly", "far from", "anything but")
SCENES = (
    "on a rainy evening in march",
    "after a long day at the office",
    "with two old friends from school",
    "during the second week of our holiday",
    "at the corner of the main street",
    "just before the end of the season",
    "when we came back from the station",
    "on the way to the harbour",
    "on the day of the annual market",
    "while the others were still at home",
)
DETAILS = (
    "that we had booked by phone",
    "which everybody in the town knows",
    "that our neighbours told us about",
    "which opened again in the spring",
    "that belongs to the old hotel",
)
DENIALS = ("it is not true that", "nobody would say that", "only a fool would claim that")
CLAIMS = ("the leaflet says that", "we had been told that", "a friend of mine insists that")
REFUTATIONS = ("however that is wrong", "however we saw the opposite", "which is not the case")
CONFIRMATIONS = ("and that is right", "and we saw the same", "which is indeed the case")


@dataclass(frozen=True)
class Phrase:
    text: str
    positive: bool


def word(text: str) -> Phrase:
    return Phrase(text, text in POSITIVE)


def degree(adverb: str, phrase: Phrase) -> Phrase:
    return Phrase(f"{adverb} {phrase.text}".strip(), phrase.positive)


def negate(negation: str, phrase: Phrase) -> Phrase:
    return Phrase(f"{negation} {phrase.text}", not phrase.positive)


def not_but(rejected: Phrase, put_right: Phrase) -> Phrase:
    """ "not bland but tasty" """
    return Phrase(f"not {rejected.text} but {put_right.text}", put_right.positive)


def clause(subject: str, predicate: Phrase) -> Phrase:
    return Phrase(f"{subject} was {predicate.text}", predicate.positive)


def although(conceded: Phrase, asserted: Phrase) -> Phrase:
    return Phrase(f"although {conceded.text} , {asserted.text}", asserted.positive)


def asserted_although(asserted: Phrase, conceded: Phrase) -> Phrase:
    return Phrase(f"{asserted.text} , although {conceded.text}", asserted.positive)


def yet(conceded: Phrase, asserted: Phrase) -> Phrase:
    return Phrase(f"{conceded.text} , yet {asserted.text}", asserted.positive)


def deny(denial: str, phrase: Phrase) -> Phrase:
    return Phrase(f"{denial} {phrase.text}", not phrase.positive)


def refute(claim: str, phrase: Phrase, refutation: str) -> Phrase:
    """ "the leaflet says that the room was clean , however that is wrong" """
    return Phrase(f"{claim} {phrase.text} , {refutation}", not phrase.positive)


def confirm(claim: str, phrase: Phrase, confirmation: str) -> Phrase:
    return Phrase(f"{claim} {phrase.text} , {confirmation}", phrase.positive)


def at_scene(scene: str, phrase: Phrase) -> Phrase:
    return Phrase(f"{scene} {phrase.text}", phrase.positive)


def sentence(rng: random.Random) -> Phrase:
    """One sentence of the grammar, ended by a full stop."""
    whole = _statement(rng)
    for _ in range(rng.choices((0, 1, 2), (5, 4, 1))[0]):
        whole = at_scene(rng.choice(SCENES), whole)
    return Phrase(f"{whole.text} .", whole.positive)


def _statement(rng: random.Random) -> Phrase:
    a, b = _clause(rng), _clause(rng)
    rule = rng.choices(range(7), (6, 4, 4, 1, 1, 1, 1))[0]
    match rule:
        case 0:
            return a
        case 1:
            return although(a, b)
        case 2:
            return yet(a, b)
        case 3:
            return asserted_although(a, b)
        case 4:
            return deny(rng.choice(DENIALS), a)
        case 5:
            return refute(rng.choice(CLAIMS), a, rng.choice(REFUTATIONS))
        case _:
            return confirm(rng.choice(CLAIMS), a, rng.choice(CONFIRMATIONS))


def _clause(rng: random.Random) -> Phrase:
    subject = rng.choice(SUBJECTS)
    for detail in rng.sample(DETAILS, rng.choices((0, 1, 2), (5, 3, 1))[0]):
        subject = f"{subject} {detail}"
    return clause(subject, _predicate(rng))


def _predicate(rng: random.Random) -> Phrase:
    adjective = word(rng.choice(POSITIVE + NEGATIVE))
    rule = rng.choices(range(3), (7, 2, 1))[0]
    match rule:
        case 0:
            return degree(rng.choice(DEGREES), adjective)
        case 1:
            return negate(rng.choice(NEGATIONS), adjective)
        case _:
            other = word(rng.choice(NEGATIVE if adjective.positive else POSITIVE))
            return not_but(other, adjective)


def vocabulary() -> list[str]:
    """Every word that a sentence can hold, in a fixed order."""
    phrases = [*POSITIVE, *NEGATIVE, *SUBJECTS, *DEGREES, *NEGATIONS, *SCENES, *DETAILS, *DENIALS, *CLAIMS]
    phrases += [*REFUTATIONS, *CONFIRMATIONS, "was although yet but not , ."]
    return sorted({word for phrase in phrases for word in phrase.split()})
