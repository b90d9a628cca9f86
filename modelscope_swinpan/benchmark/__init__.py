"""The measuring stick: times and peak memory, each side in a process of its own, and peers to compare with."""
