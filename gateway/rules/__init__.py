"""Rules: files that people write, compiled at load, evaluated on event time.

    rules/*.yaml ─▶ files ─▶ RuleSet ─▶ RuleEngine.step(outcome, time) ─▶ RuleChange

Loading (`files`, `schema`, `build`) may read files. Everything that evaluates (`engine` and what it
imports) does no I/O, asks no clock and is a function of its inputs.
"""
