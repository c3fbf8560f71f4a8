"""What a change would move before it is made: keys of model.yaml, the recipe, nights that are scored."""
