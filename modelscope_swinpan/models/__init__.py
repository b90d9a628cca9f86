"""The network: plain PyTorch modules, one component per file."""
