"""From a photo to an expression: find faces, cut them out as FER2013 does, classify them."""
