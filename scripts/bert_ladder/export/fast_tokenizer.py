"""An encoder's tokenizer in the form of the package `tokenizers`, with TF Text's ids.

`BertWordPieceTokenizer` of that package has other ids for one text in a hundred (docs/tokenization.md): it deletes
control characters, keeps compatibility characters and lower-cases without folding. This one is put together from the
package's parts in the order of `text.BertTokenizer`. What is left: a word's limit is 100 characters here and 100 bytes
there, and the Unicode tables are of other versions.
"""

from collections.abc import Sequence

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from bert_ladder.encoders.vocabulary import WORDPIECE

LONGEST_WORD = 100
CHINESE = (
    r"\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}\x{2B740}-\x{2B81F}\x{2B820}-\x{2CEAF}"
    r"\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}"
)
MARK = rf"[!-/:-@\[-`{{-~\p{{P}}{CHINESE}]"
CONTROL = r"\p{Cc}|\p{Cf}"
# Default_Ignorable_Code_Point, which NFKC_Casefold removes (Unicode 15, DerivedCoreProperties.txt).
IGNORABLE = (
    r"[\x{00AD}\x{034F}\x{061C}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{200B}-\x{200F}\x{202A}-\x{202E}"
    r"\x{2060}-\x{206F}\x{3164}\x{FE00}-\x{FE0F}\x{FEFF}\x{FFA0}\x{FFF0}-\x{FFF8}\x{1BCA0}-\x{1BCA3}"
    r"\x{1D173}-\x{1D17A}\x{E0000}-\x{E0FFF}]"
)
# What full case folding does to letters that lower-casing leaves.
FOLDED = {"ß": "ss", "ẞ": "ss", "ς": "σ"}  # noqa: RUF001


def fast_tokenizer(pieces: Sequence[str], lower_case: bool) -> Tokenizer:
    """Build the tokenizer; it neither cuts nor pads, and puts [CLS] before and [SEP] behind a text.

    Args:
        pieces: WordPieces in the order of their ids, with BERT's special ones.
        lower_case: fold case and strip accents, as uncased vocabularies need it.
    """
    special = WORDPIECE["special"]
    ids = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token=special["unknown"], max_input_chars_per_word=LONGEST_WORD))
    # ASCII's white space is among the control characters: after it, a blank is all that parts words.
    tokenizer.normalizer = normalizers.Sequence(
        [*(folding() if lower_case else []), normalizers.Replace(Regex(CONTROL), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.CharDelimiterSplit(" "), pre_tokenizers.Split(Regex(MARK), "isolated")]
    )
    # Not as added tokens, which would be found in a text that says "[CLS]".
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{special['start']} $A {special['end']}",
        special_tokens=[(special[role], ids[special[role]]) for role in ("start", "end")],
    )
    return tokenizer


def folding() -> list[normalizers.Normalizer]:
    """NFKC_Casefold, as far as the package has it, then accents off."""
    return [
        normalizers.NFKC(),
        normalizers.Replace(Regex(IGNORABLE), ""),
        normalizers.Lowercase(),
        *(normalizers.Replace(letter, folded) for letter, folded in FOLDED.items()),
        normalizers.NFKC(),
        normalizers.NFD(),
        normalizers.Replace(Regex(r"\p{Mn}"), ""),
    ]
