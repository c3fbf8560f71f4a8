"""The search for a recipe: which ones are tried, on which nights, and which of them wins.

space.py      what may be tried: candidates of model.yaml, or the usual ones
nights.py     folds of nights before all judged ones, which are all that a search sees
sampler.py    what is tried next, by Optuna, from what was tried before and a seed alone
trial.py      one recipe on these folds
study.py      trial after trial, until the budget is spent; what was finished before is not done again
winner.py     the recipe that surely lost less than model.yaml's own, or that one
"""
