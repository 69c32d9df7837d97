"""Texts that forms of a model are asked, and the temperature of that model."""

TEMPERATURE = 0.5
# One that is empty, one with accents and control characters, and some that are cut at 16 WordPieces.
TEXTS = [
    "lovely", "the film was dull .", "", "Lóvely \ufb01lm\x96not average",
    "[SEP] was one very bright film , and not dull",
    "the film was lovely , and bright , and not dull , and not awful . one average film",
    "dull dull dull the film was not very passable and not very lovely and was one average film , bright bright",
]  # fmt: skip
