"""What people write: settings, site and device files, read strictly and checked as a whole.

    YAML bytes ─document─▶ Node tree (text, places) ─fit─▶ models ─cross-checks─▶ Configuration

Every problem is collected before anything is refused, each with file, line and column. Scalars stay
text until a model asks for a number, so that no identifier is ever damaged on the way.
"""
