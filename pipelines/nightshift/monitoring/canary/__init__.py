"""A canary: how the rows it scored did beside the champion's, what its nights say together, and the readout of both."""
