"""Energy: meters (NVML, RAPL, estimate), the sampler beside the load, and the arithmetic of traces."""
