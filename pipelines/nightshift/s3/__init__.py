"""S3 itself: how it is reached, what its refusals mean, and whether a store may be trusted with a commit."""
