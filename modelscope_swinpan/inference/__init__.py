"""From images to results: preprocessing, predictors, fusion, pictures, tiles, streams."""
