"""A model's name where names have letters, digits and hyphens alone, and begin and end with a letter or digit."""

LONGEST = 63
"""Of a label of DNS, as Kubernetes and SageMaker have it."""


def platform_name(model: str, longest: int = LONGEST, ending: str = "") -> str:
    """At most so long, with its ending; underscores are hyphens, and none stands last."""
    return model.replace("_", "-")[: longest - len(ending)].rstrip("-") + ending
