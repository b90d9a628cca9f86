"""The network: plain PyTorch modules, one component a file."""
