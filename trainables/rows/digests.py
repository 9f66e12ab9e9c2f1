"""What tells the measured from one another where names do not. No heavy imports."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Digests:
    """Of what a trial measured: the fine-tuned model in full (fp32, head included), what made it, and the examples
    that it was scored on. Weights of one recipe differ by their seed, or by chance."""

    weights_digest: str
    recipe_digest: str
    data_digest: str
