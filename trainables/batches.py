"""From ragged inputs to padded batches on a device: every input exactly once, in one of three paddings.

- `max_length`: inputs in order, each padded to the limit (the published experiment's).
- `longest`: inputs sorted by length, each batch padded to its longest, rounded up to 8 tokens.
- `packed`: no padding between inputs: the sequences of a batch are concatenated and attention is restricted to
  each of them. Inputs are dealt to batches so that all batches hold almost the same number of tokens; a few
  padding tokens at the end (a sequence of their own) make them equal, so that one shape serves them all.
"""

from dataclasses import dataclass, fields
from math import ceil

import numpy as np
import torch

from trainables.tasks.base import Inputs, Ragged

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
    return Plan(padding, batches, tuple(min(_round_up(int(lengths[rows].max())), max_seq_len) for rows in batches))


def _plan_packed(lengths: np.ndarray, batch_size: int) -> Plan:
    """Deal inputs, longest first, back and forth over the batches: sums differ by about one sequence at most."""
    n = len(lengths)
    count = ceil(n / batch_size)
    order = np.argsort(-lengths, kind="stable")
    dealt: list[list[int]] = [[] for _ in range(count)]
    sums = np.zeros(count, dtype=np.int64)
    for i in order:
        room = np.array([len(d) < batch_size for d in dealt])
        target = int(np.argmin(np.where(room, sums, np.iinfo(np.int64).max)))
        dealt[target].append(int(i))
        sums[target] += lengths[i]
    width = _round_up(int(sums.max()))  # the filler is at most one sequence and a few tokens long
    return Plan("packed", tuple(np.array(d) for d in dealt), (width,) * count)


def _round_up(tokens: int) -> int:
    return ceil(tokens / MULTIPLE) * MULTIPLE


@dataclass(frozen=True)
class Batch:
    """Tensors of one batch on a device. Padded: (rows, width). Packed: (1, width) with `cu_seqlens`."""

    input_ids: "torch.Tensor"  # int64
    token_type_ids: "torch.Tensor | None"  # int64
    attention_mask: "torch.Tensor | None"  # bool; 2-d where the model builds its own masks, 4-d otherwise
    position_ids: "torch.Tensor | None"  # int64, packed only
    cu_seqlens: "torch.Tensor | None"  # int32, packed only: boundaries of batch_size + 1 sequences, some empty
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
    pairs = list(zip(plan_.batches, plan_.width, strict=True))
    if plan_.padding == "packed":
        slots = max(len(rows) for rows in plan_.batches)
        fillers = [width - int(inputs.ids.lengths[rows].sum()) for rows, width in pairs]
        longest = max(int(inputs.ids.lengths.max()), *fillers)
        return [_packed_batch(inputs, rows, width, slots, longest, first_position, device) for rows, width in pairs]
    return [_padded_batch(inputs, rows, width, device, staged_mask) for rows, width in pairs]


def take(inputs: Inputs, rows: np.ndarray) -> Inputs:
    """The inputs at `rows`, in that order."""

    def pick(ragged: Ragged) -> Ragged:
        return ragged.slices(rows, np.zeros_like(rows), ragged.lengths[rows])

    token_types = None if inputs.token_types is None else pick(inputs.token_types)
    return Inputs(pick(inputs.ids), token_types, inputs.example[rows], inputs.pad_id)


def position_ids(ids: np.ndarray, first_position: int) -> np.ndarray:
    """Positions of one sequence of `ids` (n,) as Transformers counts them, int64 (n,).

    Where they begin behind the padding id (RoBERTa), only tokens that are not padding count, and a padding token has
    that id for its position: also one that the text itself contains, as the characters "<pad>".
    """
    if first_position == 0:
        return np.arange(len(ids))
    padding = first_position - 1
    real = ids != padding
    positions: np.ndarray = np.cumsum(real) * real + padding
    return positions


def _padded_batch(inputs: Inputs, rows: np.ndarray, width: int, device: "torch.device", staged_mask: bool) -> Batch:

    lengths = inputs.ids.lengths[rows]
    real = np.arange(width) < lengths[:, None]
    source = (inputs.ids.offsets[rows][:, None] + np.arange(width))[real]

    def dense(values: np.ndarray, fill: int) -> "torch.Tensor":
        out = np.full((len(rows), width), fill, dtype=np.int64)
        out[real] = values[source]
        return torch.from_numpy(out).to(device)

    mask = torch.from_numpy(real).to(device)
    if staged_mask:
        mask = None if real.all() else mask[:, None, None, :]  # type: ignore[assignment]
    return Batch(
        input_ids=dense(inputs.ids.values, inputs.pad_id),
        token_type_ids=None if inputs.token_types is None else dense(inputs.token_types.values, 0),
        attention_mask=mask,
        position_ids=None,
        cu_seqlens=None,
        starts=None,
        max_seqlen=width,
        rows=len(rows),
    )


def _packed_batch(
    inputs: Inputs, rows: np.ndarray, width: int, slots: int, longest: int, first_position: int, device: "torch.device"
) -> Batch:
    """`slots` sequences whatever the batch holds (the missing ones empty), then the filler: one shape for all."""

    lengths = inputs.ids.lengths[rows]
    filler = width - int(lengths.sum())
    ends = np.cumsum(lengths)
    empty = np.full(slots - len(rows), ends[-1])
    boundaries = np.concatenate([[0], ends, empty, [width]])
    starts = np.concatenate([[0], ends[:-1], np.zeros(slots - len(rows))])

    def packed(values: np.ndarray, fill: int) -> "torch.Tensor":
        parts = [values[inputs.ids.offsets[i] : inputs.ids.offsets[i + 1]] for i in rows]
        joined = np.concatenate([*parts, np.full(filler, fill)]).astype(np.int64)
        return torch.from_numpy(joined)[None].to(device)

    last = int(inputs.ids.lengths.max()) - 1  # the filler may be longer than any input, the positions are not
    of_filler = np.arange(filler).clip(max=last) + first_position
    positions = np.concatenate([*(position_ids(inputs.ids[i], first_position) for i in rows), of_filler])
    return Batch(
        input_ids=packed(inputs.ids.values, inputs.pad_id),
        token_type_ids=None if inputs.token_types is None else packed(inputs.token_types.values, 0),
        attention_mask=None,
        position_ids=torch.from_numpy(positions.astype(np.int64))[None].to(device),
        cu_seqlens=torch.from_numpy(boundaries.astype(np.int32)).to(device),
        starts=torch.from_numpy(starts.astype(np.int64)).to(device),
        max_seqlen=longest,
        rows=len(rows),
    )
