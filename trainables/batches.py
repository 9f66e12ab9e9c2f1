"""From ragged inputs to padded batches on a device: every input exactly once, in one of three paddings.

- `max_length`: inputs in order, each padded to the limit (the published experiment's).
- `longest`: inputs sorted by length, each batch padded to its longest, rounded up to 8 tokens.
- `packed`: no padding between inputs: the sequences of a batch are concatenated and attention is restricted to
  each of them. Inputs are dealt to batches so that all batches hold almost the same number of tokens; a few
  padding tokens at the end (a sequence of their own) make them equal, so that one shape serves them all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from heapq import heappop, heappush
from math import ceil

import numpy as np
import torch

from trainables.tasks.base import Inputs, Ragged

Arrays = dict[str, np.ndarray]  # of a batch on the host, by the name of the field of `Batch`

MULTIPLE = 8  # tokens; tensor cores and masked attention kernels want multiples of 8


@dataclass(frozen=True)
class Plan:
    """Which inputs form which batch, and how wide each batch is.

    For `max_length` and `longest`, `width` is the padded length of each row; for `packed`, the tokens of the
    whole batch.
    """

    padding: str
    batches: tuple[np.ndarray, ...]  # indices of inputs
    width: tuple[int, ...]

    @property
    def tokens(self) -> int:
        """Tokens processed in one pass, padding included."""
        if self.padding == "packed":
            return sum(self.width)
        return sum(len(rows) * width for rows, width in zip(self.batches, self.width, strict=True))


def plan(lengths: np.ndarray, batch_size: int, max_seq_len: int, padding: str) -> Plan:
    """Batches of at most `batch_size` inputs of the given lengths (tokens), none longer than `max_seq_len`."""
    n = len(lengths)
    if padding == "packed":
        return _plan_packed(lengths, batch_size)
    order = np.arange(n) if padding == "max_length" else np.argsort(-lengths, kind="stable")
    batches = tuple(order[i : i + batch_size] for i in range(0, n, batch_size))
    if padding == "max_length":
        return Plan(padding, batches, (max_seq_len,) * len(batches))
    return Plan(padding, batches, tuple(min(round_up(int(lengths[rows].max())), max_seq_len) for rows in batches))


def _plan_packed(lengths: np.ndarray, batch_size: int) -> Plan:
    """Deal inputs, longest first, each to the batch with the fewest tokens: sums differ by about one sequence."""
    count = ceil(len(lengths) / batch_size)
    dealt: list[list[int]] = [[] for _ in range(count)]
    open_batches = [(0, i) for i in range(count)]  # a heap of (tokens, batch), those that are full taken out
    most = 0
    for i in np.argsort(-lengths, kind="stable"):
        tokens, target = heappop(open_batches)
        dealt[target].append(int(i))
        tokens += int(lengths[i])
        most = max(most, tokens)
        if len(dealt[target]) < batch_size:
            heappush(open_batches, (tokens, target))
    width = round_up(most)  # the filler is at most one sequence and a few tokens long
    return Plan("packed", tuple(np.array(d) for d in dealt), (width,) * count)


def round_up(tokens: int) -> int:
    """To a multiple of 8."""
    return ceil(tokens / MULTIPLE) * MULTIPLE


@dataclass(frozen=True)
class Batch:
    """Tensors of one batch on a device. Padded: (rows, width). Packed: (1, width) with `cu_seqlens`."""

    input_ids: "torch.Tensor"  # int64
    token_type_ids: "torch.Tensor | None"  # int64
    attention_mask: "torch.Tensor | None"  # bool; 2-d where the model builds its own masks, 4-d otherwise
    position_ids: "torch.Tensor | None"  # int64, packed only
    cu_seqlens: "torch.Tensor | None"  # int32, packed only: boundaries of all sequences, some empty, the filler last
    starts: "torch.Tensor | None"  # int64 (batch_size,), packed only: first token of each sequence
    max_seqlen: int  # longest sequence of all batches, filler included, where packed; the width otherwise
    rows: int  # inputs in the batch; outputs beyond them are filler

    def tensors(self) -> dict[str, "torch.Tensor"]:
        """The tensors that are there, by name."""

        return {f.name: v for f in fields(self) if isinstance(v := getattr(self, f.name), torch.Tensor)}

    @property
    def shape(self) -> tuple[object, ...]:
        """Batches of equal shape can share one captured graph."""
        return (self.max_seqlen, *((name, *t.shape) for name, t in self.tensors().items()))


def stage(
    inputs: Inputs, plan_: Plan, device: "torch.device", staged_mask: bool = True, first_position: int = 0
) -> list[Batch]:
    """Pad (or pack) the inputs as planned and move them to the device.

    With `staged_mask` padded batches get a ready boolean mask (rows, 1, 1, width), or none where nothing is
    padded, so that the model builds none in every pass (and reads no tensor back to decide). Packed batches
    carry position ids, which count from `first_position` in every sequence (see `position_ids`); for padded ones the
    model counts them itself.
    """
    made = arrays_of(inputs, plan_, staged_mask, first_position)
    rows = map(len, plan_.batches)
    return [on_device(arrays, longest, n, device) for (arrays, longest), n in zip(made, rows, strict=True)]


def arrays_of(
    inputs: Inputs, plan_: Plan, staged_mask: bool = True, first_position: int = 0
) -> Iterator[tuple[Arrays, int]]:
    """The batches of `stage` on the host, each with its `max_seqlen`."""
    pairs = list(zip(plan_.batches, plan_.width, strict=True))
    if plan_.padding != "packed":
        yield from ((padded_arrays(inputs, rows, width, staged_mask), width) for rows, width in pairs)
        return
    slots = max(len(rows) for rows in plan_.batches)
    fillers = [width - int(inputs.ids.lengths[rows].sum()) for rows, width in pairs]
    longest = max(int(inputs.ids.lengths.max()), *fillers)
    for rows, width in pairs:
        yield packed_arrays(inputs, rows, width, slots, first_position=first_position), longest


def on_device(arrays: Arrays, max_seqlen: int, rows: int, device: "torch.device", overlapped: bool = False) -> Batch:
    """A batch of its arrays (of `padded_arrays` or `packed_arrays`). `overlapped`: the host does not wait for
    what a GPU computes."""
    found = {
        name: on_host(array, overlapped and device.type == "cuda").to(device, non_blocking=overlapped)
        for name, array in arrays.items()
    }
    return batch_of(found, max_seqlen, rows)


def batch_of(tensors: dict[str, "torch.Tensor"], max_seqlen: int, rows: int) -> Batch:
    """A batch of the tensors that it has."""
    missing = {f.name: None for f in fields(Batch) if f.name not in ("max_seqlen", "rows")}
    return Batch(**missing | tensors, max_seqlen=max_seqlen, rows=rows)  # type: ignore[arg-type]


def on_host(array: np.ndarray, pinned: bool) -> "torch.Tensor":
    """`pinned`: in memory from which a GPU copies while the host goes on; PyTorch keeps it until the copy is made."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory() if pinned else tensor


def take(inputs: Inputs, rows: np.ndarray) -> Inputs:
    """The inputs at `rows`, in that order."""
    token_types = None if inputs.token_types is None else _picked(inputs.token_types, rows)
    return Inputs(_picked(inputs.ids, rows), token_types, inputs.example[rows], inputs.pad_id)


def joined(one: Inputs, other: Inputs) -> Inputs:
    """The inputs of one, then those of the other, of the same tokenizer. The examples are each one's own."""
    pairs = [(one.ids, other.ids)]
    if one.token_types is not None and other.token_types is not None:
        pairs.append((one.token_types, other.token_types))
    ids, *types = [
        Ragged(np.concatenate([a.values, b.values]), np.concatenate([a.offsets, a.offsets[-1] + b.offsets[1:]]))
        for a, b in pairs
    ]
    return Inputs(ids, types[0] if types else None, np.concatenate([one.example, other.example]), one.pad_id)


def position_ids(ids: Ragged, first_position: int) -> np.ndarray:
    """Positions of the sequences of `ids` as Transformers counts them, one after the other: int64, as ids.values.

    Where they begin behind the padding id (RoBERTa), only tokens that are not padding count, and a padding token has
    that id for its position: also one that the text itself contains, as the characters "<pad>".
    """
    begin = ids.offsets[:-1]
    if first_position == 0:
        plain: np.ndarray = np.arange(ids.offsets[-1]) - np.repeat(begin, ids.lengths)
        return plain
    padding = first_position - 1
    real = ids.values != padding
    counted = np.concatenate([[0], np.cumsum(real)])
    positions: np.ndarray = (counted[1:] - np.repeat(counted[begin], ids.lengths)) * real + padding
    return positions


def padded_arrays(inputs: Inputs, rows: np.ndarray, width: int, staged_mask: bool = True, slots: int = 0) -> Arrays:
    """A padded batch on the host: arrays (rows, width), for inputs none of which is longer. `slots`: rows at least, the
    missing ones filler of a single token."""
    slots = max(slots, len(rows))
    lengths = np.zeros(slots, dtype=np.int64)
    lengths[: len(rows)] = inputs.ids.lengths[rows]
    real = np.arange(width) < lengths[:, None]
    source = (inputs.ids.offsets[rows][:, None] + np.arange(width))[real[: len(rows)]]

    def dense(values: np.ndarray, fill: int) -> np.ndarray:
        out = np.full((slots, width), fill, dtype=np.int64)
        out[real] = values[source]
        return out

    arrays = {"input_ids": dense(inputs.ids.values, inputs.pad_id)}
    if inputs.token_types is not None:
        arrays["token_type_ids"] = dense(inputs.token_types.values, 0)
    mask = real.copy()
    mask[len(rows) :, 0] = True  # a row that attends to nothing is not a number
    if not staged_mask:
        arrays["attention_mask"] = mask
    elif not mask.all():
        arrays["attention_mask"] = mask[:, None, None, :]
    return arrays


def packed_arrays(
    inputs: Inputs,
    rows: np.ndarray,
    width: int,
    slots: int,
    fillers: int = 1,
    filler_tokens: int = 0,
    first_position: int = 0,
) -> Arrays:
    """A packed batch on the host: `slots` sequences whatever it holds (the missing ones empty), then what fills it up
    to `width` tokens, as `fillers` sequences of `filler_tokens` each until none are left (the last takes the rest)."""
    ids, types = _picked(inputs.ids, rows), None if inputs.token_types is None else _picked(inputs.token_types, rows)
    total = int(ids.offsets[-1])
    ends = np.full(slots + 1, total)
    ends[: len(rows) + 1] = ids.offsets
    filled = np.minimum(total + filler_tokens * np.arange(1, fillers + 1), width)
    filled[-1] = width
    starts = np.zeros(slots, dtype=np.int64)
    starts[: len(rows)] = ids.offsets[:-1]
    positions = np.empty((1, width), dtype=np.int64)
    positions[0, :total] = position_ids(ids, first_position)
    # The filler may be longer than any input, the positions are not.
    positions[0, total:] = np.arange(width - total).clip(max=int(inputs.ids.lengths.max()) - 1) + first_position

    def packed(values: np.ndarray, fill: int) -> np.ndarray:
        out = np.full((1, width), fill, dtype=np.int64)
        out[0, :total] = values
        return out

    arrays = {"input_ids": packed(ids.values, inputs.pad_id)}
    if types is not None:
        arrays["token_type_ids"] = packed(types.values, 0)
    boundaries = np.concatenate([ends, filled]).astype(np.int32)
    return arrays | {"position_ids": positions, "cu_seqlens": boundaries, "starts": starts}


def _picked(ragged: Ragged, rows: np.ndarray) -> Ragged:
    return ragged.slices(rows, np.zeros_like(rows), ragged.lengths[rows])
