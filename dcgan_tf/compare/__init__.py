"""Many runs side by side: as rows, as sheets of pictures, as curves, as tables."""
