"""The fault suite: a night is scored and published while processes, the network and the store fail."""
