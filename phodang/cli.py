"""The command line, thin over the Python API.

::

    phodang predict article.txt
    cat article.txt | phodang predict - --format jsonl
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

EXAMPLE = """examples:
  phodang predict article.txt                      spans and relations as a table
  phodang predict article.txt --clean              without lists of other headlines, imprint
  cat article.txt | phodang predict - --format jsonl
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="phodang", description="Entities and relations in Party-building news.")
    commands = parser.add_subparsers(dest="command", required=True)
    predict = commands.add_parser(
        "predict",
        help="read an article and print what it states",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    predict.add_argument("file", help="a UTF-8 text file, or - for standard input")
    predict.add_argument("--model", help="folder of a saved model (default: see models.prediction.default_model)")
    predict.add_argument("--format", choices=("table", "jsonl"), default="table")
    predict.add_argument(
        "--clean", action="store_true", help="leave out site furniture; what is left out goes to standard error"
    )
    predict.add_argument("--threshold", type=float, help="leave out what is less probable than this")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 done, 1 it could not be done, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    from data.articles import ArticleError, read_article
    from models.configuration import ModelError
    from models.prediction import predict

    try:
        if options.file == "-":
            text = sys.stdin.read()
            name = "stdin"
        else:
            article = read_article(Path(options.file))
            text, name = article.text, article.id
        result = predict(text, model=options.model, clean=options.clean, threshold=options.threshold)
    except (ModelError, ArticleError, ValueError, OSError, ModuleNotFoundError) as error:
        print(f"phodang: {error}", file=sys.stderr)
        return 1
    for removal in result.removed:
        print(f"left out ({removal.reason}): {text[removal.start : removal.end]}", file=sys.stderr)
    if options.format == "jsonl":
        print(json.dumps({**result.to_dict(), "id": name}, ensure_ascii=False))
    else:
        print(result)
    return 0
