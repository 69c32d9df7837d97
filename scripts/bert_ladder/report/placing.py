"""Where the labels of a chart stand, so that they cover nothing."""

from collections.abc import Sequence

FONT = 12  # pixels
LABEL_LIMIT = 240  # pixels of a row's name on an axis or in a legend; what is longer ends in an ellipsis
GAP = 5  # pixels between a mark and its label
Box = tuple[float, float, float, float]


def place_labels(
    wanted: Sequence[tuple[str, Box]], size: tuple[float, float], taken: Sequence[Box]
) -> list[tuple[float, float]]:
    """Find for each mark a place for its label that covers nothing, greedily; pixels, y downwards.

    Args:
        wanted: each label's text and the box (left, top, right, bottom) of the mark that it names.
        size: width and height of the plot; labels stay inside.
        taken: boxes to keep clear of.

    Returns:
        The centre (x, y) of each label, in the order of `wanted`; above its mark where no place is free.
    """
    taken = [*taken, *(mark for _, mark in wanted)]
    centres = []
    for text, (left, top, right, bottom) in wanted:
        half_width, half_height = (side / 2 for side in text_box(text))
        middle, level = (left + right) / 2, (top + bottom) / 2
        places = [(middle, top - GAP - half_height), (middle, bottom + GAP + half_height)]
        for shift in (0, -1.5, 1.5, -3, 3, -4.5, 4.5):
            y = level + shift * 2 * half_height
            places += [(right + GAP + half_width, y), (left - GAP - half_width, y)]
        places = [
            (min(max(x, half_width), size[0] - half_width), min(max(y, half_height), size[1] - half_height))
            for x, y in places
        ]
        boxes = [(x - half_width, y - half_height, x + half_width, y + half_height) for x, y in places]
        free = [index for index, box in enumerate(boxes) if not any(overlap(box, other) for other in taken)]
        chosen = free[0] if free else 0
        taken.append(boxes[chosen])
        centres.append(places[chosen])
    return centres


def text_box(text: str) -> tuple[float, float]:
    """About how many pixels wide and high a label is drawn that ends in an ellipsis beyond `LABEL_LIMIT`."""
    return min(len(text) * FONT * 0.58, LABEL_LIMIT) + 4, FONT * 1.2


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share more than an edge."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
