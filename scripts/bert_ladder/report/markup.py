"""Text of others in the languages that tables and summaries are written in."""

import re

from tabulate import LATEX_ESCAPE_RULES

TEXT_WIDTH = 120  # columns of a terminal


def single_spaced(text: str) -> str:
    """White space, line breaks among it, becomes single spaces."""
    return " ".join(text.split())


def escape_markdown(text: str) -> str:
    """Show text as it is in GitHub's markdown, cells of tables included."""
    text = re.sub(r"([\\`*|\[\]~$])|(?<!\w)_|_(?!\w)", r"\\\g<0>", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape_latex(text: str) -> str:
    """Show text as it is in LaTeX."""
    return "".join(LATEX_ESCAPE_RULES.get(character, character) for character in text)
