"""Features of images that no net has learned: histograms of oriented gradients."""
