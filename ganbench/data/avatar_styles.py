"""The drawn styles of the ``avatars`` dataset and how each expresses the common vocabulary of attributes.

A style is data: for every class of every attribute, the options of DiceBear (https://www.dicebear.com) that force it.
What is not forced (clothes, eyes, shape of the hair, …) follows from the seed of the face. Left out everywhere: hats
and scarves that hide the hair, bald heads and hair that hides the face, sunglasses and eye patches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DiceOption = int | Sequence[str] | Sequence[float]
DiceOptions = Mapping[str, DiceOption]
Expressions = Mapping[str, DiceOptions]  # class → the options that force it

POSE: DiceOptions = {"translateX": (-5.0, 5.0), "scale": (1.0, 1.1)}
"""Where a face stands: at most so many per cent of the width off the middle, and so much enlarged.

Without it the styles hold so few faces that two of five in adventurer, and nine of ten in big-smile, nearly equal one
of 1,000 others (mean difference at 32 px up to 4/255); with it, none of 150 and one of eleven. Held-out faces picked
to differ from the training faces would be another distribution.
"""

# Chosen to stay apart at 32 px, also hair from skin.
SKIN = {"light": "#ffdbb4", "tan": "#dd9f67", "brown": "#9a5a2e", "dark": "#55331f"}
HAIR = {"black": "#1c1210", "blonde": "#f0cf3c", "red": "#d0260c", "blue": "#4a86e0"}

CLASSES: Mapping[str, tuple[str, ...]] = {
    "skin": tuple(SKIN),
    "hair": tuple(HAIR),
    "mouth": ("closed", "open"),
    "facial_hair": ("none", "beard"),
}
"""Attribute → its classes; where only one of two styles expresses an attribute, the first class is drawn."""


@dataclass(frozen=True)
class AvatarStyle:
    """How one style of DiceBear expresses the vocabulary.

    Attributes:
        always: options of every face.
        attributes: attribute → class → the options that force it.
        glasses: options that put glasses on, or None where the style has none.
        bare: options that leave them off.
    """

    always: DiceOptions
    attributes: Mapping[str, Expressions]
    glasses: DiceOptions | None = None
    bare: DiceOptions | None = None


def _colours(palette: Mapping[str, str], *options: str) -> Expressions:
    """Give all ``options`` the same single colour."""
    return {name: dict.fromkeys(options, (colour,)) for name, colour in palette.items()}


def _mouth(closed: Sequence[str], opened: Sequence[str]) -> Expressions:
    return {"closed": {"mouthVariant": tuple(closed)}, "open": {"mouthVariant": tuple(opened)}}


def _beard(option: str, *variants: str) -> Expressions:
    return {
        "none": {f"{option}Probability": 0},
        "beard": {f"{option}Probability": 100, f"{option}Variant": variants},
    }


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _numbered(prefix: str, *numbers: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{number:02d}" for number in numbers)


AVATAAARS = AvatarStyle(
    always={
        "topProbability": 100,
        "topVariant": _words(
            "bigHair bob bun curly curvy dreads dreads01 dreads02 fro longButNotTooLong miaWallace shaggy shaggyMullet "
            "shortCurly shortFlat shortRound shortWaved straight01 straight02 straightAndStrand theCaesar "
            "theCaesarAndSidePart"
        ),
    },
    attributes={
        "skin": _colours(SKIN, "skinColor"),
        "hair": _colours(HAIR, "hairColor", "facialHairColor"),
        "mouth": _mouth(closed=("sad", "serious", "twinkle"), opened=("screamOpen", "smile", "tongue")),
        "facial_hair": _beard("facialHair", "beardMajestic", "beardMedium"),
    },
    glasses={
        "accessoriesProbability": 100,
        "accessoriesVariant": ("prescription01", "prescription02", "round"),
        "accessoriesColor": ("#262e33",),
    },
    bare={"accessoriesProbability": 0},
)

ADVENTURER = AvatarStyle(
    always={
        "hairVariant": (
            *_numbered("long", 1, 2, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 21, 22, 23),
            *_numbered("short", 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 14, 15, 16, 17, 18),
        ),
        "detailsProbability": 0,
        "earringsProbability": 0,
    },
    attributes={
        "skin": _colours(SKIN, "skinColor"),
        "hair": _colours(HAIR, "hairColor"),
        "mouth": _mouth(
            closed=_numbered("variant", 2, 4, 9, 10, 19, 29),
            opened=_numbered("variant", 1, 5, 15, 24, 25, 26, 27, 28, 30),
        ),
    },
    glasses={"glassesProbability": 100, "glassesVariant": _numbered("variant", 2, 4, 5)},
    bare={"glassesProbability": 0},
)

TOON_HEAD = AvatarStyle(
    always={"hairProbability": 100},
    attributes={
        "skin": _colours(SKIN, "skinColor"),
        "hair": _colours(HAIR, "hairColor"),
        "mouth": _mouth(closed=("sad", "smile"), opened=("agape", "laugh")),
        "facial_hair": _beard("beard", "fullBeard", "longBeard"),
    },
)

BIG_SMILE = AvatarStyle(
    always={
        "accessoriesProbability": 0,  # its glasses reach beyond the picture, and so cannot be switched alone
        "hairVariant": _words(
            "bangs bowlCutHair bunHair curlyBob curlyShortHair froBun halfShavedHead shavedHead shortHair straightHair "
            "wavyBob"
        ),
    },
    attributes={
        "skin": _colours(SKIN, "skinColor"),
        "hair": _colours(HAIR, "hairColor"),
        "mouth": _mouth(closed=("kawaii", "unimpressed"), opened=("gapSmile", "openSad", "openedSmile", "teethSmile")),
    },
)

LORELEI = AvatarStyle(
    always={
        "hairVariant": _numbered(
            "variant", *(n for n in range(1, 49) if n not in (25, 27, 28, 34, 16, 21, 40, 41, 45))
        ),
        "earringsProbability": 0,
        "frecklesProbability": 0,
        "hairAccessoriesProbability": 0,
        "beardProbability": 0,
    },
    attributes={
        "skin": _colours(SKIN, "skinColor"),
        "hair": _colours(HAIR, "hairColor"),
        "mouth": _mouth(
            closed=("happy01", "happy14", "sad05", "sad09"), opened=("happy05", "happy07", "happy16", "sad01")
        ),
    },
    glasses={"glassesProbability": 100, "glassesVariant": _numbered("variant", 1, 3, 4, 5)},
    bare={"glassesProbability": 0},
)

MICAH = AvatarStyle(
    always={
        "hairProbability": 100,
        "hairVariant": ("dannyPhantom", "fonze", "full", "mrT", "pixie"),
        "earringsProbability": 0,
    },
    attributes={
        "skin": _colours(SKIN, "baseColor"),
        "hair": _colours(HAIR, "hairColor", "facialHairColor"),
        "mouth": _mouth(closed=("frown", "sad", "smile", "smirk"), opened=("laughing", "nervous", "surprised")),
        "facial_hair": _beard("facialHair", "beard"),
    },
    glasses={"glassesProbability": 100, "glassesColor": ("#6bd9e9",)},
    bare={"glassesProbability": 0},
)

STYLES: Mapping[str, AvatarStyle] = {
    "adventurer": ADVENTURER,
    "avataaars": AVATAAARS,
    "big-smile": BIG_SMILE,
    "lorelei": LORELEI,
    "micah": MICAH,
    "toon-head": TOON_HEAD,
}
"""Name of the style in dicebear-styles → how it expresses the vocabulary."""

GLASSES = "+glasses"


def split_name(domain: str) -> tuple[str, bool]:
    """Split the name of a domain into its style and whether its faces wear glasses: "avataaars+glasses"."""
    return domain.removesuffix(GLASSES), domain.endswith(GLASSES)


def common_vocabulary(first: str, second: str) -> tuple[str, ...]:
    """Return the attributes that both styles express, in the order of `CLASSES`."""
    return tuple(name for name in CLASSES if all(name in STYLES[style].attributes for style in (first, second)))
