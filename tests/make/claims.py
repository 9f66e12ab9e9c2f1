"""Files of claims."""

import json
from pathlib import Path
from typing import Any


def claims_file(folder: Path, **changes: Any) -> Path:
    """A claim of 4x from fp32 to fp16 at 128 tokens; None leaves a field out."""
    claim = {
        "from": {"precision": "fp32", "max_seq_len": 128},
        "to": {"precision": "fp16", "max_seq_len": 128},
        "claimed_ratio": 4,
        "accuracy_unchanged": True,
    }
    file = folder / "claims.json"
    file.write_text(json.dumps([{k: v for k, v in (claim | changes).items() if v is not None}]))
    return file
