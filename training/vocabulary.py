"""Learn a word-level BPE vocabulary in PhoBERT's format (`vocab.txt`, `bpe.codes`).

::

    python -m training.vocabulary --corpus news.txt.xz wiki.txt.xz --words 3000000 --size 16000 --out FOLDER

Byte-pair encoding over segmented words (Sennrich et al. 2016, https://aclanthology.org/P16-1162),
as PhoBERT's (Nguyen and Nguyen 2020, https://aclanthology.org/2020.findings-emnlp.92).
"""

from __future__ import annotations

import argparse
import json
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from models.tokenization import CONTINUED, END_OF_WORD, PhobertTokenization, written
from training.corpus import Filter, segmented
from training.run import write_whole

_VOWELS = "aăâeêioôơuưy"
_TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")


def vietnamese_alphabet() -> list[str]:
    """Every Vietnamese letter in both cases, the Latin letters, digits and printable ASCII."""
    marked = {unicodedata.normalize("NFC", vowel + tone) for vowel in _VOWELS for tone in _TONES}
    letters = marked | {"đ"}
    ascii_ = {chr(code) for code in range(33, 127)}
    return sorted(letters | {letter.upper() for letter in letters} | ascii_ | set("“”‘’…–—•°²³½×"))


def count_words(paths: Sequence[Path], limit: int, name: str, guard: Filter) -> Counter[str]:
    """Word counts over the beginnings of the corpora, an equal share of `limit` words from each."""
    counts: Counter[str] = Counter()
    for path in paths:
        for paragraph in segmented(path, limit // len(paths), guard, name, processes=2):
            counts.update(paragraph)
    return counts


def learn(counts: Counter[str], size: int, min_frequency: int = 5) -> tuple[list[tuple[str, str]], Counter[str]]:
    """Merges, best first, and the count of each piece in PhoBERT's spelling.

    Args:
        counts: of words. size: symbols in all. min_frequency: pairs seen less often are not merged.
    """
    alphabet = vietnamese_alphabet()
    tokenizer = Tokenizer(BPE(end_of_word_suffix=END_OF_WORD, unk_token="<unk>"))
    trainer = BpeTrainer(
        vocab_size=size,
        min_frequency=min_frequency,
        initial_alphabet=alphabet,
        limit_alphabet=400,
        end_of_word_suffix=END_OF_WORD,
        special_tokens=["<unk>"],
    )

    def repeated() -> Iterator[str]:
        for word, count in sorted(counts.items()):
            yield from [word] * count

    tokenizer.train_from_iterator(repeated(), trainer=trainer, length=sum(counts.values()))
    merges = [(left, right) for left, right in json.loads(tokenizer.to_str())["model"]["merges"]]
    pieces: Counter[str] = Counter()
    # Every letter exists at the end of a word and inside one, or some Vietnamese string would be lost.
    for character in alphabet:
        pieces[character] += 0
        pieces[character + CONTINUED] += 0
    # Every merge result too: no word may end in a piece that the vocabulary does not have.
    for left, right in merges:
        pieces[written(left + right)] += 0
    words = sorted(counts)
    for word, encoding in zip(words, tokenizer.encode_batch([[w] for w in words], is_pretokenized=True), strict=True):
        for token in encoding.tokens:
            if token != "<unk>":
                pieces[written(token)] += counts[word]
    return merges, pieces


def write_vocabulary(folder: Path, merges: Iterable[tuple[str, str]], pieces: Counter[str]) -> None:
    """Write `vocab.txt` (most frequent first) and `bpe.codes`, the latter last and whole."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(pieces.items(), key=lambda item: (-item[1], item[0]))
    (folder / "vocab.txt").write_text("".join(f"{piece} {count}\n" for piece, count in ordered), encoding="utf-8")
    codes = "".join(f"{left} {right} {rank}\n" for rank, (left, right) in enumerate(merges, start=1))
    write_whole(folder / "bpe.codes", codes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.vocabulary", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--corpus", type=Path, nargs="+", required=True, help="text files, plain or .xz, one paragraph a line"
    )
    parser.add_argument("--words", type=int, default=3_000_000, help="words to read in all (default: %(default)s)")
    parser.add_argument("--size", type=int, default=16_000, help="symbols of the BPE (default: %(default)s)")
    parser.add_argument("--segmenter", default="underthesea")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    counts = count_words(options.corpus, options.words, options.segmenter, Filter())
    write_vocabulary(options.out, *learn(counts, options.size))
    print(f"{options.out}: {PhobertTokenization(options.out).vocabulary_size} pieces from {sum(counts.values())} words")
    return 0


if __name__ == "__main__":
    sys.exit(main())
