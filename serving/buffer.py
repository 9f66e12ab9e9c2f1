"""A batch's arrays in one piece of memory: one copy to the device, whatever their number."""

import numpy as np
import torch

from trainables.batches import Arrays

ALIGNED = 256  # bytes, as PyTorch aligns tensors of their own


class Buffer:
    """Memory of a device for arrays of given shapes. `tensors`: those arrays there, by name, always the same."""

    def __init__(self, arrays: Arrays, device: torch.device) -> None:
        """`arrays`: written at once."""
        self._places: dict[str, tuple[int, int]] = {}
        size = 0
        for name, array in arrays.items():
            self._places[name] = (size, size + array.nbytes)
            size += -(-array.nbytes // ALIGNED) * ALIGNED
        self._size = size
        self._memory = torch.empty(size, dtype=torch.uint8, device=device)
        self.tensors = {
            name: self._memory[slice(*self._places[name])].view(torch.from_numpy(array).dtype).view(array.shape)
            for name, array in arrays.items()
        }
        self.write(arrays)

    def write(self, arrays: Arrays) -> None:
        """Arrays of the same names and shapes; not waited for."""
        # From pinned memory a GPU copies while the host goes on; PyTorch gives it to nobody before it is copied.
        host = torch.empty(self._size, dtype=torch.uint8, pin_memory=self._memory.is_cuda)
        bytes_ = host.numpy()
        for name, (begin, end) in self._places.items():
            array = arrays[name]
            place = bytes_[begin:end].view(array.dtype).reshape(array.shape)
            np.copyto(place, array, casting="no")
        self._memory.copy_(host, non_blocking=True)
