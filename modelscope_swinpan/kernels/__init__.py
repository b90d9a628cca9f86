"""Speed: one file an operation, its fast forms beside a plain twin in ordinary PyTorch."""
