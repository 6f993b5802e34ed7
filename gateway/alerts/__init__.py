"""Alerts: from instances of rules to what people are told, once for each change of state.

RuleChange ─book─▶ Entry (an alert's life) ─quiet?─▶ Alert (a record for the outbox)
"""
