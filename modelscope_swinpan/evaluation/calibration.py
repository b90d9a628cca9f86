"""Whether scores mean what they say: of predictions with a score of about 0.9, nine in ten should have a match."""

from typing import Any

import numpy as np

from .matching import Matching

BINS = 10


class Calibration:
    """Predictions counted by their score, in bins of one width."""

    def __init__(self) -> None:
        self._sums = np.zeros((3, BINS))  # of predictions, of their matches, and of their scores

    def add(self, matching: Matching) -> None:
        """Count one photo's predictions that have a score. Those that are ignored are left out."""
        matched = np.asarray(matching.matched.any(0))
        judged = ~np.isnan(matching.found.scores) & (matched | matching.untrue)
        scores = matching.found.scores[judged]
        bins = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
        self._sums += [np.bincount(bins, each, minlength=BINS) for each in (None, matched[judged], scores)]

    def figures(self) -> dict[str, Any] | None:
        """The bins that have predictions, and the expected calibration error (0–1); None without any score.

        The error is the mean distance between the mean score of a bin and its share of matches, weighted by the bins'
        predictions (Guo et al., On Calibration of Modern Neural Networks, arXiv 1706.04599).
        """
        total = int(self._sums[0].sum())
        if not total:
            return None
        bins = [
            {
                "from": index / BINS,
                "to": (index + 1) / BINS,
                "predictions": int(number),
                "mean_score": scores / number,
                "matched": matches / number,
            }
            for index, (number, matches, scores) in enumerate(self._sums.T.tolist())
            if number
        ]
        error = sum(found["predictions"] * abs(found["mean_score"] - found["matched"]) for found in bins) / total
        return {"expected_error": error, "predictions": total, "bins": bins}
