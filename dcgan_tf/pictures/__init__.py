"""Arrays as figures: grids with titles, curves, sheets, films, and the picture of a network's layers."""
