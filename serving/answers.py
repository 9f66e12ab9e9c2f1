"""What a text is answered."""

from typing import NamedTuple


class Prediction(NamedTuple):
    """`answer`: the label's name, or the text that answers a question. `score`: the label's probability (softmax), or
    the sum of the logits of the answer's first and last token; NaN, with an empty answer, where the model computed no
    number."""

    answer: str
    score: float
