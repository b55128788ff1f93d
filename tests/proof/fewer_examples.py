"""A pytest plugin for mutants: the same examples every time, and few, because each mutant pays for them."""

from hypothesis import settings

settings.register_profile(
    "mutation",
    max_examples=15,
    stateful_step_count=20,
    derandomize=True,
    database=None,
    deadline=None,  # a busy machine must not look like a test that notices
)
