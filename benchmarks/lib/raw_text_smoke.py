"""A tiny model and a few examples of each task, made here: smoke mode needs neither files nor the hub."""

from typing import Any

import torch
from transformers import PreTrainedModel

from benchmarks.lib.shapes import SEED
from trainables.model.checks import name_labels
from trainables.model.loading import SPAN_OUTPUTS, auto_class
from trainables.tasks.base import Task
from trainables.tasks.classification import Examples
from trainables.tasks.demo import DEMO, demo_config
from trainables.tasks.glue import QQP
from trainables.tasks.squad import SQUAD
from trainables.tasks.squad_data import Question, collect

EXAMPLES, QUESTIONS = 64, 12
CONTEXTS = (2, 10, 64)  # sentences: the last is longer than 384 tokens, so that a question has two windows


def smoke_examples(task: Task) -> Any:
    """Sentences of the demo: alone, in pairs, or as questions on paragraphs of them."""
    sentences = DEMO.load("validation", None, EXAMPLES)
    texts = sentences.first
    if task == QQP:
        return Examples(texts, texts[::-1], sentences.labels, sentences.label_names)
    if task != SQUAD:
        return sentences
    contexts = [" ".join(texts[:count]) for count in CONTEXTS]
    asked = [(text, contexts[i % len(contexts)]) for i, text in enumerate(texts[:QUESTIONS])]
    return collect(Question(str(i), text, context, (context.split()[0],), 0) for i, (text, context) in enumerate(asked))


def smoke_model(task: Task, labels: tuple[str, ...], positions: int) -> PreTrainedModel:
    """The demo's, with weights that are random and large: its answers are as definite as a trained model's."""
    config = demo_config()
    config.max_position_embeddings, config.initializer_range = positions, 0.2
    config.num_labels = len(labels) or SPAN_OUTPUTS
    if labels:
        name_labels(config, labels)
    torch.manual_seed(SEED)
    made: PreTrainedModel = auto_class(task.head).from_config(config, dtype=torch.float32)
    return made.eval()
