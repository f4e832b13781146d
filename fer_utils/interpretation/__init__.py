"""What a trained net looks at: activations, attribution, dreams, and whether maps mean anything."""
