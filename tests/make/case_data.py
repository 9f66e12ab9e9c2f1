"""Small data of a user's TSV and of SQuAD, in words that `tests.make.tokenizers` knows."""

import json
from pathlib import Path

from tests.make import tokenizers


def tsv_data(folder: Path, pairs: bool = True) -> None:
    """60 examples in train.tsv and dev.tsv, some longer than 24 tokens."""
    words = tokenizers.WORDS
    lines = ["text1\ttext2\tlabel" if pairs else "text\tlabel"]
    for i in range(60):
        first = " ".join(words[(i + k) % len(words)] for k in range(1 + i % 29))
        second = " ".join(words[(i * 3 + k) % len(words)] for k in range(1 + (i * 7) % 13))
        lines.append("\t".join([first, *([second] if pairs else []), ("bad", "fair", "good")[i % 3]]))
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("train.tsv", "dev.tsv"):
        (folder / name).write_text("\n".join(lines) + "\n")


def squad_data(folder: Path) -> None:
    """24 questions on 6 paragraphs of up to 90 tokens."""
    words = tokenizers.WORDS
    paragraphs = []
    for i in range(6):
        context = " ".join(words[(i * 5 + k * (i + 1)) % len(words)] for k in range(15 * (i + 1)))
        asked = [
            {
                "id": f"{i}-{q}",
                "question": " ".join(words[(i + q + k) % len(words)] for k in range(3 + q)),
                "answers": [{"text": context.split()[2 * q], "answer_start": 0}],
            }
            for q in range(4)
        ]
        for entry in asked:
            answer = entry["answers"][0]
            answer["answer_start"] = context.index(answer["text"])
        paragraphs.append({"context": context, "qas": asked})
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]})
    for name in ("train-v1.1.json", "dev-v1.1.json"):
        (folder / name).write_text(text)
