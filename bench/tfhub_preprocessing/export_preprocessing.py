"""Export TF Hub's BERT preprocessing for a vocabulary with Model Garden's own exporter (see README.md)."""

import argparse

from official.nlp.tools.export_tfhub_lib import export_preprocessing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vocabulary", help="one WordPiece per line")
    parser.add_argument("output", help="folder of the SavedModel to write")
    parser.add_argument("--cased", action="store_true", help="keep case and accents")
    arguments = parser.parse_args()
    export_preprocessing(
        arguments.output,
        vocab_file=arguments.vocabulary,
        do_lower_case=not arguments.cased,
        tokenize_with_offsets=False,
        default_seq_length=128,
    )


if __name__ == "__main__":
    main()
